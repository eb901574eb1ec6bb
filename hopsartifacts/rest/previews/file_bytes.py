"""The bytes of one file: read where needed, up to a limit in all."""

import io
from collections.abc import Callable

from hopsartifacts.rest.previews.documents import READ_BYTES

_BLOCK = 64 * 1024


class UnreadableError(Exception):
    """A file cannot be shown; the message says why."""


class FileBytes:
    """The bytes of one file.

    Args:
        size_bytes: its size.
        fetch: returns the bytes from a start on, as many as asked for unless the file
            ends before.
        left: at most so many bytes are fetched.
    """

    def __init__(
        self,
        size_bytes: int,
        fetch: Callable[[int, int], bytes],
        left: int = READ_BYTES,
    ) -> None:
        self.size_bytes = size_bytes
        self._fetch = fetch
        self._left = left
        self._blocks: dict[int, bytes] = {}

    def at(self, start: int, size: int) -> bytes:
        """Return *size* bytes from *start* on, or fewer if the file ends before.

        Raises:
            UnreadableError: more of the file would be read than is allowed.
        """
        end = min(start + size, self.size_bytes)
        if start >= end:
            return b""
        first, last = start // _BLOCK, (end - 1) // _BLOCK
        missing = [it for it in range(first, last + 1) if it not in self._blocks]
        if missing:
            self._fill(missing[0], missing[-1])
        data = b"".join(self._blocks[it] for it in range(first, last + 1))
        return data[start - first * _BLOCK : end - first * _BLOCK]

    def head(self, size: int) -> bytes:
        """Return the first *size* bytes; raises as ``at``."""
        return self.at(0, size)

    def whole(self) -> bytes | None:
        """Return all bytes; None if these are more than may be read."""
        return self.at(0, self.size_bytes) if self.size_bytes <= READ_BYTES else None

    def _fill(self, first: int, last: int) -> None:
        start = first * _BLOCK
        size = min((last + 1) * _BLOCK, self.size_bytes) - start
        if size > self._left:
            raise UnreadableError(
                f"this needs more than {READ_BYTES >> 20} MiB of the file, the most "
                "that is read for a preview: download the file"
            )
        self._left -= size
        data = self._fetch(start, size)
        if len(data) != size:
            raise UnreadableError("the file changed while it was read: try again")
        for number in range(first, last + 1):
            at = (number - first) * _BLOCK
            self._blocks[number] = data[at : at + _BLOCK]


class ReadableFile(io.RawIOBase):
    """``FileBytes`` as a file object, as libraries want it."""

    def __init__(self, data: FileBytes) -> None:
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Change the position and return it."""
        base = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._at,
            io.SEEK_END: self._data.size_bytes,
        }
        self._at = max(0, base[whence] + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return the next *size* bytes, or all that are left."""
        left = max(0, self._data.size_bytes - self._at)
        data = self._data.at(self._at, left if size is None or size < 0 else size)
        self._at += len(data)
        return data

    def readinto(self, buffer: object) -> int:
        """Fill *buffer*, and return the number of bytes."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # a buffer
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
