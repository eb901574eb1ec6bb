"""When a stored file may lend its bytes to a new one, and which ones do already.

A file is shared only if it is still what was sealed, so that damage does not spread.
On a local disk its bytes are read again. Elsewhere the server's clock has to show that
nobody wrote to it since its seal.

Where blocks cannot be shared, a local disk gives the new file the inode of the old
one. Such files are read-only and never changed in place by us. Whoever changes one
all the same, as root may, changes every version that shares it: verify finds the
change in each of them, and none of them is a copy to repair another from.
"""

from collections.abc import Iterable
from threading import Lock

import msgspec

from hopsartifacts.digests import Digest, xxh3_of
from hopsartifacts.errors import NotFoundError, StorageError
from hopsartifacts.storage.contract import Entry, Storage

WHOLE_BYTES = 4 * 1024 * 1024
"""Files up to this size are read in one piece."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A file the store holds, as its seal has it."""

    folder: str
    """Folder of the version's files, in the project."""
    path: str
    """Its path in there."""
    digest: Digest
    seal: str | None = None
    """Path of the log entry that sealed it: the back end tells when it was written.
    None: the file is shared only where it can be read again."""

    @property
    def stored(self) -> str:
        """Path in the project."""
        return f"{self.folder}/{self.path}"


class Lender:
    """The sealed files of a store, by their bytes."""

    def __init__(self, storage: Storage, known: Iterable[Known]) -> None:
        self._storage = storage
        self._is_local = storage.local_path("") is not None
        self._by_bytes: dict[str, dict[str, Known]] = {}
        self._sizes: set[int] = set()
        self._listed: dict[str, dict[str, Entry]] = {}
        self._sealed: dict[str, float | None] = {}
        self._lock = Lock()
        for it in known:
            self._sizes.add(it.digest.size_bytes)
            self._by_bytes.setdefault(it.digest.sha256, {}).setdefault(it.path, it)

    def may_have(self, size_bytes: int) -> bool:
        """Tell whether it is worth hashing a file of this size first."""
        return size_bytes in self._sizes

    def lend(self, digest: Digest, path: str, target: str) -> bool:
        """Give the new file *target* the bytes of *digest*, without carrying them.

        A stored file of the same *path* is asked first.

        Returns:
            False, changing nothing, if no stored file can be used.
        """
        twins = self._by_bytes.get(digest.sha256, {})
        own = twins.get(path)
        # One more is tried: where two are damaged, carrying the bytes is soon done.
        others = [it for it in list(twins.values())[:2] if it is not own]
        for twin in [own, *others] if own else others:
            try:
                if self._is_intact(twin) and self._storage.copy(twin.stored, target):
                    return True
            except NotFoundError:
                continue  # damaged in another way, or just deleted
        return False

    def _is_intact(self, twin: Known) -> bool:
        if self._is_local:
            return self._is_as_sealed(twin)
        entry = self._entries(twin.folder).get(twin.stored)
        return (
            entry is not None
            and entry.kind == "file"
            and entry.size_bytes == twin.digest.size_bytes
            and _is_older(entry.modified, self._sealed_at(twin.seal))
        )

    def _is_as_sealed(self, twin: Known) -> bool:
        expected = (twin.digest.size_bytes, twin.digest.xxh3)
        try:
            if twin.digest.size_bytes <= WHOLE_BYTES:
                found = xxh3_of([self._storage.read(twin.stored)])
            else:
                found = xxh3_of(self._storage.chunks(twin.stored))
        except StorageError:
            # What cannot be read is not shared.
            return False
        return found == expected

    def _sealed_at(self, seal: str | None) -> float | None:
        """Return when a log entry was written, by the clock of the back end."""
        if seal is None:
            return None
        with self._lock:
            if seal not in self._sealed:
                found = self._storage.stat(seal)
                self._sealed[seal] = found.modified if found else None
            return self._sealed[seal]

    def _entries(self, folder: str) -> dict[str, Entry]:
        """List a folder once, not a request a file."""
        with self._lock:
            if folder not in self._listed:
                found = self._storage.find(folder)
                self._listed[folder] = {entry.path: entry for entry in found}
            return self._listed[folder]


def is_same_file(storage: Storage, first: str, second: str) -> bool:
    """Tell whether two paths are one file, so that damage to one is damage to both.

    Only a local disk has such; elsewhere each path has bytes of its own.
    """
    here, there = storage.local_path(first), storage.local_path(second)
    if here is None or there is None:
        return False
    try:
        found, other = here.lstat(), there.lstat()
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (other.st_dev, other.st_ino)


def _is_older(modified: float | None, sealed: float | None) -> bool:
    if modified is None or sealed is None:
        return False
    # Whole seconds do not tell what came first within one.
    is_coarse = modified.is_integer() and sealed.is_integer()
    return modified < sealed if is_coarse else modified <= sealed
