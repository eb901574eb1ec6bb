"""A folder of a storage as a storage of its own.

A test that needs many empty storages makes folders in the one it was given.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from hopsartifacts.storage.contract import Capabilities, Entry, Storage


class StorageFolder(Storage):
    """What lies below *folder* of *inner*; keeps the contract as well as *inner*.

    Attributes:
        inner: the storage that it is a folder of.
    """

    def __init__(self, inner: Storage, folder: str) -> None:
        self.inner = inner
        self._folder = folder

    @property
    def url(self) -> str:
        """See the contract."""
        return f"{self.inner.url}/{self._folder}"

    @property
    def capabilities(self) -> Capabilities:
        """See the contract."""
        return self.inner.capabilities

    def create(self, path: str, data: bytes) -> bool:
        """See the contract."""
        return self.inner.create(self._full(path), data)

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """See the contract."""
        self.inner.write(self._full(path), chunks)

    def read(self, path: str) -> bytes:
        """See the contract."""
        return self.inner.read(self._full(path))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """See the contract."""
        return self.inner.chunks(self._full(path), start)

    def stat(self, path: str) -> Entry | None:
        """See the contract."""
        found = self.inner.stat(self._full(path))
        return self._own(found) if found else None

    def list(self, path: str) -> list[Entry]:
        """See the contract."""
        return [self._own(entry) for entry in self.inner.list(self._full(path))]

    def find(self, path: str) -> Iterator[Entry]:
        """See the contract."""
        return map(self._own, self.inner.find(self._full(path)))

    def first(self, path: str) -> str | None:
        """See the contract."""
        found = self.inner.first(self._full(path))
        return found and found.removeprefix(f"{self._folder}/")

    def copy(self, source: str, target: str) -> bool:
        """See the contract."""
        return self.inner.copy(self._full(source), self._full(target))

    def move(self, source: str, target: str) -> None:
        """See the contract."""
        self.inner.move(self._full(source), self._full(target))

    def move_tree(self, source: str, target: str) -> bool:
        """See the contract."""
        return self.inner.move_tree(self._full(source), self._full(target))

    def protect(self, path: str) -> None:
        """See the contract."""
        self.inner.protect(self._full(path))

    def unprotect(self, path: str) -> None:
        """See the contract."""
        self.inner.unprotect(self._full(path))

    def delete_tree(self, path: str) -> None:
        """See the contract."""
        self.inner.delete_tree(self._full(path))

    def unfinished(self, path: str) -> Iterator[Entry]:
        """See the contract."""
        return map(self._own, self.inner.unfinished(self._full(path)))

    def discard_unfinished(self, entry: Entry) -> None:
        """See the contract."""
        full = msgspec.structs.replace(entry, path=self._full(entry.path))
        self.inner.discard_unfinished(full)

    def local_path(self, path: str) -> Path | None:
        """See the contract."""
        return self.inner.local_path(self._full(path))

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """See the contract."""
        return self.inner.previous(self._full(path))

    def _full(self, path: str) -> str:
        return f"{self._folder}/{path}".rstrip("/")

    def _own(self, entry: Entry) -> Entry:
        path = entry.path.removeprefix(self._folder).lstrip("/")
        return msgspec.structs.replace(entry, path=path)
