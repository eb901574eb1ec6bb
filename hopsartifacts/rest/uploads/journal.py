"""The journal of an upload on the server's disk: one line for each step.

A line is written with a single call, after the step that it records. So if the process
is killed, the journal is complete, or its last line is torn. A torn line belongs to a
step that was not acknowledged.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.machine.posix import sync_folder


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
    """The first part of a file has arrived; its bytes are in the file *id*."""

    path: str
    id: str
    size: int
    chunk_size: int
    chunks: int


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
