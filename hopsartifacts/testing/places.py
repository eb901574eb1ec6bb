"""Empty places for projects: folders of one storage, snapshots, and connections to it.

A test that needs many empty storages makes folders in the one that it was given.
"""

import itertools
import pickle
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from hopsartifacts.machine.state_folder import STATE_DIR_VARIABLE
from hopsartifacts.machine.workers import each
from hopsartifacts.storage.contract import Capabilities, FileInfo, Storage

Place = Callable[[], Storage]
"""A function that opens one storage; each call returns a separate connection."""
Reconnect = Callable[[], Storage]


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


class StorageSnapshot:
    """Every file of *storage*, with its read-only state."""

    def __init__(self, storage: Storage) -> None:
        entries = list(storage.find(""))
        self._sealed = [it.path for it in entries if it.is_read_only]
        self._bytes = {it.path: storage.read(it.path) for it in entries}
        above = {folder for path in self._bytes for folder in _above(path)}
        has_modes = storage.capabilities.has_modes
        found = [storage.stat(it) for it in sorted(above)] if has_modes else []
        self._closed = [it.path for it in found if it and it.is_read_only]
        self._open = [it.path for it in found if it and not it.is_read_only]

    def put(self, storage: Storage) -> None:
        """Write the snapshot to the empty *storage*."""
        self._write(storage, self._sealed)
        for folder in self._closed:
            storage.protect(folder)
        below = tuple(f"{folder}/" for folder in self._closed)
        for folder in self._open:
            if folder.startswith(below):
                storage.unprotect(folder)
        if storage.capabilities.has_modes:
            for path in self._sealed:
                if not path.startswith(below):
                    storage.protect(path)
        self._write(storage, sorted(self._bytes.keys() - set(self._sealed)))

    def _write(self, storage: Storage, paths: list[str]) -> None:
        def write(path: str, _: object) -> None:
            storage.write(path, [self._bytes[path]])

        each(write, paths, storage.capabilities.workers)


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


class Connecting:
    """The fixtures of all parts; a test class defines the fixture ``storage``.

    Attributes:
        folder_of: a function that presents a folder as a storage.
    """

    folder_of: Callable[[Storage, str], Storage] = StorageFolder

    @pytest.fixture
    def reconnect(self, storage: Storage) -> Reconnect:
        """A function that opens the storage as another process does.

        By default it unpickles a copy. If the storage cannot be pickled, override this
        fixture with a module-level function whose arguments can be pickled.
        """
        if not storage.capabilities.is_shared:
            return lambda: storage
        try:
            return partial(pickle.loads, pickle.dumps(storage))
        except Exception as error:  # noqa: BLE001 - pickling may raise anything
            pytest.fail(
                f"{type(storage).__name__} cannot be pickled ({error}), so no other "
                "process can open it: make it picklable, or override the fixture "
                "'reconnect' with functools.partial of a function that opens it"
            )

    @pytest.fixture
    def new_place(self, reconnect: Reconnect) -> Callable[[], Place]:
        """A function that makes an empty folder and returns how to open it."""
        numbers = itertools.count(1)
        make = type(self).folder_of
        return lambda: partial(_open, reconnect, make, f"place{next(numbers)}")

    @pytest.fixture(autouse=True)
    def _own_journals(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # Prevent saves from resuming a save of another test.
        monkeypatch.setenv(STATE_DIR_VARIABLE, str(tmp_path / "state"))

    @pytest.fixture(autouse=True)
    def _without_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # No other writer is active when ``verify`` checks a second time.
        monkeypatch.setattr("hopsartifacts.guard.verify._SECOND_LOOK_S", 0)


def _open(
    reconnect: Reconnect, folder_of: Callable[[Storage, str], Storage], folder: str
) -> Storage:
    return folder_of(reconnect(), folder)
