"""A local cache for folders of remote stores: fetched once, checked before every use.

The key of a folder is its digest, so processes and projects can share it and it never
becomes stale. Files are added one at a time, each by an atomic write. Before a folder
is used, missing and damaged files are fetched and extra files are removed.

Each folder has two lock files. A process that changes it holds ``lock`` exclusively;
processes that use it share ``lease``. Both are released when their process ends.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import msgspec

from hopsartifacts.digests import Digest
from hopsartifacts.errors import (
    HopsArtifactsError,
    IntegrityError,
    InvalidInputError,
    StorageError,
)
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.machine.local_paths import user_path
from hopsartifacts.machine.posix import folders_of, make_folders
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.store.checks import Finding, check_folder
from hopsartifacts.store.transfer import part_of

FOLDER_VARIABLE = "HOPSARTIFACTS_CACHE_DIR"
BYTES_VARIABLE = "HOPSARTIFACTS_CACHE_BYTES"
DEFAULT_BYTES = 100_000_000_000

_FOLDERS = "folders"
_LOCKS = "locks"
_TRIES = 3

Fetch = Callable[[Mapping[str, Digest], Path], None]
"""Fetches files (by relative path) into a folder, each complete and checked."""


class Lease(msgspec.Struct, frozen=True):
    """A lease on a cached folder, which is not evicted until the lease is closed."""

    path: Path
    descriptor: int
    """A process that inherits this descriptor keeps the lease until it closes it."""

    def close(self) -> None:
        """Release the lease of this process."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Cache(FixedAttributes):
    """The local cache for folders of remote stores, with a size limit.

    Args:
        path: defaults to ``$HOPSARTIFACTS_CACHE_DIR``, then to the user's cache folder.
        size_bytes: the limit; defaults to ``$HOPSARTIFACTS_CACHE_BYTES``, then to
            100 GB. Above it, the least recently used folders are evicted. Folders in
            use stay, and a folder that is needed now is fetched even if it alone
            exceeds the limit.

    Raises:
        InvalidInputError: the size is not a number of bytes.
    """

    size_bytes: int

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        size_bytes: int | None = None,
    ) -> None:
        self._path = path
        self.size_bytes = _size_bytes(size_bytes)

    @property
    def path(self) -> Path:
        """The folder that contains the cache."""
        # Imported late: only deployments need it.
        from platformdirs import user_cache_path  # noqa: PLC0415 - see above

        given = self._path or os.environ.get(FOLDER_VARIABLE)
        return user_path(given or user_cache_path("hopsartifacts")).absolute()

    def use(self, digest: str, sealed: Mapping[str, Digest], fetch: Fetch) -> Lease:
        """Return a lease on the folder with this *digest*, after checking every file.

        *fetch* is called only for missing or damaged files. If there are none, the
        store gets no request.

        Raises:
            StorageError: the cache cannot be written to, or the disk is full.
            IntegrityError: the folder still differs from *sealed* after several tries.
        """
        key = digest.rpartition(":")[2]
        with self._translated():
            for name in (_FOLDERS, _LOCKS):
                (self.path / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked(key):
                lease = self._lease(key)
            try:
                self._put_right(key, sealed, fetch)
            except BaseException:
                lease.close()
                raise
            return lease

    def trim(self, size_bytes: int = 0) -> int:
        """Evict the least recently used folders until *size_bytes* or fewer are left.

        Folders that are in use or being fetched are kept. Returns how many bytes were
        freed.
        """
        kept = self._kept()
        total = before = sum(kept.values())
        with self._translated():
            for key, size in kept.items():
                if total > size_bytes and self._evict(key):
                    total -= size
        return before - total

    def _put_right(self, key: str, sealed: Mapping[str, Digest], fetch: Fetch) -> None:
        for _ in range(_TRIES):
            flaws = self._flaws(key, sealed)
            if not flaws:
                return
            try:
                with self._locked(key):
                    # Another process may have repaired it while this one waited.
                    flaws = self._flaws(key, sealed)
                    self._mend(key, sealed, flaws, fetch)
            except StorageError as error:
                # Another process may delete the cache meanwhile: fetch it again.
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
        flaws = self._flaws(key, sealed)
        if flaws:
            raise IntegrityError(
                f"the cache folder {str(self._folder(key))!r} changes while it is "
                f"filled ({flaws[0]}): make sure that no other program writes there"
            )

    def _flaws(self, key: str, sealed: Mapping[str, Digest]) -> list[Finding]:
        folder = self._folder(key)
        if not folder.is_dir():
            make_folders(folder)
        return check_folder(self._disk(), f"{_FOLDERS}/{key}", sealed)

    def _mend(
        self, key: str, sealed: Mapping[str, Digest], flaws: list[Finding], fetch: Fetch
    ) -> None:
        folder, disk = self._folder(key), self._disk()
        prefix = f"{_FOLDERS}/{key}/"
        wrong = {flaw.path.removeprefix(prefix): flaw.kind for flaw in flaws}
        kept = {"extra", "unprotected"}
        missing = {it: sealed[it] for it, kind in wrong.items() if kind not in kept}
        parts = {part_of(folder / path, digest) for path, digest in missing.items()}
        for inner in folders_of(folder):
            Path(inner).chmod(0o755)
        for path, kind in wrong.items():
            if kind != "unprotected" and folder / path not in parts:
                disk.delete_tree(prefix + path)
        if missing:
            needed = sum(digest.size_bytes for digest in missing.values())
            there = sum(part.stat().st_size for part in parts if part.exists())
            self._make_room(key, needed - there)
            fetch(missing, folder)
        disk.protect(f"{_FOLDERS}/{key}")

    def _make_room(self, key: str, needed: int) -> None:
        kept = self._kept()
        total = sum(kept.values())
        for other, size in kept.items():
            free = shutil.disk_usage(self.path).free
            fits = total + needed <= self.size_bytes and free >= needed
            if not fits and other != key and self._evict(other):
                total -= size
        free = shutil.disk_usage(self.path).free
        if free < needed:
            raise StorageError(
                f"the cache {str(self.path)!r} needs {needed} bytes more, but only "
                f"{free} are free on its disk: free some space, or name a folder on "
                f"another disk in ${FOLDER_VARIABLE}"
            )

    def _evict(self, key: str) -> bool:
        """Delete one folder unless it is in use; return whether it was deleted."""
        # A held lock raises TimeoutError, a held lease BlockingIOError.
        with suppress(TimeoutError, BlockingIOError), self._locked(key, timeout_s=0):
            descriptor = self._opened_lease(key)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._disk().delete_tree(f"{_FOLDERS}/{key}")
            finally:
                os.close(descriptor)
            return True
        return False

    def _kept(self) -> dict[str, int]:
        """Return the size of each folder, least recently used first."""
        with suppress(FileNotFoundError):
            keys = os.listdir(self.path / _FOLDERS)  # noqa: PTH208 - only the names
            return {
                key: sum(it.size_bytes for it in self._disk().find(f"{_FOLDERS}/{key}"))
                for key in sorted(keys, key=self._last_used)
            }
        return {}

    def _last_used(self, key: str) -> int:
        with suppress(FileNotFoundError):
            return self._lock_path(key, "lease").stat().st_mtime_ns
        return 0

    def _lease(self, key: str) -> Lease:
        descriptor = self._opened_lease(key)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        # Set explicitly: the kernel's own timestamps are only as fine as its tick.
        used = time.time_ns()
        os.utime(descriptor, ns=(used, used))
        return Lease(self._folder(key), descriptor)

    def _opened_lease(self, key: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._lock_path(key, "lease"), flags, 0o600)

    @contextmanager
    def _locked(self, key: str, timeout_s: float = -1) -> Iterator[None]:
        # Imported late, as above.
        from filelock import FileLock  # noqa: PLC0415 - see above

        with FileLock(self._lock_path(key, "lock"), timeout=timeout_s):
            yield

    def _lock_path(self, key: str, kind: str) -> Path:
        return self.path / _LOCKS / f"{key}.{kind}"

    def _folder(self, key: str) -> Path:
        return self.path / _FOLDERS / key

    def _disk(self) -> Storage:
        return LocalStorage(self.path)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except HopsArtifactsError:
            raise
        except (OSError, NotImplementedError) as error:
            raise StorageError(
                f"the cache {str(self.path)!r} cannot be used ({error}): name a folder "
                f"of your own in ${FOLDER_VARIABLE}"
            ) from error


def _size_bytes(given: int | None) -> int:
    text = os.environ.get(BYTES_VARIABLE, "") if given is None else str(given)
    if not text:
        return DEFAULT_BYTES
    if not (text.isascii() and text.isdigit()):
        where = f"${BYTES_VARIABLE}" if given is None else "size_bytes"
        raise InvalidInputError(
            f"{where} is {text!r}: give a number of bytes, like {DEFAULT_BYTES}"
        )
    return int(text)
