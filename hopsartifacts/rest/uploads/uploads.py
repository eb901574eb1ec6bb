"""What clients do step by step, turned into versions that are whole or not there.

The official client makes a version's folder, fills it, and registers it. Here the
folder is a claim on the number, the files lie on the server's disk, and registering
seals them. Nobody else sees any of it before.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from hopsartifacts import layout
from hopsartifacts.errors import (
    HopsArtifactsError,
    InvalidInputError,
    ManagedPathError,
)
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.rest.uploads.area import Area
from hopsartifacts.rest.uploads.bodies import Bodies
from hopsartifacts.rest.uploads.claims import Claims, unclaimed, version_place
from hopsartifacts.rest.uploads.files import Assembly
from hopsartifacts.rest.uploads.owned import OwnFiles
from hopsartifacts.rest.uploads.places import Place, file_place, place_of, refusal
from hopsartifacts.rest.uploads.refusals import Refusals
from hopsartifacts.rest.uploads.shelf import Shelf
from hopsartifacts.rest.uploads.values import Chunk, Details, UploadLimits
from hopsartifacts.storage.contract import Entry, Storage
from hopsartifacts.store.root import check_claim


class Uploads:
    """Everything unfinished of one project; any thread may use it.

    An owner is whoever has one API key. Paths are relative to the project.

    Attributes:
        bodies: folders for the files that a single request brings.
    """

    def __init__(
        self,
        storage: Storage,
        folder: Path,
        limits: UploadLimits = UploadLimits(),  # noqa: B008 - frozen
    ) -> None:
        """Go on with what an earlier server left in *folder*, its own on its disk.

        Raises:
            ConflictError: another server uses the folder.
            StorageError: the folder cannot be used.
        """
        self._storage = storage
        self._limits = limits
        self._shelf = Shelf(folder, limits)
        # After the shelf, which sees that no other server uses the folder.
        self.bodies = Bodies(folder / "bodies", limits.min_free_bytes)
        self._claims = Claims(storage, self._shelf, limits)
        self._own = OwnFiles(storage, self._shelf)
        self._refusals = Refusals(limits.takeover_s)
        self._new_models: dict[tuple[str, str], float] = {}

    def claim(self, model: str, version: int, owner: str) -> None:
        """Take the number *version* of *model*, whose files come next.

        Raises:
            AlreadyExistsError: the number or a twin of the name is taken.
            InvalidNameError: the name is outside the rules.
            ManagedPathError: it is no version's number.
            RefusedError: this owner has too many unfinished uploads.
        """
        try:
            self._claims.take(version_place(model, version), owner)
        except HopsArtifactsError:
            self._refusals.add(layout.version_dir(model, version), owner)
            raise

    def put_chunk(self, folder: str, chunk: Chunk, data: BinaryIO, owner: str) -> None:
        """Take a part of a file that goes to *folder*.

        It may come in any order, and again. Files of the user's own go to the store
        when they are whole.

        Raises:
            AlreadyExistsError: a file of the user's own is there already.
            InvalidInputError: a file or a link is on the way to it.
            ConflictError: it differs from what came before, or nobody has claimed the
                version.
            ManagedPathError: nothing is uploaded to such a folder.
            InvalidInputError: the numbers cannot be, or there are not as many bytes.
            RefusedError: a limit is reached, or the disk is full.
        """
        chunk.check()
        place = file_place(f"{folder}/{chunk.name}" if folder else chunk.name)
        if place.kind == "own":
            self._own.put(place, chunk, data, owner)
        else:
            self._area(place, owner).put(place.inside, chunk, data)

    def put_file(self, path: str, chunks: Iterable[bytes], owner: str) -> None:
        """Take a whole file that the server has at hand, as when one is copied.

        For versions and scripts; raises as ``put_chunk``.
        """
        place = file_place(path)
        if place.kind == "own":
            raise InvalidInputError(f"{path!r} is stored without being uploaded")
        self._area(place, owner).put_whole(place.inside, chunks)

    def make_folder(self, path: str, owner: str) -> None:
        """Make a folder in an unfinished version or for a deployment's scripts.

        That of a version claims its number. That of a new model is only noted: its
        first version makes it.

        Raises:
            ManagedPathError: no folder is made there.
            ConflictError: nobody has claimed the version.
            AlreadyExistsError: it is a file, or the name or number is taken.
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

    def stat(self, path: str, owner: str) -> Entry | None:
        """Describe what is unfinished at *path* and this owner may see.

        Of files only whole ones are there. A file that is asked for below an open
        version's files is expected from then on.
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
            # Whoever asks for the folder itself may be waiting to begin anew.
            area.touch()
        with area.lock:
            if not place.inside or place.inside in area.contents.folders:
                return _folder(path, area)
            upload = area.contents.files.get(place.inside)
        return _file(path, upload, area) if upload and upload.is_whole else None

    def list(self, path: str, owner: str) -> list[Entry]:
        """Return what is unfinished directly below *path*, for this owner."""
        found: dict[str, Entry] = {}
        for area in self._shelf.all_visible(owner):
            for entry in _entries(area):
                if entry.path.rpartition("/")[0] == path:
                    found[entry.path] = entry
        return [found[name] for name in sorted(found)]

    def local_file(self, path: str, owner: str) -> Path | None:
        """Return where a whole file lies on this disk, under its own base name.

        For files among a deployment's scripts; it stays until they expire.
        """
        place = _place_if_any(path)
        if place is None or place.kind != "scripts":
            return None
        area = self._shelf.visible(place, owner)
        return area.named_file(place.inside) if area else None

    def remove(self, path: str, owner: str) -> bool:
        """Remove what is unfinished at *path*.

        The number of a version is kept for the next save, by any owner.

        Returns:
            False if there is nothing of this owner's. True too if this is the cleaning
            up of somebody whose claim was refused, and who removes nothing.

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
        """Make a version of what was uploaded.

        Raises:
            AlreadyExistsError: the version is there, and this is no upload of it.
            ConflictError: nothing was uploaded, or something still is, or the number
                was given up meanwhile.
            InvalidModelError: what was uploaded or registered cannot be kept.
            InvalidNameError: a name is outside the rules.
        """
        place = version_place(model, version)
        try:
            return self._claims.seal(place, details, owner)
        except HopsArtifactsError:
            if self._shelf.find(place, owner) is None:
                # It was given up, and the client removes the folder next.
                self._refusals.add(place.top, owner)
            raise

    def numbers(self, model: str, owner: str = "") -> set[int]:
        """Return the numbers above the newest version that cannot be had any more.

        A client that takes the number after the highest one it sees gets a free one.
        What its owner may begin anew is free to him.
        """
        return self._claims.numbers(model, owner)

    def sweep(self) -> None:
        """Give up what nobody has touched for long; to be called now and then."""
        for area in self._shelf.all():
            # What cannot be given up now is the next time.
            with suppress(HopsArtifactsError):
                self._claims.end_if_old(area)
        self._refusals.forget_old()
        before = time.monotonic() - self._limits.expiry_s
        for key, at in list(self._new_models.items()):
            if at < before:
                self._new_models.pop(key, None)

    def close(self) -> None:
        """Let go of the folder; what is unfinished stays there."""
        self._shelf.close()

    def _area(self, place: Place, owner: str) -> Area:
        """Return the area a change goes to; that for scripts is made."""
        if place.kind == "scripts":
            return self._shelf.open(place, owner)[0]
        area = self._shelf.find(place, owner)
        if area is None or not area.is_of(owner):
            raise unclaimed(place)
        return area

    def _announce(self, place: Place, owner: str) -> None:
        """Expect a file that is asked for and not there, however long all was silent.

        If it is a new try, the folder is claimed anew first, and this is forgotten.
        """
        area = self._shelf.find(place, owner)
        if area and area.is_of(owner):
            area.announce(place.inside)

    def _stat_above(self, path: str, owner: str) -> Entry | None:
        """Describe a folder that is there because of what is unfinished below it."""
        if (path, owner) in self._new_models:
            return Entry(path=path, kind="directory")
        for area in self._shelf.all_visible(owner):
            if area.place.top.startswith(f"{path}/"):
                return _folder(path, area)
        return None


def _place_if_any(path: str) -> Place | None:
    with suppress(InvalidInputError, ManagedPathError):
        return place_of(path)
    return None


def _entries(area: Area) -> Iterable[Entry]:
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


def _folder(path: str, area: Area) -> Entry:
    return Entry(path=path, kind="directory", modified=area.created)


def _file(path: str, upload: Assembly, area: Area) -> Entry:
    return Entry(
        path=path, kind="file", size_bytes=upload.begun.size, modified=area.created
    )
