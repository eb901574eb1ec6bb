"""Back ends that break one promise each, for the kit to find out."""

import time
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from uuid import uuid4

from hopsartifacts.storage.contract import FileInfo
from hopsartifacts.storage.local import LocalStorage

_A_MOMENT_S = 0.02


class ChecksThenWrites(LocalStorage):
    """Looks whether an object is there, and then writes it."""

    def create(self, path: str, data: bytes) -> bool:
        if self.stat(path):
            return False
        time.sleep(_A_MOMENT_S)
        self.write(path, [data])
        self.protect(path)
        return True


class ReplacesInTwoSteps(LocalStorage):
    """Deletes what is there before the new bytes have its name, and says otherwise."""

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        new = f".hopsartifacts/tmp/{uuid4().hex}"
        super().write(new, chunks)
        self.delete_tree(path)
        time.sleep(_A_MOMENT_S)
        self.move(new, path)


_LOCK = Lock()


class LocksItsProcess(ChecksThenWrites):
    """The same under a lock, which other processes do not have."""

    def create(self, path: str, data: bytes) -> bool:
        with _LOCK:
            return super().create(path, data)


class TearsObjects(LocalStorage):
    """Takes the name first, and fills the object then."""

    def create(self, path: str, data: bytes) -> bool:
        if not super().create(path, data[: len(data) // 2]):
            return False
        time.sleep(_A_MOMENT_S)
        self.write(path, [data])
        self.protect(path)
        return True


class ListsWhatWas(LocalStorage):
    """Keeps the first listing of each folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._kept: dict[str, list[FileInfo]] = {}

    def list(self, path: str) -> "list[FileInfo]":
        if path not in self._kept:
            self._kept[path] = super().list(path)
        return self._kept[path]


class SaysItDeletes(LocalStorage):
    """Deletes what is not protected, and says nothing of the rest."""

    def delete_tree(self, path: str) -> None:
        for entry in list(self.find(path)):
            if not entry.is_read_only:
                super().delete_tree(entry.path)


class AnswersEarly(LocalStorage):
    """Says yes before the object is there: it is made by the next call."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._later: list[tuple[str, bytes]] = []

    def create(self, path: str, data: bytes) -> bool:
        while self._later:
            # Otherwise a writer is too rarely killed after a yes that is not yet true.
            time.sleep(_A_MOMENT_S / 4)
            super().create(*self._later.pop())
        if self.stat(path):
            return False
        self._later.append((path, data))
        return True
