"""Uploads in several steps, which become versions completely or not at all.

The official client makes a version's folder, fills it, and registers the version. Here
making the folder claims the version number, the files are kept on the server's disk,
and registering seals them. Before that, no other client sees any of it.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from hopsartifacts import layout
from hopsartifacts.datasets import own
from hopsartifacts.errors import (
    HopsArtifactsError,
    InvalidInputError,
    ManagedPathError,
)
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.rest.own_folder import RequestBodies, on_disk
from hopsartifacts.rest.uploads.area import Area
from hopsartifacts.rest.uploads.contents import Assembly, taken
from hopsartifacts.rest.uploads.shelf import Shelf
from hopsartifacts.rest.uploads.single import SingleFiles
from hopsartifacts.rest.uploads.values import (
    Chunk,
    Details,
    UploadLimits,
    UploadPlace,
    file_place,
    place_of,
    refusal,
)
from hopsartifacts.rest.uploads.versions import (
    Claims,
    Refusals,
    unclaimed,
    version_place,
)
from hopsartifacts.storage.contract import FileInfo, Storage
from hopsartifacts.store.root import check_claim, mark_root

_READ_BYTES = 256 * 1024


class Uploads:
    """All unfinished uploads of one project; may be used from any thread.

    An owner is the id of an API key. Paths are relative to the project.

    Attributes:
        bodies: temporary folders for the files of single requests.
        single: the uploads of single files, by id.
    """

    def __init__(
        self,
        storage: Storage,
        folder: Path,
        limits: UploadLimits = UploadLimits(),  # noqa: B008 - frozen
    ) -> None:
        """Lock *folder* on the server's disk, and continue uploads that are in it.

        Raises:
            InUseError: another server uses the folder.
            StorageError: the folder cannot be used.
        """
        self._storage = storage
        self._limits = limits
        self._shelf = Shelf(folder, limits)
        # After the shelf, which locks the folder.
        self.bodies = RequestBodies(folder / "bodies", limits.min_free_bytes)
        self._claims = Claims(storage, self._shelf, limits)
        self._own = OwnFiles(storage, self._shelf)
        self.single = SingleFiles(storage, self._shelf, limits)
        self._refusals = Refusals(limits.takeover_s)
        self._new_models: dict[tuple[str, str], float] = {}

    def claim(self, model: str, version: int, owner: str) -> None:
        """Claim the number *version* of *model* for the files that follow.

        Raises:
            AlreadyExistsError: the number is taken, or the name except for its case.
            InvalidNameError: the name is outside the rules.
            ManagedPathError: *version* is not a version number.
            RefusedError: this owner has too many unfinished uploads.
        """
        try:
            self._claims.take(version_place(model, version), owner)
        except HopsArtifactsError:
            self._refusals.add(layout.version_dir(model, version), owner)
            raise

    def put_chunk(self, folder: str, chunk: Chunk, data: BinaryIO, owner: str) -> None:
        """Store a part of a file for *folder*.

        Parts may arrive in any order, and repeatedly. The user's own files are written
        to the store when they are complete.

        Raises:
            AlreadyExistsError: a file of the user's own exists already.
            InvalidInputError: a parent of the path is a file or link, the numbers do
                not fit each other, or there are not as many bytes.
            ConflictError: the part differs from an earlier one, or the version is not
                claimed.
            ManagedPathError: files cannot be uploaded to this folder.
            RefusedError: a limit is reached, or the disk is full.
        """
        chunk.check()
        place = file_place(f"{folder}/{chunk.name}" if folder else chunk.name)
        if place.kind == "own":
            self._own.put(place, chunk, data, owner)
        else:
            self._area(place, owner).put(place.inside, chunk, data)

    def put_file(self, path: str, chunks: Iterable[bytes], owner: str) -> None:
        """Store a complete file from the server itself, for example a copy.

        Only for versions and scripts; raises as ``put_chunk``.
        """
        place = file_place(path)
        if place.kind == "own":
            raise InvalidInputError(f"{path!r} is not in a version or a deployment")
        self._area(place, owner).put_whole(place.inside, chunks)

    def make_folder(self, path: str, owner: str) -> None:
        """Make a folder in an unfinished version or for a deployment's scripts.

        The folder of a version claims its number. The folder of a new model is only
        remembered, as its first version creates it.

        Raises:
            ManagedPathError: folders cannot be made there.
            ConflictError: the version is not claimed.
            AlreadyExistsError: *path* is a file, or the name or number is taken.
        """
        place = place_of(path, is_folder=True)
        if place.kind == "model":
            claim = layout.model_name_claim(place.model)
            check_claim(self._storage, claim, place.model, "model")
            self._new_models[place.top, owner] = time.monotonic()
        elif place.kind == "version" and not place.inside:
            self.claim(place.model, place.version, owner)
        elif not place.may_be_folder:
            raise refusal(path)
        else:
            area = self._area(place, owner)
            if place.inside:
                area.make_folder(place.inside)

    def stat(self, path: str, owner: str) -> FileInfo | None:
        """Return the unfinished file or folder at *path*, if the owner can see it.

        Only complete files are returned. If a client asks for a missing file in an open
        version, this file is expected to be uploaded.
        """
        place = _place_if_any(path)
        if place is None or place.kind == "own":
            return None
        if place.kind == "version" and place.may_be_file:
            self._announce(place, owner)
        area = self._shelf.visible(place, owner)
        if area is None:
            return self._stat_above(path, owner)
        if place.inside:
            # Not for the folder itself: a client may poll it until it can start over.
            area.touch()
        with area.lock:
            if not place.inside or place.inside in area.contents.folders:
                return _folder(path, area)
            upload = area.contents.files.get(place.inside)
        return _file(path, upload, area) if upload and upload.is_whole else None

    def list(self, path: str, owner: str) -> list[FileInfo]:
        """Return the unfinished files and folders in *path* that the owner can see."""
        found: dict[str, FileInfo] = {}
        for area in self._shelf.all_visible(owner):
            for entry in _entries(area):
                if entry.path.rpartition("/")[0] == path:
                    found[entry.path] = entry
        return [found[name] for name in sorted(found)]

    def local_file(self, path: str, owner: str) -> Path | None:
        """Return a complete file's location on local disk, with its own base name.

        Only for a deployment's scripts; the file stays until the upload expires.
        """
        place = _place_if_any(path)
        if place is None or place.kind != "scripts":
            return None
        area = self._shelf.visible(place, owner)
        return area.named_file(place.inside) if area else None

    def remove(self, path: str, owner: str) -> bool:
        """Remove the unfinished file or folder at *path*.

        The number of a version is kept for the next save, by any owner.

        Returns:
            False if this owner has nothing there. True too for the clean-up after a
            refused claim, which removes nothing.

        Raises:
            ConflictError: it is being registered.
        """
        if self._refusals.take(path, owner):
            return True
        place = _place_if_any(path)
        if place is None or place.kind == "model":
            return False
        if place.kind == "own":
            return self._own.remove(path, owner)
        area = self._shelf.find(place, owner)
        if area is None or not area.is_of(owner):
            return False
        return area.remove(place.inside) if place.inside else self._claims.clear(area)

    def seal(self, model: str, version: int, details: Details, owner: str) -> Manifest:
        """Seal an uploaded version.

        Raises:
            AlreadyExistsError: the version exists, and not from this upload.
            ConflictError: nothing was uploaded, a part is being received, or the number
                was given up meanwhile.
            InvalidModelError: the files or details are not valid.
            InvalidNameError: a name is outside the rules.
        """
        place = version_place(model, version)
        try:
            return self._claims.seal(place, details, owner)
        except HopsArtifactsError:
            if self._shelf.find(place, owner) is None:
                # It was given up, and the client will remove the folder.
                self._refusals.add(place.top, owner)
            raise

    def numbers(self, model: str, owner: str = "") -> set[int]:
        """Return the numbers above the newest version that are taken.

        So a client that uses the number after the highest one it sees gets a free one.
        A number whose upload *owner* may start over is free for this owner.
        """
        return self._claims.numbers(model, owner)

    def sweep(self) -> None:
        """Give up uploads that were not used for long; to be called regularly."""
        for area in self._shelf.all():
            # If this fails now, the next call tries again.
            with suppress(HopsArtifactsError):
                self._claims.end_if_old(area)
        self._refusals.forget_old()
        before = time.monotonic() - self._limits.expiry_s
        for key, at in list(self._new_models.items()):
            if at < before:
                self._new_models.pop(key, None)

    def close(self) -> None:
        """Unlock the folder; unfinished uploads stay in it."""
        self._shelf.close()

    def _area(self, place: UploadPlace, owner: str) -> Area:
        """Return the area that a change is for; create it if it is for scripts."""
        if place.kind == "scripts":
            return self._shelf.open(place, owner)
        area = self._shelf.find(place, owner)
        if area is None or not area.is_of(owner):
            raise unclaimed(place)
        return area

    def _announce(self, place: UploadPlace, owner: str) -> None:
        """Expect a missing file that was asked for, even after a long silence.

        A client that starts over claims the folder first, which resets this.
        """
        area = self._shelf.find(place, owner)
        if area and area.is_of(owner):
            area.announce(place.inside)

    def _stat_above(self, path: str, owner: str) -> FileInfo | None:
        """Return a folder that exists only because of unfinished uploads below it."""
        if (path, owner) in self._new_models:
            return FileInfo(path=path, kind="directory")
        for area in self._shelf.all_visible(owner):
            if area.place.top.startswith(f"{path}/"):
                return _folder(path, area)
        return None


def _place_if_any(path: str) -> UploadPlace | None:
    with suppress(InvalidInputError, ManagedPathError):
        return place_of(path)
    return None


def _entries(area: Area) -> Iterable[FileInfo]:
    top = area.place.top
    with area.lock:
        folders = list(area.contents.folders)
        files = list(area.contents.files.items())
    yield _folder(top, area)
    for name in folders:
        yield _folder(f"{top}/{name}", area)
    for name, upload in files:
        if upload.is_whole:
            yield _file(f"{top}/{name}", upload, area)


def _folder(path: str, area: Area) -> FileInfo:
    return FileInfo(path=path, kind="directory", modified=area.created)


def _file(path: str, upload: Assembly, area: Area) -> FileInfo:
    return FileInfo(
        path=path, kind="file", size_bytes=upload.begun.size, modified=area.created
    )


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
            area = self._shelf.open(place, owner)
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
            # If the file no longer exists, it was removed, and this is a new upload.
            return self._storage.stat(area.place.path) is None
        if area.status == "ending" or not area.may_start_over:
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
