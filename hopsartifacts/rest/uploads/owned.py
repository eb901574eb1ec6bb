"""Uploads of the user's own files, which go to the store when they are complete."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hopsartifacts.datasets import own
from hopsartifacts.rest.uploads.area import Area
from hopsartifacts.rest.uploads.files import Assembly, on_disk, taken
from hopsartifacts.rest.uploads.places import UploadPlace
from hopsartifacts.rest.uploads.shelf import Shelf
from hopsartifacts.rest.uploads.values import Chunk
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.root import mark_root

_READ_BYTES = 256 * 1024


class OwnFiles:
    """The user's own files: each has an area until some time after it is in the store.

    Clients repeat a part if its answer was lost, so its digest is still needed then.
    """

    def __init__(self, storage: Storage, shelf: Shelf) -> None:
        self._storage = storage
        self._shelf = shelf

    def put(self, place: UploadPlace, chunk: Chunk, data: BinaryIO, owner: str) -> None:
        """Store a part of a file; raises as ``Uploads.put_chunk``."""
        area = self._shelf.find(place, owner)
        if area and self._is_left_over(area, chunk):
            self._shelf.drop(area)
            area = None
        if area is None:
            self._check_free(place.path)
            area, _ = self._shelf.open(place, owner)
        upload = area.put(chunk.name, chunk, data)
        if upload.is_whole:
            self._deliver(area, upload)

    def remove(self, path: str, owner: str) -> bool:
        """Drop unfinished files at and below *path*; return False if more may exist."""
        found = [
            area
            for area in self._shelf.all()
            if area.place.kind == "own"
            and area.owner == owner
            and f"{area.place.path}/".startswith(f"{path}/")
        ]
        is_any = any(area.status == "open" for area in found)
        for area in found:
            self._shelf.drop(area)
        return is_any and self._storage.stat(path) is None

    def _is_left_over(self, area: Area, chunk: Chunk) -> bool:
        """Return whether *chunk* belongs to a later upload than *area*."""
        if area.status == "delivered":
            # If the file is gone, it was removed since, and this is a new upload.
            return self._storage.stat(area.place.path) is None
        if area.status == "ending" or not area.may_begin_anew:
            return area.status == "ending"
        upload = area.contents.files.get(chunk.name)
        return upload is not None and not upload.is_of(chunk)

    def _check_free(self, path: str) -> None:
        own.check_above(self._storage, path)
        if own.look(self._storage, path) is not None:
            raise taken(path)

    def _deliver(self, area: Area, upload: Assembly) -> None:
        """Write a complete file to the store, once."""
        with area.lock:
            if area.status == "delivered":
                return
            area.check_open()
            self._check_free(area.place.path)
            mark_root(self._storage)
            self._storage.write(area.place.path, _bytes_of(upload.location))
            area.deliver()


def _bytes_of(location: Path) -> Iterator[bytes]:
    with on_disk("read an upload"), location.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            yield piece
