"""Which files need not be read again, since this machine remembers what they hold.

As in git's index, a file is believed to hold the bytes it held when its fingerprint was
taken, as long as it has that fingerprint: whoever writes to it, replaces it or sets its
time back changes that, since the time of its last change is the kernel's alone. A file
that changed only just before is not remembered: within one tick of the clock it could
change once more and look the same. Not seen are bits that rot below the file system, a
clock that was set back, and whoever writes to the disk beneath; that is what verify,
which remembers nothing, is for.

Being wrong about this costs no consistency: a remembered digest only finds a sealed
file of that digest. Being without it only costs time, so nothing here ever fails.
"""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Self
from uuid import uuid4

import msgspec
import xxhash

from hopsartifacts.digests import Digest
from hopsartifacts.store.state_folder import forget_old, state_folder

_FOLDER = "recall"
_CHECK_BYTES = 16
_FINE_NS = 10_000_000
_FRESH_NS = 50_000_000
"""Several ticks of a kernel's clock, for file systems that keep its times in full."""
_FRESH_COARSE_NS = 2_000_000_000
"""For those that keep whole seconds, or two."""


class Fingerprint(msgspec.Struct, frozen=True):
    """What changes about a file when somebody writes to it."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        """Return that of a file that was just looked at."""
        return cls(
            found.st_dev,
            found.st_ino,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
        )


class _Remembered(msgspec.Struct, frozen=True, array_like=True):
    fingerprint: Fingerprint
    sha256: str
    xxh3: str


_Table = dict[str, _Remembered]


class Recall:
    """The digests of files by name and fingerprint; may be asked from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        """Take what *path* holds; without one, remember nothing."""
        self._path = path
        self._before = _read(path) if path else {}
        self._now: _Table = {}

    def digest(self, name: str, found: Fingerprint) -> Digest | None:
        """Return the digest of the file *name*, if it is known to be as it was."""
        known = self._before.get(name)
        if known is None or known.fingerprint != found:
            return None
        self._now[name] = known
        return Digest(size_bytes=found.size_bytes, sha256=known.sha256, xxh3=known.xxh3)

    def add(self, name: str, found: Fingerprint, digest: Digest) -> None:
        """Remember a file that was digested and has this fingerprint at this moment."""
        if self._path and not _is_fresh(found):
            self._now[name] = _Remembered(found, digest.sha256, digest.xxh3)

    def keep(self) -> None:
        """Keep what was asked for or added since the beginning, and nothing else."""
        if self._path is None or not (self._now or self._before):
            return
        data = msgspec.msgpack.encode(self._now)
        temporary = self._path.with_suffix(f".{uuid4().hex}")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
                    file.write(xxhash.xxh3_128_digest(data) + data)
                temporary.replace(self._path)
            finally:
                temporary.unlink(missing_ok=True)
        if not self._before:
            # Seldom: there may be many.
            forget_old(self._path.parent, "*", self._path)


def open_recall(project_url: str, model: str) -> Recall:
    """Return what was remembered by the last save of *model* on this machine."""
    key = hashlib.sha256(f"{project_url}\0{model}".encode()).hexdigest()
    try:
        return Recall(state_folder() / _FOLDER / key)
    except (OSError, RuntimeError):
        # There is no home, or no right to it.
        return Recall()


def _read(path: Path) -> _Table:
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    # It is not synced: after a crash of the machine anything may be there.
    if xxhash.xxh3_128_digest(data[_CHECK_BYTES:]) != data[:_CHECK_BYTES]:
        return {}
    try:
        return msgspec.msgpack.decode(data[_CHECK_BYTES:], type=_Table)
    except msgspec.MsgspecError:
        return {}


def _is_fresh(found: Fingerprint) -> bool:
    times = found.modified_ns, found.changed_ns
    is_fine = any(at % _FINE_NS for at in times)
    age = time.time_ns() - max(times)
    return age < (_FRESH_NS if is_fine else _FRESH_COARSE_NS)
