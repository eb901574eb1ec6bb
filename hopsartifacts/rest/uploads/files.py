"""Files on the server's disk that are assembled from parts, in any order."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import xxhash

from hopsartifacts.errors import (
    AlreadyExistsError,
    ConflictError,
    HopsArtifactsError,
    InvalidInputError,
    StorageError,
)
from hopsartifacts.rest.errors import UPLOAD_FULL, RefusedError
from hopsartifacts.rest.uploads.journal import FileBegun
from hopsartifacts.rest.uploads.values import Chunk

_PIECE_BYTES = 256 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
                raise RefusedError(f"a file may have {limit} bytes here", 413)
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


@contextmanager
def on_disk(doing: str) -> Iterator[None]:
    """Convert errors of the operating system; *doing* names the failed action.

    Raises:
        RefusedError: the disk is full.
        StorageError: there was another error.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full() from error
        if isinstance(error, HopsArtifactsError):
            raise
        raise StorageError(
            f"the server cannot {doing}: {error.strerror or error}"
        ) from error


def disk_full() -> RefusedError:
    """Return the error for an upload that does not fit on the server's disk."""
    return RefusedError(
        "the server's disk has no room for this upload: free some space there, or "
        "upload less",
        507,
        UPLOAD_FULL,
    )


def _pieces(chunk: Chunk, data: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a part; raise ``InvalidInputError`` if it has more or less."""
    left = chunk.length
    while piece := data.read(min(_PIECE_BYTES, left + 1)):
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        many = "more" if left < 0 else f"{chunk.length - left}"
        raise InvalidInputError(
            f"chunk {chunk.number} of {chunk.name!r} has {many} bytes, not the "
            f"{chunk.length} that it says: send it again"
        )


def _write_all(file: int, piece: bytes, at: int) -> None:
    view = memoryview(piece)
    while view:
        done = os.pwrite(file, view, at)
        view, at = view[done:], at + done
