"""What an upload had done, on the server's disk: one line for each step.

A line is written in one step, after what it tells of. So a process that is killed
leaves a whole journal, or one whose last line is torn and tells of nothing that was
acknowledged.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from hopsartifacts.storage.posix import sync_folder


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """First line: what this is, whose, since when and which start of the machine."""

    kind: str
    top: str
    owner: str
    token: str
    at: float
    boot: str


class Held(msgspec.Struct, frozen=True, tag="held"):
    """The number is ours, and files may come; again after a seal that failed.

    *is_tried* says that such a seal failed in the store.
    """

    is_tried: bool = False


class Vacated(msgspec.Struct, frozen=True, tag="vacated"):
    """The number is ours, nothing lies here, and the next client that saves gets it."""


class Sealing(msgspec.Struct, frozen=True, tag="sealing"):
    """The files are on their way into the store."""


class FolderMade(msgspec.Struct, frozen=True, tag="folder"):
    """A folder was made."""

    path: str


class Announced(msgspec.Struct, frozen=True, tag="announced"):
    """Somebody asked for a file that is not there, as clients do before they send."""

    path: str


class FileBegun(msgspec.Struct, frozen=True, tag="file"):
    """The first part of a file came; its bytes lie under *id*."""

    path: str
    id: str
    size: int
    chunk_size: int
    chunks: int


class PartWritten(msgspec.Struct, frozen=True, tag="part"):
    """A part is whole."""

    id: str
    number: int
    digest: str


class Removed(msgspec.Struct, frozen=True, tag="removed"):
    """A file or folder was removed, with all below it."""

    path: str


Line = (
    Begun
    | Held
    | Vacated
    | Sealing
    | FolderMade
    | Announced
    | FileBegun
    | PartWritten
    | Removed
)


class Journal:
    """The journal of one upload, in its folder."""

    NAME = "journal.jsonl"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None

    def start(self, *lines: Line, is_durable: bool) -> None:
        """Begin anew with *lines*, in one step."""
        self.close()
        data = b"".join(map(_encoded, lines))
        temporary = self._folder / f"{self.NAME}.new"
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        temporary.replace(self._folder / self.NAME)
        if is_durable:
            sync_folder(self._folder)
            sync_folder(self._folder.parent)

    def add(self, line: Line) -> None:
        """Write one more line, or nothing of it; one thread at a time."""
        if self._file is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self._folder / self.NAME, flags)
        data = _encoded(line)
        size = os.fstat(self._file).st_size
        done = os.write(self._file, data)
        if done != len(data):
            # What comes after a torn line would not be read.
            os.ftruncate(self._file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def read(self) -> list[Line]:
        """Return the lines, and cut off one that is torn; none if it cannot be read."""
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
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _encoded(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def boot_id() -> str:
    """Return what names this start of the machine; empty where that is not known.

    Bytes that were written but not synced are there after a crash of a process, and
    may not be after one of the machine.
    """
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""
