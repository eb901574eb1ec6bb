"""Any other fsspec file system, for one writer only: look first, then write.

Nothing here tells two writers apart: between the look and the write another one may
come, and both are told that they won. So it has to be asked for by name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from threading import RLock
from typing import Any
from uuid import uuid4

from fsspec.core import url_to_fs

from hopsartifacts.errors import AlreadyExistsError, InvalidInputError
from hopsartifacts.layout import TEMPORARY
from hopsartifacts.storage.contract import Capabilities, Entry, first_below
from hopsartifacts.storage.objects import Dialect, ObjectStorage


def fallback_storage(url: str, options: Mapping[str, Any]) -> "FallbackStorage":
    """Return the storage at *url*; *options* are its file system's own.

    Raises:
        InvalidInputError: the file system cannot be made from them.
    """
    protocol, _, rest = url.partition("://")
    place, slash, below = rest.partition("/")
    # The user's name and password are no part of where it is.
    host = place.rpartition("@")[2]
    shown = f"{protocol}://{host}{slash}{below}".rstrip("/")
    try:
        filesystem, path = url_to_fs(url, **{**options, "skip_instance_cache": True})
    except ImportError as error:
        raise InvalidInputError(f"project URL {shown!r}: {error}") from error
    except Exception as error:
        raise InvalidInputError(
            f"project URL {shown!r} cannot be opened with these storage options: "
            f"{error}"
        ) from error
    return FallbackStorage(filesystem, path, shown)


class FallbackStorage(ObjectStorage):
    """The contract, but for ``create`` among several writers."""

    def __init__(self, filesystem: Any, root: str, url: str) -> None:
        protocol, _, rest = url.partition("://")
        self._lock = _lock_of(protocol, rest.partition("/")[0])
        self._url = url
        dialect = Dialect(protocol=protocol, is_taken=lambda _: False)
        super().__init__(_OneAtATime(filesystem, self._lock), root, dialect)

    @property
    def url(self) -> str:
        """See the contract."""
        return self._url

    @property
    def capabilities(self) -> Capabilities:
        """See the contract."""
        # See ``write``: the old object goes before the new one has its name.
        return Capabilities(
            has_modes=False,
            replaces_in_one_step=False,
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

        Some file systems refuse to move over what is there, so this takes two steps:
        for a moment, and for good if the process ends there, nothing is at *path*.
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
        """See the contract."""
        return b"".join(self.chunks(path))

    def list(self, path: str) -> list[Entry]:
        """See the contract."""
        return super().list(path) if self._is_folder(path) else []

    def find(self, path: str) -> Iterator[Entry]:
        """See the contract."""
        if self._is_folder(path):
            yield from super().find(path)

    def first(self, path: str) -> str | None:
        """See the contract."""
        return first_below(self, path)

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
        """See the contract."""
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


class _OneAtATime:
    """A file system for one thread at a time that has forgotten what it listed.

    Many clients are not made for threads; many keep listings whatever they are told.
    """

    def __init__(self, filesystem: Any, lock: RLock) -> None:
        self._filesystem = filesystem
        self._lock = lock

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._filesystem, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self._filesystem.invalidate_cache()
                return method(*args, **kwargs)

        return call
