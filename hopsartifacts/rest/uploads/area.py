"""One unfinished upload: a version's files, a deployment's scripts, or a single file.

Its files are in a folder of its own on the server's disk, under generated names. A
journal in this folder allows the upload to continue after the process was killed.
"""

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Condition
from typing import BinaryIO, Literal, Self

from msgspec.structs import replace

from hopsartifacts.errors import ConflictError
from hopsartifacts.machine.identity import new_token
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.own_folder import check_room, on_disk
from hopsartifacts.rest.uploads.contents import (
    Announced,
    Assembly,
    Begun,
    FileBegun,
    FolderMade,
    Line,
    PartWritten,
    Removed,
    Sealing,
    UploadContents,
    UploadJournal,
    Vacated,
    VersionHeld,
    boot_id,
    digest_of_part,
    removed,
    write_whole,
)
from hopsartifacts.rest.uploads.values import Chunk, UploadLimits, UploadPlace, place_of

Status = Literal[
    "claiming", "doubtful", "open", "vacant", "sealing", "delivered", "ending"
]
"""claiming: the version number is being claimed. doubtful: it is not known whether the
claim succeeded. open: files can be uploaded. vacant: the owner has removed the folder,
and the next client that saves gets the number. sealing: the files are being saved to
the store. delivered: the file is in the store, and only repeated parts are answered.
ending: it cannot be used any more, and its number is still to be released."""

_PATIENCE_S = 60.0


class Area:
    """One unfinished upload; may be used from any thread.

    Attributes:
        place: the target of the upload.
        owner: id of the API key that it belongs to.
        token: names its folder, and identifies its claim in the model's log.
        status: its state; changed only with the lock held.
        contents: its files and folders; changed only with the lock held.
        created: when it was started, in seconds since the epoch.
        is_tried: whether sealing has failed in the store, which may hold some files.
    """

    def __init__(self, folder: Path, begun: Begun, limits: UploadLimits) -> None:
        is_single = begun.kind == "single"
        top = begun.top
        self.place = UploadPlace("single", top) if is_single else place_of(top)
        self.owner = begun.owner
        self.token = begun.token
        self.status: Status = "doubtful" if begun.kind == "version" else "open"
        self.contents = UploadContents(folder, limits)
        self.created = begun.at
        self.is_tried = False
        self.folder = folder
        self.lock = Condition()
        self._begun = begun
        self._limits = limits
        self._journal = UploadJournal(folder)
        self._in_flight = 0
        self._made = self._seen = time.monotonic()
        self._is_from_before = False

    @classmethod
    def begin(
        cls, spool: Path, place: UploadPlace, owner: str, limits: UploadLimits
    ) -> Self:
        """Start a new upload in a folder below *spool*."""
        token = new_token()
        begun = Begun(
            kind=place.kind,
            top=place.top,
            owner=owner,
            token=token,
            at=time.time(),
            boot=boot_id(),
        )
        area = cls(spool / token, begun, limits)
        with on_disk("begin an upload"):
            area.folder.mkdir(mode=0o700)
            area._journal.start(begun, is_durable=place.kind == "version")
        return area

    @classmethod
    def load(cls, folder: Path, limits: UploadLimits) -> Self | None:
        """Return the upload that an earlier process left in *folder*; None if bad."""
        lines = UploadJournal(folder).read()
        begun = lines[0] if lines else None
        if not isinstance(begun, Begun) or begun.token != folder.name:
            return None
        area = cls(folder, begun, limits)
        for line in lines[1:]:
            area.contents.apply(line)
            if isinstance(line, VersionHeld):
                area.status, area.is_tried = "open", line.is_tried
            elif isinstance(line, Vacated):
                area.status = "vacant"
            elif isinstance(line, Sealing):
                area.status = "sealing"
        if area.place.kind == "single" and not area.contents.files:
            return None
        # Data that was not synced survives a crash of the process, but not one of the
        # machine. If sealing was cut off, some files may already be in the store.
        is_lost = begun.boot != boot_id() or not begun.boot
        if area.status == "sealing" or (is_lost and area.status != "vacant"):
            area.status = "ending"
        with on_disk("read an upload"):
            silence = time.time() - (folder / UploadJournal.NAME).stat().st_mtime
        area._seen -= max(0.0, silence)
        area._is_from_before = True
        return area

    @property
    def silence_s(self) -> float:
        """Seconds since the last activity; 0 while a request is in progress."""
        return 0.0 if self._in_flight else time.monotonic() - self._seen

    def is_of(self, owner: str) -> bool:
        """Return whether it belongs to *owner*; a vacant one belongs to no one."""
        return self.owner == owner and self.status != "vacant"

    def may_be_taken_by(self, owner: str) -> bool:
        """Return whether *owner* may use its number for a new save."""
        if self.status == "vacant":
            return not self._in_flight
        return self.owner == owner and self.may_start_over

    @property
    def may_start_over(self) -> bool:
        """Whether its owner may use it for a new attempt to save."""
        if self.status != "open" or self._in_flight:
            return self.status == "doubtful"
        since_start = time.monotonic() - self._made
        is_cut = self._is_from_before and since_start >= self._limits.restart_s
        return is_cut or self.silence_s >= self._limits.takeover_s

    def touch(self) -> None:
        """Record an activity of the owner."""
        self._seen = time.monotonic()
        self._is_from_before = False

    def hold(self, owner: str) -> None:
        """Record that *owner* has claimed the number, and open it, without files."""
        with self.lock:
            self._begun = replace(self._begun, owner=owner)
            self.owner = owner
            self._empty(VersionHeld(is_tried=self.is_tried))
            self.status = "open"

    def vacate(self) -> None:
        """Delete its files, and keep the number for the next client that saves.

        Raises:
            ConflictError: it is being claimed or registered.
        """
        with self.lock:
            self.check_idle()
            self._empty(Vacated())
            self.status = "vacant"
            self.lock.notify_all()

    def _empty(self, line: Line) -> None:
        with on_disk("begin an upload"):
            gone = self.contents.clear()
            self._journal.start(self._begun, line, is_durable=True)
            _unlink(gone)
            self.touch()

    def announce(self, path: str) -> None:
        """Record that a client asked for *path*, which does not exist."""
        with self.lock:
            if self.status == "open" and not self.contents.is_expected(path):
                self.contents.check_new(path, is_folder=False)
                self._do(Announced(path))

    def make_folder(self, path: str) -> None:
        """Make a folder and its parents, unless they exist."""
        with self.lock:
            self.check_open()
            self.contents.check_new(path, is_folder=True)
            if path not in self.contents.folders:
                self._do(FolderMade(path))
            self.touch()

    def put(self, path: str, chunk: Chunk, data: BinaryIO) -> Assembly:
        """Write a part of the file *path*; a part that exists is only compared.

        Raises:
            ConflictError: the part or the file's size differs from what exists, the
                file was removed meanwhile, or the upload is not open.
            InvalidInputError: *data* does not have the right number of bytes.
            RefusedError: a limit is reached, or the disk is full.
        """
        with self.lock:
            upload = self._upload(path, chunk)
            known = self._wait_for(upload, chunk.number)
            if known is None:
                upload.writing.add(chunk.number)
            self._in_flight += 1
        try:
            if known is None:
                digest = upload.write(chunk, data)
                with self.lock:
                    self._check_there(upload)
                    self._do(PartWritten(upload.begun.id, chunk.number, digest))
            elif digest_of_part(chunk, data) != known:
                raise ConflictError(
                    f"chunk {chunk.number} of {path!r} differs from the one that was "
                    "sent before: remove the unfinished file, then upload it again"
                )
            return upload
        finally:
            with self.lock:
                if known is None:
                    upload.writing.discard(chunk.number)
                self._in_flight -= 1
                self.touch()
                self.lock.notify_all()

    def put_whole(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a complete new file; raises as ``put``."""
        with self.lock:
            self.check_open()
            self.contents.check_new(path, is_folder=False)
            self._check_disk(0)
            limit = self.contents.largest_file_bytes
            self._in_flight += 1
        identity = new_token()
        location = self.folder / identity
        try:
            size, digest = write_whole(location, chunks, limit)
            parts = 1 if size else 0
            with self.lock:
                self.check_open()
                self.contents.check_new(path, is_folder=False)
                self._do(FileBegun(path, identity, size, size, parts))
                self._do(PartWritten(identity, 1, digest))
        except BaseException:
            with suppress(OSError):
                location.unlink()
            raise
        finally:
            with self.lock:
                self._in_flight -= 1
                self.touch()

    def put_single(
        self, path: str, size: int, *, overwrite: bool, modified: datetime | None = None
    ) -> Assembly:
        """Begin the only file of this upload, which is empty so far.

        Raises:
            RefusedError: it is too large, or the disk is full.
        """
        with self.lock:
            limit = self.contents.largest_file_bytes
            if size > limit:
                raise RefusedError(
                    f"{path!r}: a file may have at most {limit} bytes, not {size}", 413
                )
            self._check_disk(size)
            line = FileBegun(path, new_token(), size, 0, 0, overwrite, modified)
            upload = Assembly(line, self.folder)
            with on_disk("begin an upload"):
                upload.location.touch(mode=0o600, exist_ok=False)
            self._do(line)
            return self.contents.files[path]

    def remove(self, path: str) -> bool:
        """Remove a file, or a folder with its content; return False if missing."""
        with self.lock:
            self.check_open()
            if not self.contents.has(path):
                return False
            gone = self.contents.files_below(path)
            self._do(Removed(path))
            with on_disk("remove an upload"):
                _unlink(gone)
            self.touch()
            return True

    def named_file(self, path: str) -> Path | None:
        """Return a complete file under its own base name; None if it is missing."""
        with self.lock:
            upload = self.contents.files.get(path)
            if upload is None or not upload.is_whole or self.status != "open":
                return None
            # The name was checked: it is one path segment, and not "." or "..".
            named = self.folder / f"{upload.begun.id}-named" / path.rpartition("/")[2]
            with on_disk("read an upload"):
                named.parent.mkdir(mode=0o700, exist_ok=True)
                if not named.exists():
                    os.link(upload.location, named)
            self.touch()
            return named

    def begin_seal(self) -> None:
        """Start sealing; nothing can be changed from now on.

        Raises:
            ConflictError: a part is being received.
        """
        with self.lock:
            self.check_open()
            if self._in_flight:
                raise ConflictError(
                    f"{self.place.top!r} cannot be registered yet, because a part of a "
                    "file is being received: register it again when all parts were sent"
                )
            self._do(Sealing())
            self.status = "sealing"

    def reopen(self, *, is_tried: bool = False) -> None:
        """Open it again after sealing failed; *is_tried*: in the store."""
        with self.lock:
            self.is_tried = self.is_tried or is_tried
            self._do(VersionHeld(is_tried=self.is_tried))
            self.status = "open"
            self.touch()

    def deliver(self) -> None:
        """Record that the file is in the store, and delete it here."""
        with self.lock:
            self.status = "delivered"
            self._journal.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Close the journal's file."""
        with self.lock:
            self._journal.close()

    def discard(self) -> None:
        """Delete all its files from the disk."""
        with self.lock:
            self.status = "ending"
            self._journal.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.lock.notify_all()

    def check_idle(self) -> None:
        """Raise ``ConflictError`` if it is being claimed or registered."""
        if self.status in {"claiming", "sealing"}:
            raise ConflictError(
                f"{self.place.top!r} is being registered: try again later"
            )

    def check_open(self) -> None:
        """Raise ``ConflictError`` unless files can be uploaded."""
        if self.status != "open":
            what = {
                "sealing": "is being registered: nothing can be changed there",
                "claiming": "is being claimed: try again later",
                "vacant": "was removed: save again",
            }
            gone = "was given up, or is in the store already: start the upload again"
            raise ConflictError(f"{self.place.top!r} {what.get(self.status, gone)}")

    def _upload(self, path: str, chunk: Chunk) -> Assembly:
        """Return the file that *chunk* belongs to; start it if it is new."""
        upload = self.contents.files.get(path)
        if self.status != "delivered" or upload is None:
            self.check_open()
        if upload:
            upload.check_shape(chunk)
            return upload
        self.contents.check_new(path, is_folder=False)
        self.contents.check_sizes(chunk)
        self._check_disk(chunk.size)
        line = FileBegun(path, new_token(), chunk.size, chunk.chunk_size, chunk.chunks)
        Assembly(line, self.folder).make()
        self._do(line)
        return self.contents.files[path]

    def _wait_for(self, upload: Assembly, number: int) -> str | None:
        """Return the digest of a part that exists; wait if it is being received."""
        until = time.monotonic() + _PATIENCE_S
        while number in upload.writing:
            if not self.lock.wait(max(0.0, until - time.monotonic())):
                raise ConflictError(
                    f"chunk {number} of {upload.begun.path!r} is being received: send "
                    "it again later"
                )
        self._check_there(upload)
        return upload.digests.get(number)

    def _check_there(self, upload: Assembly) -> None:
        is_ours = self.contents.files.get(upload.begun.path) is upload
        if not is_ours or self.status not in {"open", "delivered"}:
            raise removed(upload.begun.path)

    def _check_disk(self, size_bytes: int) -> None:
        check_room(self.folder, size_bytes, self._limits.min_free_bytes)

    def _do(self, line: Line) -> None:
        """Write a line to the journal, and apply it."""
        with on_disk("write an upload"):
            self._journal.add(line)
        self.contents.apply(line)


def _unlink(files: Iterable[Assembly]) -> None:
    for upload in files:
        upload.location.unlink(missing_ok=True)
