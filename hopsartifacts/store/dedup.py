"""Deduplication: a new file is created from an identical stored file.

A stored file is used only if it is unchanged since the commit, so that damage does not
spread. On a local disk its bytes are read again. On other storages its modification
time, by the server's clock, must not be later than the commit.

If a local disk cannot clone blocks, the new file is a hard link to the old one. Linked
files are read-only and this package never changes them in place. If one is changed
anyway (root can do that), it changes in every version that shares it: ``verify`` finds
the change in each, and none of them can serve to repair another.
"""

from collections.abc import Iterable
from contextlib import suppress
from threading import Lock

import msgspec

from hopsartifacts.digests import Digest
from hopsartifacts.errors import NotFoundError, StorageError
from hopsartifacts.storage.contract import FileInfo, Storage
from hopsartifacts.store.checks import stored_xxh3


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file of a committed version."""

    folder: str
    """The folder of the version's files, in the project."""
    path: str
    """The file's path in that folder."""
    digest: Digest
    seal: str | None = None
    """The path of the log entry that committed it, for its modification time. If None,
    the file is shared only on a local disk, where it is read again."""

    @property
    def stored(self) -> str:
        """The file's path in the project."""
        return f"{self.folder}/{self.path}"


class Dedup:
    """A set of stored files, from which identical new files can be created."""

    def __init__(self, storage: Storage, known: Iterable[StoredFile]) -> None:
        self._storage = storage
        self._is_local = storage.local_path("") is not None
        self._by_bytes: dict[str, dict[str, StoredFile]] = {}
        self._sizes: set[int] = set()
        self._listed: dict[str, dict[str, FileInfo]] = {}
        self._sealed: dict[str, float | None] = {}
        self._lock = Lock()
        for it in known:
            self._sizes.add(it.digest.size_bytes)
            self._by_bytes.setdefault(it.digest.sha256, {}).setdefault(it.path, it)

    def may_have(self, size_bytes: int) -> bool:
        """Return whether a stored file has this size, so that hashing may pay off."""
        return size_bytes in self._sizes

    def lend(self, digest: Digest, path: str, target: str) -> bool:
        """Create *target* from a stored file with this *digest*, without an upload.

        A stored file with the same *path* is tried first. Return False if there is no
        usable one.
        """
        twins = self._by_bytes.get(digest.sha256, {})
        own = twins.get(path)
        # Try one more: if two are damaged, an upload is faster than looking further.
        others = [it for it in list(twins.values())[:2] if it is not own]
        for twin in [own, *others] if own else others:
            try:
                if self._is_intact(twin) and self._storage.copy(twin.stored, target):
                    return True
            except NotFoundError:
                continue  # it is damaged, or was just deleted
        return False

    def _is_intact(self, twin: StoredFile) -> bool:
        if self._is_local:
            due = twin.digest.size_bytes, twin.digest.xxh3
            # A file that cannot be read is not shared.
            with suppress(StorageError):
                return stored_xxh3(self._storage, twin.stored, due[0]) == due
            return False
        entry = self._entries(twin.folder).get(twin.stored)
        return (
            entry is not None
            and entry.kind == "file"
            and entry.size_bytes == twin.digest.size_bytes
            and _is_older(entry.modified, self._sealed_at(twin.seal))
        )

    def _sealed_at(self, seal: str | None) -> float | None:
        """Return when a log entry was written, by the back end's clock."""
        if seal is None:
            return None
        with self._lock:
            if seal not in self._sealed:
                found = self._storage.stat(seal)
                self._sealed[seal] = found.modified if found else None
            return self._sealed[seal]

    def _entries(self, folder: str) -> dict[str, FileInfo]:
        """Return a folder's files; it is listed once, instead of a request per file."""
        with self._lock:
            if folder not in self._listed:
                found = self._storage.find(folder)
                self._listed[folder] = {entry.path: entry for entry in found}
            return self._listed[folder]


def _is_older(modified: float | None, sealed: float | None) -> bool:
    if modified is None or sealed is None:
        return False
    # If both are whole seconds, equal times do not show which came first.
    is_coarse = modified.is_integer() and sealed.is_integer()
    return modified < sealed if is_coarse else modified <= sealed
