"""A folder of a storage, presented as a storage.

A test that needs many empty storages makes folders in the one that it was given.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from hopsartifacts.storage.contract import Capabilities, FileInfo, Storage


class StorageFolder(Storage):
    """The part of *inner* below *folder*; keeps the contract as well as *inner*.

    Attributes:
        inner: the storage that contains the folder.
    """

    def __init__(self, inner: Storage, folder: str) -> None:
        self.inner = inner
        self._folder = folder

    @property
    def url(self) -> str:
        """See ``Storage.url``."""
        return f"{self.inner.url}/{self._folder}"

    @property
    def capabilities(self) -> Capabilities:
        """See ``Storage.capabilities``."""
        return self.inner.capabilities

    def create(self, path: str, data: bytes) -> bool:
        """See ``Storage.create``."""
        return self.inner.create(self._full(path), data)

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """See ``Storage.write``."""
        self.inner.write(self._full(path), chunks)

    def read(self, path: str) -> bytes:
        """See ``Storage.read``."""
        return self.inner.read(self._full(path))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """See ``Storage.chunks``."""
        return self.inner.chunks(self._full(path), start)

    def stat(self, path: str) -> FileInfo | None:
        """See ``Storage.stat``."""
        found = self.inner.stat(self._full(path))
        return self._own(found) if found else None

    def list(self, path: str) -> list[FileInfo]:
        """See ``Storage.list``."""
        return [self._own(entry) for entry in self.inner.list(self._full(path))]

    def find(self, path: str) -> Iterator[FileInfo]:
        """See ``Storage.find``."""
        return map(self._own, self.inner.find(self._full(path)))

    def first(self, path: str) -> str | None:
        """See ``Storage.first``."""
        found = self.inner.first(self._full(path))
        return found and found.removeprefix(f"{self._folder}/")

    def copy(self, source: str, target: str) -> bool:
        """See ``Storage.copy``."""
        return self.inner.copy(self._full(source), self._full(target))

    def move(self, source: str, target: str) -> None:
        """See ``Storage.move``."""
        self.inner.move(self._full(source), self._full(target))

    def move_tree(self, source: str, target: str) -> bool:
        """See ``Storage.move_tree``."""
        return self.inner.move_tree(self._full(source), self._full(target))

    def protect(self, path: str) -> None:
        """See ``Storage.protect``."""
        self.inner.protect(self._full(path))

    def unprotect(self, path: str) -> None:
        """See ``Storage.unprotect``."""
        self.inner.unprotect(self._full(path))

    def delete_tree(self, path: str) -> None:
        """See ``Storage.delete_tree``."""
        self.inner.delete_tree(self._full(path))

    def unfinished(self, path: str) -> Iterator[FileInfo]:
        """See ``Storage.unfinished``."""
        return map(self._own, self.inner.unfinished(self._full(path)))

    def discard_unfinished(self, entry: FileInfo) -> None:
        """See ``Storage.discard_unfinished``."""
        full = msgspec.structs.replace(entry, path=self._full(entry.path))
        self.inner.discard_unfinished(full)

    def local_path(self, path: str) -> Path | None:
        """See ``Storage.local_path``."""
        return self.inner.local_path(self._full(path))

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """See ``Storage.previous``."""
        return self.inner.previous(self._full(path))

    def _full(self, path: str) -> str:
        return f"{self._folder}/{path}".rstrip("/")

    def _own(self, entry: FileInfo) -> FileInfo:
        path = entry.path.removeprefix(self._folder).lstrip("/")
        return msgspec.structs.replace(entry, path=path)
