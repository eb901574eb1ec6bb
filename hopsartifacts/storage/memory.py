"""fsspec's memory file system, made exclusive by one lock for the whole process.

fsspec checks and stores in two steps. All storages of a process share one fsspec store,
so they also share one lock.
"""

from collections.abc import Iterable, Iterator
from threading import RLock
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

from hopsartifacts.digests import CHUNK_BYTES
from hopsartifacts.storage.contract import Capabilities
from hopsartifacts.storage.objects import ObjectStorage, OneAtATime

_LOCK = RLock()


class MemoryStorage(ObjectStorage):
    """The storage contract on ``memory://``: for tests, trials and short-lived jobs."""

    protocol = "memory"

    def __init__(self, root: str) -> None:
        super().__init__(OneAtATime(MemoryFileSystem(), _LOCK), root)

    def __reduce__(self) -> tuple[Any, ...]:
        # The lock cannot be pickled; another process has separate memory.
        return type(self), (self._root,)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(is_shared=False, has_modes=False, workers=1)

    def create(self, path: str, data: bytes) -> bool:
        with _LOCK, self._translating("create", path):
            if self.stat(path) is not None:
                return False
            self._fs.pipe_file(self._full(path), data)
            return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        data = b"".join(chunks)
        with self._translating("write", path):
            self._fs.pipe_file(self._full(path), data)

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        data = self.read(path)
        for first in range(start, len(data), CHUNK_BYTES):
            yield data[first : first + CHUNK_BYTES]

    def move(self, source: str, target: str) -> None:
        with _LOCK:
            super().move(source, target)

    def move_tree(self, source: str, target: str) -> bool:
        with _LOCK:
            found = self.stat(target)
            if found and (found.kind == "file" or self.first(target)):
                return False
            for entry in list(self.find(source)):
                self.move(entry.path, target + entry.path.removeprefix(source))
            self.delete_tree(source)
            return True

    def delete_tree(self, path: str) -> None:
        # Delete one by one, because fsspec's ``rm`` treats names as patterns.
        full = "/" + self._full(path).strip("/")
        with _LOCK, self._translating("delete", path):
            for name in sorted({full, *self._fs.find(full, withdirs=True)})[::-1]:
                if self._fs.isfile(name):
                    self._fs.rm_file(name)
                elif name != "/" and self._fs.exists(name):
                    self._fs.rmdir(name)
