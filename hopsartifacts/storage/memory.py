"""fsspec's memory file system, made exclusive by one lock for the whole process.

fsspec checks and stores in two steps; all storages of a process share its one store,
so they share one lock.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

from hopsartifacts.digests import CHUNK_BYTES
from hopsartifacts.errors import AlreadyExistsError, PathNotFoundError
from hopsartifacts.storage.contract import Capabilities, Entry, Kind

_LOCK = RLock()


class MemoryStorage:
    """The contract on ``memory://``: for tests, trials and short-lived jobs."""

    def __init__(self, root: str) -> None:
        self._root = "/" + root.strip("/")
        self._fs: Any = MemoryFileSystem()

    @property
    def url(self) -> str:
        """See the contract."""
        return f"memory:/{self._root}"

    @property
    def capabilities(self) -> Capabilities:
        """See the contract."""
        return Capabilities(
            is_shared=False, has_modes=False, replaces_in_one_step=True, workers=1
        )

    def create(self, path: str, data: bytes) -> bool:
        """Check and store under the process's lock."""
        with _LOCK:
            if self._fs.exists(self._full(path)):
                return False
            self._fs.pipe_file(self._full(path), data)
            return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """See the contract."""
        data = b"".join(chunks)
        with _LOCK:
            self._fs.pipe_file(self._full(path), data)

    def read(self, path: str) -> bytes:
        """See the contract."""
        with _LOCK:
            try:
                return bytes(self._fs.cat_file(self._full(path)))
            except (FileNotFoundError, IsADirectoryError) as error:
                raise PathNotFoundError(f"{path!r} does not exist") from error

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """See the contract."""
        data = self.read(path)
        for first in range(start, len(data), CHUNK_BYTES):
            yield data[first : first + CHUNK_BYTES]

    def stat(self, path: str) -> Entry | None:
        """See the contract."""
        with _LOCK:
            try:
                return self._entry(self._fs.info(self._full(path)))
            except FileNotFoundError:
                return None

    def list(self, path: str) -> list[Entry]:
        """See the contract."""
        with _LOCK:
            if not self._fs.isdir(self._full(path)):
                return []
            found = self._fs.ls(self._full(path), detail=True)
        return sorted(map(self._entry, found), key=lambda entry: entry.path)

    def find(self, path: str) -> Iterator[Entry]:
        """See the contract."""
        with _LOCK:
            # Of a file fsspec says that it finds itself.
            if not self._fs.isdir(self._full(path)):
                return
            found = self._fs.find(self._full(path), detail=True).values()
        yield from sorted(map(self._entry, found), key=lambda entry: entry.path)

    def first(self, path: str) -> str | None:
        """See the contract."""
        entry = next(self.find(path), None)
        return entry.path if entry else None

    def copy(self, source: str, target: str) -> bool:
        """See the contract."""
        self.write(target, [self.read(source)])
        return True

    def move(self, source: str, target: str) -> None:
        """See the contract."""
        with _LOCK:
            data = self.read(source)
            if not self.create(target, data):
                raise AlreadyExistsError(f"{target!r} exists; nothing was moved")
            self._fs.rm_file(self._full(source))

    def move_tree(self, source: str, target: str) -> bool:
        """See the contract."""
        with _LOCK:
            is_file = self._fs.isfile(self._full(target))
            if is_file or next(self.find(target), None) is not None:
                return False
            for entry in list(self.find(source)):
                self.move(entry.path, target + entry.path.removeprefix(source))
            self.delete_tree(source)
            return True

    def protect(self, path: str) -> None:
        """Do nothing: ``memory://`` has no modes."""

    def unprotect(self, path: str) -> None:
        """Do nothing: ``memory://`` has no modes."""

    def delete_tree(self, path: str) -> None:
        """See the contract."""
        with _LOCK:
            # One by one: fsspec's rm takes names for patterns.
            full = self._full(path)
            found = self._fs.find(full, withdirs=True)
            for name in sorted({full, *found}, reverse=True):
                if self._fs.isfile(name):
                    self._fs.rm_file(name)
                elif name != "" and self._fs.exists(name):
                    self._fs.rmdir(name)

    def unfinished(self, path: str) -> Iterator[Entry]:  # noqa: ARG002 - the contract's
        """Yield none: a write here is done or not begun."""
        yield from ()

    def discard_unfinished(self, entry: Entry) -> None:
        """Do nothing: there are none."""

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 - the contract's
        """Return None: nothing here lies on a disk."""
        return None

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}".rstrip("/")

    def _entry(self, info: dict[str, Any]) -> Entry:
        kind: Kind = "directory" if info["type"] == "directory" else "file"
        path = str(info["name"]).removeprefix(self._root).lstrip("/")
        # fsspec says it in two ways; what is written again is created again.
        created = info.get("created")
        modified = created.timestamp() if isinstance(created, datetime) else created
        return Entry(
            path=path, kind=kind, size_bytes=int(info["size"]), modified=modified
        )
