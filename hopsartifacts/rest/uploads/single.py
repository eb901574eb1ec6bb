"""Uploads of single files: each has an id, and its bytes come in order, by offset.

What was received before a connection was cut or the server was restarted stays, and the
client continues after it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Literal

import msgspec

from hopsartifacts.datasets import own
from hopsartifacts.digests import CHUNK_BYTES
from hopsartifacts.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from hopsartifacts.machine.identity import new_token
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.rest.own_folder import check_room, on_disk
from hopsartifacts.rest.uploads.area import Area
from hopsartifacts.rest.uploads.contents import Assembly, FileBegun
from hopsartifacts.rest.uploads.shelf import Shelf
from hopsartifacts.rest.uploads.values import UploadLimits, UploadPlace
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.root import mark_root

SingleStatus = Literal["open", "saving", "finished"]


class SingleFile(msgspec.Struct, frozen=True, kw_only=True):
    """The upload of one file.

    Attributes:
        path: its path in the project; empty if it is for a model version.
        offset: number of bytes received so far.
        status: open: more bytes can be sent. saving: it is written to the store, or
            to a model version. finished: it is in the store.
        created: when it was begun, in seconds since the epoch.
        modified: when the file was last changed, as the client said; None if it did
            not say.
        left_s: seconds without activity until it is given up.
    """

    id: str
    path: str
    size_bytes: int
    offset: int
    overwrite: bool
    status: SingleStatus
    created: float
    modified: datetime | None
    left_s: float


class SingleFiles:
    """All uploads of single files; may be used from any thread."""

    def __init__(self, storage: Storage, shelf: Shelf, limits: UploadLimits) -> None:
        self._storage = storage
        self._shelf = shelf
        self._limits = limits
        self._lock = Lock()
        self._senders: dict[str, Sender] = {}
        self._targets: set[str] = set()

    def begin(
        self,
        path: str,
        size: int,
        owner: str,
        *,
        overwrite: bool,
        modified: datetime | None = None,
    ) -> SingleFile:
        """Begin the upload of a file with *size* bytes.

        Args:
            path: its path in the project, which the user may change; empty if the file
                is for a model version.
            size: number of bytes.
            owner: id of the caller's key.
            overwrite: whether it may replace a file.
            modified: when the file was last changed, for the client to recognise it.

        Raises:
            AlreadyExistsError: *path* is a folder, or a file that may not be replaced.
            InvalidInputError: a parent of *path* is a file or a link.
            RefusedError: the file is too large, the disk is full, or the owner has too
                many unfinished uploads.
        """
        if path:
            own.check_files(self._storage, [path], overwrite=overwrite)
        area = self._shelf.open(UploadPlace("single", new_token()), owner)
        try:
            upload = area.put_single(path, size, overwrite=overwrite, modified=modified)
        except BaseException:
            self._shelf.drop(area)
            raise
        return self._shown(area, upload)

    def get(self, identity: str, owner: str) -> SingleFile:
        """Return an upload of *owner*.

        Raises:
            NotFoundError: there is none with this id.
        """
        return self._shown(*self._find(identity, owner))

    def all(self, owner: str) -> list[SingleFile]:
        """Return the unfinished uploads of *owner*."""
        found = []
        for area in self._shelf.all():
            is_single = area.place.kind == "single" and area.contents.files
            if is_single and area.owner == owner and area.status != "delivered":
                with suppress(NotFoundError):  # removed meanwhile
                    found.append(self._shown(area, _file_of(area)))
        return found

    def sender(self, identity: str, owner: str, offset: int, length: int) -> "Sender":
        """Return what adds bytes to an upload, from *offset* on.

        An earlier sender of the same upload cannot add any more: its connection may
        have been lost, and the client that continues cannot know when this is noticed.

        Args:
            identity: id of the upload.
            owner: id of the caller's key.
            offset: number of bytes that the caller believes were received.
            length: how many bytes will follow; 0 if unknown.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: *offset* is not the number of bytes received so far, or the
                upload is being saved, or is finished.
            InvalidInputError: the file would get more bytes than its size.
        """
        area, upload = self._find(identity, owner)
        with area.lock:
            self._check_open(area)
            received = _size(upload.location)
            if offset != received:
                raise ConflictError(
                    f"offset {offset}: {received} bytes of upload {identity!r} were "
                    "received, send the bytes from there on"
                )
            sender = Sender(self, area, upload, received)
            sender.check(length)
            with self._lock:
                self._senders[identity] = sender
            area.touch()
        return sender

    def check_whole(self, identity: str, owner: str) -> SingleFile:
        """Return an upload that can be finished, or is finished already.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: bytes are missing, or it is being saved.
            InvalidInputError: it has no path in the project.
            AlreadyExistsError: as for ``begin``.
        """
        area, upload = self._find(identity, owner)
        with area.lock:
            shown = self._shown(area, upload)
            if not shown.path:
                raise InvalidInputError(
                    f"upload {identity!r} has no path in the project: save a model "
                    "version with it, or remove it"
                )
            if shown.status != "finished":
                self._check_whole(area, upload)
                self._check_target(upload)
        return shown

    def finish(
        self,
        identity: str,
        owner: str,
        sha256: str | None = None,
        callback: Callback = NO_CALLBACK,
    ) -> str:
        """Write a complete upload to the store, and return the path of the file.

        Does nothing if it is finished already, so that a client that did not get the
        answer can ask again. Other uploads of the owner to this path with the same size
        are removed if bytes of them are missing, and nobody is sending these.

        Args:
            identity: id of the upload.
            owner: id of the caller's key.
            sha256: hexadecimal digest that the file must have.
            callback: receives the number of bytes done.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: bytes are missing, or it is being saved.
            InvalidInputError: it has no path, or the file has another digest.
            AlreadyExistsError: as for ``begin``.
        """
        if self.check_whole(identity, owner).status == "finished":
            return self.get(identity, owner).path
        with self._held([identity], owner) as [(area, upload)]:
            path = upload.begun.path
            callback.set_size(upload.begun.size)
            _check_digest(upload, sha256)
            with self._alone_at(path):
                self._check_target(upload)
                mark_root(self._storage)
                self._storage.write(path, _counted(upload.location, callback))
            area.deliver()
        self._drop_unfinished(upload.begun, owner)
        return path

    def check_sent(self, identities: Sequence[str], owner: str) -> None:
        """Check that all bytes of these uploads were received; raises as ``files``."""
        for identity in identities:
            area, upload = self._find(identity, owner)
            with area.lock:
                self._check_whole(area, upload)

    @contextmanager
    def files(self, identities: Sequence[str], owner: str) -> Iterator[list[Path]]:
        """Provide complete uploads as local files, and remove them after the block.

        If the block raises, the uploads stay as they were.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: bytes are missing, or it is being saved.
        """
        with self._held(identities, owner) as found:
            yield [upload.location for _, upload in found]
            for area, _ in found:
                self._shelf.drop(area)

    def remove(self, identity: str, owner: str) -> None:
        """Give up an upload.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: it is being saved.
        """
        area, _ = self._find(identity, owner)
        with area.lock:
            if area.status == "sealing":
                raise _saving(identity)
            area.status = "ending"
        self._shelf.drop(area)

    def is_current(self, sender: "Sender") -> bool:
        """Return whether no other sender has continued the upload since."""
        with self._lock:
            return self._senders.get(sender.id) is sender

    def end(self, sender: "Sender") -> None:
        """Forget a sender that adds no more bytes."""
        with self._lock:
            if self._senders.get(sender.id) is sender:
                del self._senders[sender.id]

    def check_room(self, area: Area, size_bytes: int) -> None:
        """Raise ``RefusedError`` (507) if the disk has no room for more bytes."""
        check_room(area.folder, size_bytes, self._limits.min_free_bytes)

    def _drop_unfinished(self, done: FileBegun, owner: str) -> None:
        for area in self._shelf.all():
            is_single = area.place.kind == "single" and area.contents.files
            if not is_single or area.owner != owner:
                continue
            upload = _file_of(area)
            is_same = (upload.begun.path, upload.begun.size) == (done.path, done.size)
            with area.lock, self._lock:
                is_left = area.status == "open" and area.place.top not in self._senders
                if not (is_same and is_left and _size(upload.location) < done.size):
                    continue
                area.status = "ending"
            self._shelf.drop(area)

    @contextmanager
    def _held(
        self, identities: Sequence[str], owner: str
    ) -> Iterator[list[tuple[Area, Assembly]]]:
        """Keep uploads from changing during the block; raises as ``files``."""
        found = [self._find(identity, owner) for identity in identities]
        held: list[Area] = []
        try:
            for area, upload in found:
                with area.lock:
                    self._check_whole(area, upload)
                    area.status = "sealing"
                    held.append(area)
            yield found
        finally:
            for area in held:
                with area.lock:
                    if area.status == "sealing":
                        area.status = "open"
                        area.touch()

    @contextmanager
    def _alone_at(self, path: str) -> Iterator[None]:
        """Refuse another write to *path* during the block."""
        with self._lock:
            if path in self._targets:
                raise ConflictError(
                    f"{path!r} is being written by another upload: try again later"
                )
            self._targets.add(path)
        try:
            yield
        finally:
            with self._lock:
                self._targets.discard(path)

    def _find(self, identity: str, owner: str) -> tuple[Area, Assembly]:
        area = self._shelf.find(UploadPlace("single", identity), owner)
        if area is None or not area.contents.files:
            raise self._missing(identity)
        return area, _file_of(area)

    def _missing(self, identity: str) -> NotFoundError:
        hours = self._limits.expiry_s / 3600
        return NotFoundError(
            f"this key has no unfinished upload {identity!r}: it was finished or "
            f"removed, or given up after {hours:g} hours without activity, or lost "
            "when the server's machine was restarted; begin a new one"
        )

    def _check_open(self, area: Area) -> None:
        if area.status == "ending":
            raise self._missing(area.place.top)
        if area.status == "sealing":
            raise _saving(area.place.top)
        if area.status != "open":
            raise ConflictError(f"upload {area.place.top!r} is finished: begin another")

    def _check_whole(self, area: Area, upload: Assembly) -> None:
        self._check_open(area)
        size, received = upload.begun.size, _size(upload.location)
        if received != size:
            raise ConflictError(
                f"{received} of {size} bytes of upload {area.place.top!r} were "
                "received: send the rest first"
            )

    def _check_target(self, upload: Assembly) -> None:
        begun = upload.begun
        own.check_files(self._storage, [begun.path], overwrite=begun.overwrite)

    def _shown(self, area: Area, upload: Assembly) -> SingleFile:
        begun = upload.begun
        with area.lock:
            if area.status == "ending":
                raise self._missing(area.place.top)
            is_finished = area.status == "delivered"
            status: SingleStatus = "saving" if area.status == "sealing" else "open"
            return SingleFile(
                id=area.place.top,
                path=begun.path,
                size_bytes=begun.size,
                offset=begun.size if is_finished else _size(upload.location),
                overwrite=begun.overwrite,
                status="finished" if is_finished else status,
                created=area.created,
                modified=begun.modified,
                left_s=max(0.0, self._limits.expiry_s - area.silence_s),
            )


class Sender:
    """Adds bytes to one upload, in order.

    Attributes:
        id: the id of the upload.
        offset: number of bytes received so far.
    """

    def __init__(
        self, singles: SingleFiles, area: Area, upload: Assembly, offset: int
    ) -> None:
        self._singles = singles
        self._area = area
        self._upload = upload
        self.id = area.place.top
        self.offset = offset

    def check(self, length: int) -> None:
        """Raise ``InvalidInputError`` if *length* more bytes are too many."""
        size = self._upload.begun.size
        if self.offset + length > size:
            raise InvalidInputError(
                f"{length} bytes from offset {self.offset} on are more than the {size} "
                f"bytes that upload {self.id!r} was begun with: send only the rest"
            )

    def write(self, data: bytes) -> None:
        """Add *data*.

        Raises:
            ConflictError: a newer request continues the upload, or it was removed.
            InvalidInputError: the file would get more bytes than its size.
            RefusedError: the disk is full.
        """
        with self._area.lock:
            is_open = self._area.status == "open"
            if not is_open or not self._singles.is_current(self):
                raise ConflictError(
                    f"upload {self.id!r} was removed, or is continued by a newer "
                    "request: ask for its offset"
                )
            self.check(len(data))
            self._singles.check_room(self._area, len(data))
            with on_disk("write an upload"), self._upload.location.open("ab") as file:
                file.write(data)
            self.offset += len(data)
            self._area.touch()

    def end(self) -> None:
        """Add no more bytes."""
        self._singles.end(self)


def _file_of(area: Area) -> Assembly:
    """Return the only file of an area for a single file."""
    [upload] = area.contents.files.values()
    return upload


def _saving(identity: str) -> ConflictError:
    return ConflictError(f"upload {identity!r} is being saved: try again later")


def _size(location: Path) -> int:
    with on_disk("read an upload"):
        return location.stat().st_size


def _pieces(location: Path) -> Iterable[bytes]:
    with on_disk("read an upload"), location.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            yield piece


def _counted(location: Path, callback: Callback) -> Iterator[bytes]:
    for piece in _pieces(location):
        yield piece
        callback.relative_update(len(piece))


def _check_digest(upload: Assembly, sha256: str | None) -> None:
    if sha256 is None:
        return
    hasher = hashlib.sha256()
    for piece in _pieces(upload.location):
        hasher.update(piece)
    if hasher.hexdigest() != sha256:
        raise InvalidInputError(
            f"sha256: the file that was received has {hasher.hexdigest()}, not "
            f"{sha256}: remove this upload and send the file again"
        )
