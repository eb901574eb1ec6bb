"""The content of an unfinished upload, and the journal from which it is loaded.

The content is files in parts, folders, and expected files. The journal is on the
server's disk and has one line for each step. A line is written with a single call,
after the step that it records. So if the process is killed, the journal is complete, or
its last line is torn. A torn line belongs to a step that was not acknowledged.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
import xxhash

from hopsartifacts.errors import AlreadyExistsError, ConflictError, InvalidInputError
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.machine.posix import sync_folder
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.own_folder import on_disk
from hopsartifacts.rest.uploads.values import Chunk, UploadLimits

_PIECE_BYTES = 256 * 1024


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """First line: target and owner, time of the start, and the machine's boot id."""

    kind: str
    top: str
    owner: str
    token: str
    at: float
    boot: str


class VersionHeld(msgspec.Struct, frozen=True, tag="held"):
    """The number is claimed and files can be uploaded; also after failed sealing.

    *is_tried* records that sealing has failed in the store.
    """

    is_tried: bool = False


class Vacated(msgspec.Struct, frozen=True, tag="vacated"):
    """The claimed number has no files, and the next client that saves gets it."""


class Sealing(msgspec.Struct, frozen=True, tag="sealing"):
    """The files are being saved to the store."""


class FolderMade(msgspec.Struct, frozen=True, tag="folder"):
    """A folder was made."""

    path: str


class Announced(msgspec.Struct, frozen=True, tag="announced"):
    """A client asked for a file that does not exist, as it does before an upload."""

    path: str


class FileBegun(msgspec.Struct, frozen=True, tag="file"):
    """The first part of a file has arrived; its bytes are in the file *id*.

    Of a single file, *chunks* is 0, since its bytes come in order; *path* is empty if
    it is for a model version. *overwrite* allows replacing the file at *path*. The
    client said that the file was last changed at *modified*.
    """

    path: str
    id: str
    size: int
    chunk_size: int
    chunks: int
    overwrite: bool = False
    modified: datetime | None = None


class PartWritten(msgspec.Struct, frozen=True, tag="part"):
    """A part is complete."""

    id: str
    number: int
    digest: str


class Removed(msgspec.Struct, frozen=True, tag="removed"):
    """A file, or a folder with its content, was removed."""

    path: str


Line = (
    Begun
    | VersionHeld
    | Vacated
    | Sealing
    | FolderMade
    | Announced
    | FileBegun
    | PartWritten
    | Removed
)


class UploadJournal:
    """The journal of one upload, in the upload's folder."""

    NAME = "journal.jsonl"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None

    def start(self, *lines: Line, is_durable: bool) -> None:
        """Replace the journal by *lines*, atomically."""
        self.close()
        path = self._folder / self.NAME
        with written_aside(path, is_durable=is_durable) as file:
            file.write(b"".join(map(_encoded, lines)))
        if is_durable:
            sync_folder(self._folder.parent)

    def add(self, line: Line) -> None:
        """Append a line, completely or not at all; one thread at a time."""
        if self._file is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self._folder / self.NAME, flags)
        data = _encoded(line)
        size = os.fstat(self._file).st_size
        done = os.write(self._file, data)
        if done != len(data):
            # Lines after a torn one would not be read.
            os.ftruncate(self._file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def read(self) -> list[Line]:
        """Return all lines, and cut off a torn one; none if the file cannot be read."""
        path = self._folder / self.NAME
        found: list[Line] = []
        good = 0
        with suppress(OSError):
            data = path.read_bytes()
            with suppress(msgspec.MsgspecError):
                for line in data.splitlines(keepends=True):
                    if not line.endswith(b"\n"):
                        break
                    found.append(msgspec.json.decode(line, type=Line))
                    good += len(line)
            if good < len(data):
                os.truncate(path, good)
        return found

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _encoded(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def boot_id() -> str:
    """Return the id of the machine's current boot; an empty string if unknown.

    Data that was written but not synced survives a crash of the process, but possibly
    not a crash of the machine.
    """
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


class Assembly:
    """One file, and which of its parts exist.

    Its area changes its fields, with the area's lock held.

    Attributes:
        begun: its path within the area, its size and its division into parts.
        location: the file on disk.
        digests: digests of the complete parts, by number.
        writing: numbers of the parts that are being received.
    """

    def __init__(self, begun: FileBegun, folder: Path) -> None:
        self.begun = begun
        self.location = folder / begun.id
        self.digests: dict[int, str] = {}
        self.writing: set[int] = set()

    @property
    def is_whole(self) -> bool:
        """Whether all parts are complete."""
        return len(self.digests) == self.parts

    @property
    def parts(self) -> int:
        """Number of requests that it takes to send the file."""
        return max(self.begun.chunks, 1)

    def is_of(self, chunk: Chunk) -> bool:
        """Return whether *chunk* is of a file with this size and division."""
        shape = self.begun.size, self.begun.chunk_size
        return (chunk.size, chunk.chunk_size) == shape

    def make(self) -> None:
        """Create the file with its size, filled with zeros."""
        with on_disk("begin an upload"), self.location.open("xb") as file:
            file.truncate(self.begun.size)

    def check_shape(self, chunk: Chunk) -> None:
        """Check that *chunk* is of this file.

        Raises:
            AlreadyExistsError: the file is complete, and *chunk* is of another one.
            ConflictError: *chunk* is of a file with another size or division.
        """
        begun = self.begun
        if self.is_of(chunk):
            return
        if self.is_whole:
            raise taken(begun.path)
        raise ConflictError(
            f"{begun.path!r} is being uploaded with {begun.size} bytes in chunks of "
            f"{begun.chunk_size}, and this chunk is of {chunk.size} bytes in chunks of "
            f"{chunk.chunk_size}: remove the unfinished file, then upload it again"
        )

    def write(self, chunk: Chunk, data: BinaryIO) -> str:
        """Write a part to its place in the file, and return its digest.

        Raises:
            InvalidInputError: *data* does not have the right number of bytes.
            ConflictError: the file was removed meanwhile.
            RefusedError: the disk is full.
        """
        hasher = xxhash.xxh3_128()
        at = chunk.start
        with on_disk("write an upload"):
            try:
                file = os.open(self.location, os.O_WRONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise removed(self.begun.path) from error
            try:
                for piece in _pieces(chunk, data):
                    hasher.update(piece)
                    _write_all(file, piece, at)
                    at += len(piece)
            finally:
                os.close(file)
        return hasher.hexdigest()


def digest_of_part(chunk: Chunk, data: BinaryIO) -> str:
    """Return the digest of a part without writing it; raises as ``write``."""
    hasher = xxhash.xxh3_128()
    for piece in _pieces(chunk, data):
        hasher.update(piece)
    return hasher.hexdigest()


def write_whole(location: Path, chunks: Iterable[bytes], limit: int) -> tuple[int, str]:
    """Write a new file, and return its size and digest.

    Raises:
        RefusedError: it has more than *limit* bytes, or the disk is full.
    """
    hasher = xxhash.xxh3_128()
    size = 0
    with on_disk("write an upload"), location.open("xb") as file:
        for piece in chunks:
            size += len(piece)
            if size > limit:
                raise RefusedError(
                    f"a file may have at most {limit} bytes here, and this one has "
                    "more: send a smaller one",
                    413,
                )
            hasher.update(piece)
            file.write(piece)
    return size, hasher.hexdigest()


def taken(path: str) -> AlreadyExistsError:
    """Return the error for a file that already exists."""
    return AlreadyExistsError(
        f"{path!r} exists: remove it first, or upload with overwrite=True"
    )


def removed(path: str) -> ConflictError:
    """Return the error for a file that was removed while it was being uploaded."""
    return ConflictError(
        f"{path!r} was removed while it was being uploaded: upload it again"
    )


class UploadContents:
    """Paths below one place, as recorded in the lines of its journal.

    Callers hold the lock of the area.

    Attributes:
        files: by path, complete or not.
        folders: folders that were made, or that contain a file.
    """

    def __init__(self, folder: Path, limits: UploadLimits) -> None:
        self.files: dict[str, Assembly] = {}
        self.folders: set[str] = set()
        self._announced: set[str] = set()
        self._by_id: dict[str, Assembly] = {}
        self._size_bytes = 0
        self._folder = folder
        self._limits = limits

    @property
    def unsent(self) -> list[str]:
        """Paths that a client asked for before an upload that did not follow."""
        return sorted(self._announced)

    @property
    def largest_file_bytes(self) -> int:
        """Most bytes that one more file may have."""
        left = self._limits.max_version_bytes - self._size_bytes
        return min(self._limits.max_file_bytes, left)

    def apply(self, line: Line) -> None:
        """Apply one line of the journal."""
        match line:
            case FolderMade(path):
                self._announced.discard(path)
                self.folders.update(_with_parents(path))
            case Announced(path):
                self._announced.add(path)
            case FileBegun(path, identity, size):
                self._announced.discard(path)
                upload = Assembly(line, self._folder)
                self.files[path] = self._by_id[identity] = upload
                self.folders.update(_parents(path))
                self._size_bytes += size
            case PartWritten(identity, number, digest):
                self._by_id[identity].digests[number] = digest
            case Removed(path):
                for name in self._below(path, self.files):
                    gone = self.files.pop(name)
                    self._size_bytes -= gone.begun.size
                self.folders -= self._below(path, self.folders)
                self._announced -= self._below(path, self._announced)

    def clear(self) -> list[Assembly]:
        """Remove everything, and return the files that were there."""
        gone = list(self.files.values())
        self.files.clear()
        self.folders.clear()
        self._announced.clear()
        self._by_id.clear()
        self._size_bytes = 0
        return gone

    def is_expected(self, path: str) -> bool:
        """Return whether *path* exists, or a client asked for it."""
        return path in self.files or path in self.folders or path in self._announced

    def files_below(self, path: str) -> list[Assembly]:
        """Return the file *path*, or all files in the folder *path*."""
        return [self.files[name] for name in self._below(path, self.files)]

    def has(self, path: str) -> bool:
        """Return whether *path* is a file or folder here."""
        return path in self.files or path in self.folders

    def check_new(self, path: str, *, is_folder: bool) -> None:
        """Check that *path* can be made.

        Raises:
            AlreadyExistsError: a file is where a folder would be, or the reverse.
            RefusedError: there are too many files and folders already.
        """
        for taken in _with_parents(path):
            if taken in self.files:
                raise AlreadyExistsError(
                    f"{taken!r} exists, and is a file: choose another name"
                )
        if path in self.folders and not is_folder:
            raise AlreadyExistsError(
                f"{path!r} exists, and is a folder: choose another name"
            )
        count = len(self.files) + len(self.folders) + len(self._announced)
        if count >= self._limits.max_files and not self.is_expected(path):
            raise RefusedError(
                f"more than {self._limits.max_files} files and folders in one upload: "
                "pack them into fewer",
                413,
            )

    def check_sizes(self, chunk: Chunk) -> None:
        """Check that the file of *chunk*, which is new, is not too large.

        Raises:
            RefusedError: the file, the whole upload, or the chunk is too large.
        """
        limits = self._limits
        for words, size, limit in (
            ("a file", chunk.size, limits.max_file_bytes),
            ("one upload", self._size_bytes + chunk.size, limits.max_version_bytes),
            ("a chunk", min(chunk.chunk_size, chunk.size), limits.max_chunk_bytes),
        ):
            if size > limit:
                raise RefusedError(
                    f"{chunk.name!r}: {words} may have at most {limit} bytes, not "
                    f"{size}",
                    413,
                )

    @staticmethod
    def _below(path: str, names: "dict[str, Assembly] | set[str]") -> set[str]:
        return {it for it in names if it == path or it.startswith(f"{path}/")}


def _parents(path: str) -> list[str]:
    return [path[:at] for at, char in enumerate(path) if char == "/"]


def _with_parents(path: str) -> list[str]:
    return [*_parents(path), path]


def _pieces(chunk: Chunk, data: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a part; raise ``InvalidInputError`` if it has more or less."""
    left = chunk.length
    while piece := data.read(min(_PIECE_BYTES, left + 1)):
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        many = "more" if left < 0 else f"only {chunk.length - left}"
        raise InvalidInputError(
            f"chunk {chunk.number} of {chunk.name!r} must have {chunk.length} bytes, "
            f"and {many} came: send it again"
        )


def _write_all(file: int, piece: bytes, at: int) -> None:
    view = memoryview(piece)
    while view:
        done = os.pwrite(file, view, at)
        view, at = view[done:], at + done
