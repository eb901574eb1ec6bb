"""Downloads of stored files: concurrent, verified and resumable.

A file gets its name when it is complete and matches its digest. Until then its bytes
are in a temporary file next to it. The name of that file is derived from the name and
the digest, so that the next download finds and continues it.
"""

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

import msgspec
import xxhash

from hopsartifacts.digests import CHUNK_BYTES, Digest, Hasher, sha256_of
from hopsartifacts.errors import IntegrityError, PathNotFoundError, StorageError
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.machine.posix import make_folders
from hopsartifacts.machine.progress import NO_CALLBACK, Callback, Progress
from hopsartifacts.machine.workers import Stop, Stopped, each, pause_s
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checks import verified

ATTEMPTS = 5
"""How many reads in a row may fail before they return a byte."""

_PATIENCE_S = 10.0
"""A storage client that took longer than this to fail has done its own retries."""
_PART = ".part"


def download(
    storage: Storage,
    folder: str,
    sealed: Mapping[str, Digest],
    target: Path,
    *,
    callback: Callback = NO_CALLBACK,
    is_strict: bool = False,
) -> None:
    """Copy the files *sealed* (by relative path) of *folder* into the local *target*.

    An existing file is replaced once the new one is complete and verified. After a
    failure, call this again to continue where it stopped. If *is_strict*, SHA-256 is
    compared as well as XXH3: see ``checks.check_folder``.

    Raises:
        IntegrityError: a stored file differs from its digest.
        PathNotFoundError: a stored file is missing.
        StorageError: the storage failed repeatedly, or the local disk failed.
    """
    size = sum(digest.size_bytes for digest in sealed.values())
    progress = Progress(callback, size)

    def one(item: tuple[str, Digest], stop: Stop) -> None:
        path, digest = item
        hasher = Hasher() if is_strict else _FastHasher(digest)
        place = f"{folder}/{path}"
        file = _Download(storage, place, digest, progress.add, stop, hasher)
        file.run(target / path)

    # Largest first, so that it does not run alone at the end.
    items = sorted(sealed.items(), key=lambda item: -item[1].size_bytes)
    each(one, items, min(storage.capabilities.workers, len(items)))


def fetch(
    storage: Storage, path: str, target: Path, digest: Digest | None = None
) -> None:
    """Copy one file to *target* by an atomic write, and compare it with *digest*.

    Raises as ``download``; then nothing was written.
    """
    keep(storage.chunks(path), path, target, digest)


def keep(
    chunks: Iterable[bytes], path: str, target: Path, digest: Digest | None = None
) -> None:
    """Write *chunks* to *target* as ``fetch`` does; *path* is what they come from."""
    with _local(target):
        make_folders(target.parent)
    with written_aside(target, is_durable=False) as file:
        file.writelines(verified(chunks, digest, path) if digest else chunks)


def part_of(target: Path, digest: Digest) -> Path:
    """Return the path of the temporary file for the bytes of *target*."""
    name = sha256_of(f"{target.name}\0{digest.sha256}".encode()).partition(":")[2]
    return target.with_name(f".{name[:32]}{_PART}")


class _FastHasher:
    """A hasher that takes the SHA-256 of what it compares with for granted."""

    def __init__(self, expected: Digest) -> None:
        self._expected = expected
        self._xxh3 = xxhash.xxh3_128()
        self._size = 0

    def update(self, data: bytes) -> None:
        self._xxh3.update(data)
        self._size += len(data)

    def reset(self) -> None:
        self._xxh3.reset()
        self._size = 0

    def digest(self) -> Digest:
        return Digest(
            size_bytes=self._size,
            sha256=self._expected.sha256,
            xxh3=f"xxh3-128:{self._xxh3.hexdigest()}",
        )


class _Download(msgspec.Struct):
    """The download of one stored file to a local path."""

    storage: Storage
    path: str
    digest: Digest
    moved: Callable[[int], None]
    stop: Stop
    hasher: Hasher | _FastHasher
    size: int = 0

    def run(self, target: Path) -> None:
        """Download the file to *target*; see ``download``."""
        with _local(target):
            make_folders(target.parent)
            if target.is_dir() and not target.is_symlink():
                raise IsADirectoryError(None, "a folder is there")
        part, file, is_kept = _part(target, self.digest)
        # Keep it locked until it is renamed, or another process would continue it.
        with _local(target), file:
            try:
                self._fill(file, target)
                part.replace(target)
            except BaseException as error:
                # If only the storage failed, keep the bytes for the next try. If the
                # local disk failed, it may be full: free the space.
                broke_off = isinstance(error, Stopped | StorageError) and self.size > 0
                if not (is_kept and broke_off) or isinstance(error, _LocalError):
                    with suppress(OSError):
                        part.unlink()
                raise

    def _fill(self, file: IO[bytes], target: Path) -> None:
        with _local(target):
            self._resume(file)
        is_resumed = self.size > 0
        self._read_on(file, target)
        if is_resumed and not self._is_as_sealed():
            # The bytes of an earlier try may be wrong: start again.
            with _local(target):
                self._restart(file)
            self._read_on(file, target)
        if not self._is_as_sealed():
            raise IntegrityError(
                f"{self.path!r} differs from what was saved; it was not copied: see "
                "project.verify() and project.repair()"
            )
        with _local(target):
            file.flush()

    def _resume(self, file: IO[bytes]) -> None:
        """Hash the bytes of an earlier try, to continue after them."""
        while chunk := file.read(CHUNK_BYTES):
            self.stop.check()
            self._take(chunk)
        if self.size > self.digest.size_bytes:
            self._restart(file)

    def _restart(self, file: IO[bytes]) -> None:
        file.seek(0)
        file.truncate()
        self.moved(-self.size)
        self.hasher.reset()
        self.size = 0

    def _read_on(self, file: IO[bytes], target: Path) -> None:
        """Read the rest, and retry failed reads as long as there is progress."""
        failures, since = 0, time.monotonic()
        while not 0 < self.digest.size_bytes <= self.size:
            before = self.size
            try:
                self._read(file, target)
            except StorageError as error:
                if self.size > before:
                    failures, since = 0, time.monotonic()
                failures += 1
                is_late = time.monotonic() - since > _PATIENCE_S
                if isinstance(error, _LocalError) or is_late or failures == ATTEMPTS:
                    raise
                self.stop.sleep(pause_s(failures))
            else:
                return

    def _read(self, file: IO[bytes], target: Path) -> None:
        for chunk in self.storage.chunks(self.path, self.size):
            self.stop.check()
            with _local(target):
                file.write(chunk)
            self._take(chunk)
            if self.size > self.digest.size_bytes:
                return

    def _take(self, chunk: bytes) -> None:
        self.hasher.update(chunk)
        self.size += len(chunk)
        self.moved(len(chunk))

    def _is_as_sealed(self) -> bool:
        return self.hasher.digest() == self.digest


class _LocalError(StorageError):
    """The local disk failed, not the storage."""


@contextmanager
def _local(target: Path) -> Iterator[None]:
    try:
        yield
    except (StorageError, PathNotFoundError):
        raise
    except OSError as error:
        raise _LocalError(f"cannot write {str(target)!r}: {error.strerror}") from error


def _part(target: Path, digest: Digest) -> tuple[Path, IO[bytes], bool]:
    """Open a temporary file for *target*; return whether the next try will find it."""
    part = part_of(target, digest)
    with _local(target):
        with suppress(OSError):
            file = _opened(part, 0)
            if _is_ours(part, file):
                return part, file, True
            file.close()
        # Another process is downloading the same file to the same path.
        own = target.with_name(f".{uuid4().hex}{_PART}")
        return own, _opened(own, os.O_EXCL), False


def _is_ours(part: Path, file: IO[bytes]) -> bool:
    """Lock *part*; False if it is locked, was replaced, or is not a plain file."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        opened, named = os.fstat(file.fileno()), part.lstat()
    except OSError:
        return False
    is_plain = stat.S_ISREG(opened.st_mode) and opened.st_nlink == 1
    return is_plain and os.path.samestat(opened, named)


def _opened(path: Path, flags: int) -> IO[bytes]:
    flags |= os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    return os.fdopen(os.open(path, flags, 0o644), "r+b")
