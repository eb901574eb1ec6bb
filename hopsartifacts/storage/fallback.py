"""Any other fsspec file system, for one writer only: look first, then write.

Nothing here tells two writers apart: between the look and the write another one may
come, and both are told that they won. So it has to be asked for by name.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from threading import RLock
from typing import Any
from uuid import uuid4

from fsspec.core import url_to_fs

from hopsartifacts.errors import AlreadyExistsError, without_secrets
from hopsartifacts.layout import TEMPORARY
from hopsartifacts.storage.contract import Capabilities, Entry
from hopsartifacts.storage.objects import ObjectStorage, OneAtATime


def fallback_storage(url: str, options: Mapping[str, Any]) -> "FallbackStorage":
    """Return the storage at *url*; *options* are its file system's own."""
    protocol, _, rest = url.partition("://")
    place, slash, below = rest.partition("/")
    # The user's name and password are no part of where it is.
    host = place.rpartition("@")[2]
    shown = without_secrets(f"{protocol}://{host}{slash}{below}".rstrip("/"))
    filesystem, path = url_to_fs(url, **{**options, "skip_instance_cache": True})
    return FallbackStorage(filesystem, path, shown)


class FallbackStorage(ObjectStorage):
    """The contract, but for ``create`` among several writers."""

    def __init__(self, filesystem: Any, root: str, url: str) -> None:
        protocol, _, rest = url.partition("://")
        self._lock = _lock_of(protocol, rest.partition("/")[0])
        self._url = url
        super().__init__(OneAtATime(filesystem, self._lock), root)

    @property
    def url(self) -> str:
        return self._url

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            has_modes=False,
            moves_trees=False,
            needs_proof=True,
            is_single_writer=True,
            workers=1,
        )

    def create(self, path: str, data: bytes) -> bool:
        """Look, then write: exclusive among the threads of this process only."""
        with self._lock:
            if self.stat(path) is not None:
                return False
            self.write(path, [data])
            return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write aside, delete what is there, and move.

        Some file systems refuse to move over what is there. In between nothing is.
        """
        temporary = f"{TEMPORARY}/{uuid4().hex}"
        try:
            self._upload(temporary, chunks)
            with self._lock:
                self.delete_tree(path)
                self.move(temporary, path)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(self._full(temporary))
            raise

    def _upload(self, path: str, chunks: Iterable[bytes]) -> None:
        with self._translating("write", path):
            self._fs.makedirs(self._parent(path), exist_ok=True)
            file = self._fs.open(self._full(path), "wb")
        try:
            for chunk in chunks:
                # What the source of the bytes raises is its own.
                with self._lock, self._translating("write", path):
                    file.write(chunk)
        finally:
            with self._lock, self._translating("write", path):
                file.close()

    def read(self, path: str) -> bytes:
        return b"".join(self.chunks(path))

    def list(self, path: str) -> list[Entry]:
        return super().list(path) if self._is_folder(path) else []

    def find(self, path: str) -> Iterator[Entry]:
        if self._is_folder(path):
            yield from super().find(path)

    def copy(self, source: str, target: str) -> bool:  # noqa: ARG002 - the contract's
        """Return False: few of them can, and those without saying so."""
        return False

    def move(self, source: str, target: str) -> None:
        """Look, then move."""
        with self._lock:
            if self.stat(target) is not None:
                raise AlreadyExistsError(f"{target!r} exists; nothing was moved")
            with self._translating("move", source):
                self._fs.makedirs(self._parent(target), exist_ok=True)
                self._fs.mv(self._full(source), self._full(target))

    def delete_tree(self, path: str) -> None:
        if self._is_folder(path):
            super().delete_tree(path)
        elif self.stat(path) is not None:
            with self._translating("delete", path):
                self._fs.rm_file(self._full(path))

    def _is_folder(self, path: str) -> bool:
        found = self.stat(path)
        return found is not None and found.kind == "directory"

    def _parent(self, path: str) -> str:
        return self._full(path).rpartition("/")[0]


@cache
def _lock_of(protocol: str, host: str) -> RLock:
    """Return what all storages of this process on one server share.

    Their folders may lie in each other.
    """
    del protocol, host
    return RLock()
