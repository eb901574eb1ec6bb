"""Any other fsspec file system, for one writer only: check first, then write.

Two writers are not kept apart: another one may write between the check and the write,
and both calls then report success. The user must therefore opt in explicitly.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from threading import RLock
from typing import Any
from uuid import uuid4

from fsspec.core import url_to_fs
from msgspec.structs import replace

from hopsartifacts.errors import AlreadyExistsError, without_secrets
from hopsartifacts.layout import TEMPORARY
from hopsartifacts.storage.contract import Capabilities, FileInfo, Storage, watched
from hopsartifacts.storage.objects import ObjectStorage, OneAtATime


def fallback_storage(url: str, options: Mapping[str, Any]) -> "FallbackStorage":
    """Return the storage at *url*; *options* are passed to its file system."""
    # The user's name and password are not part of the location.
    place = re.sub(r"://[^/]*@", "://", url, count=1).rstrip("/")
    filesystem, path = url_to_fs(url, **{**options, "skip_instance_cache": True})
    return FallbackStorage(filesystem, path, without_secrets(place))


class FallbackStorage(ObjectStorage):
    """The storage contract, except that ``create`` is safe for one writer only."""

    def __init__(self, filesystem: Any, root: str, url: str) -> None:
        self._lock = _lock_of(*url.split("/", 3)[:3])
        self._url = url
        self._is_absolute = root.startswith("/")
        super().__init__(OneAtATime(filesystem, self._lock), root)

    @property
    def url(self) -> str:
        return self._url

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, is_single_writer=True, workers=1)

    def create(self, path: str, data: bytes) -> bool:
        """Check, then write: exclusive only among the threads of this process."""
        with self._lock:
            if self.stat(path) is not None:
                return False
            self.write(path, [data])
            return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a temporary file, delete the existing file, and move.

        Some file systems refuse to move onto an existing file. Between the two steps,
        nothing exists at *path*.
        """
        temporary, failures = f"{TEMPORARY}/{uuid4().hex}", list[BaseException]()
        try:
            with self._translating("write", path, failures):
                self._fs.makedirs(self._full(TEMPORARY), exist_ok=True)
                file = self._fs.open(self._full(temporary), "wb")
                try:
                    for chunk in watched(chunks, failures):
                        with self._lock:
                            file.write(chunk)
                finally:
                    with self._lock:
                        file.close()
            with self._lock:
                self.delete_tree(path)
                self.move(temporary, path)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(self._full(temporary))
            raise

    read = Storage.read
    # Few file systems can copy, and which ones is not reported.
    copy = Storage.copy

    def list(self, path: str) -> list[FileInfo]:
        return super().list(path) if self._is_folder(path) else []

    def find(self, path: str) -> Iterator[FileInfo]:
        if self._is_folder(path):
            yield from super().find(path)

    def move(self, source: str, target: str) -> None:
        """Check that *target* is free, then move."""
        with self._lock:
            if self.stat(target) is not None:
                raise AlreadyExistsError(f"{target!r} exists; nothing was moved")
            with self._translating("move", source):
                full = self._full(target)
                self._fs.makedirs(full.rpartition("/")[0], exist_ok=True)
                self._fs.mv(self._full(source), full)

    def delete_tree(self, path: str) -> None:
        if self._is_folder(path):
            super().delete_tree(path)
        elif self.stat(path) is not None:
            with self._translating("delete", path):
                self._fs.rm_file(self._full(path))

    def _full(self, path: str) -> str:
        # Without the slash, a path on a disk is one in the working directory.
        full = f"{self._root}/{path}".strip("/")
        return f"/{full}" if self._is_absolute else full

    def _is_folder(self, path: str) -> bool:
        found = self.stat(path)
        return found is not None and found.kind == "directory"


@cache
def _lock_of(*server: str) -> RLock:
    """Return the lock of all storages on one server: their roots may be nested."""
    del server
    return RLock()
