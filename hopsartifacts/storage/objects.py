"""Object stores behind fsspec: create-if-absent by a conditional request.

A small object is written by one request, which the server rejects if the object exists.
Creation is therefore exclusive and atomic. Folders are only prefixes, so a folder
cannot be moved in one step: versions are written in their reserved place.
"""

import glob
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from functools import partial
from threading import RLock
from typing import Any

from hopsartifacts.errors import (
    AlreadyExistsError,
    PathNotFoundError,
    StorageError,
    StorageRefusedError,
)
from hopsartifacts.storage.contract import (
    Capabilities,
    FileInfo,
    Kind,
    Storage,
    by_path,
    translating,
    watched,
)

UNCACHED = {"use_listings_cache": False, "skip_instance_cache": True}
"""Options of every file system. Decisions depend on listings, so no listing may come
from a cache, or from an instance that other code has configured to cache."""
_READ_BYTES = 4 * 1024 * 1024
_WRITE_BYTES = 16 * 1024 * 1024


class ObjectStorage(Storage):
    """The storage contract on an fsspec file system that is an object store.

    The file system must be a separate instance without listing caches.
    """

    protocol: str

    def __init__(self, filesystem: Any, root: str) -> None:
        self._fs = filesystem
        self._root = root.strip("/")

    @property
    def url(self) -> str:
        return f"{self.protocol}://{self._root}"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(has_modes=False, moves_trees=False, needs_proof=True)

    def create(self, path: str, data: bytes) -> bool:
        """Send one conditional request."""
        with self._translating("create", path):
            try:
                self._fs.pipe_file(self._full(path), data, mode="create")
            except FileExistsError:
                # gcsfs and adlfs raise this for 409 and 412.
                return False
            return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Upload in parts of bounded size; never complete a failed upload."""
        failures = list[BaseException]()
        with self._translating("write", path, failures):
            file = self._fs.open(self._full(path), "wb", block_size=_WRITE_BYTES)
            try:
                for chunk in watched(chunks, failures):
                    file.write(chunk)
                file.close()
            except BaseException:
                with suppress(Exception):
                    file.discard()
                # Otherwise the garbage collector would close the file and complete
                # the upload.
                file.closed = True
                raise

    def read(self, path: str) -> bytes:
        with self._translating("read", path):
            return bytes(self._fs.cat_file(self._full(path)))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        entry = self.stat(path)
        if entry is None or entry.kind != "file":
            raise PathNotFoundError(f"{path!r} does not exist")
        for first in range(start, entry.size_bytes, _READ_BYTES):
            end = min(first + _READ_BYTES, entry.size_bytes)
            with self._translating("read", path):
                data = self._fs.cat_file(self._full(path), start=first, end=end)
            if len(data) != end - first:
                raise StorageError(
                    f"cannot read {path!r}: requested bytes {first} to {end}, but "
                    f"got {len(data)} bytes; the object was replaced, or the response "
                    "was truncated: read it again"
                )
            yield bytes(data)

    def stat(self, path: str) -> FileInfo | None:
        with self._translating("stat", path):
            try:
                return self._entry(self._fs.info(self._full(path)))
            except FileNotFoundError:
                return None

    def list(self, path: str) -> list[FileInfo]:
        full = self._full(path)
        with self._translating("list", path):
            try:
                found = self._fs.ls(full, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        return by_path(self._entries(full, found))

    def find(self, path: str) -> Iterator[FileInfo]:
        full = self._full(path)
        with self._translating("list", path):
            found = self._fs.find(full, detail=True)
        # For a file, some file systems return a list of only its name.
        infos = found.values() if isinstance(found, dict) else ()
        yield from by_path(self._entries(full, infos))

    def first(self, path: str) -> str | None:
        """Take the first name that the server lists, if its order is certain.

        Some servers sort "a/b" before "a-b"; and some tools store an object at a
        folder's name. In these cases, search folder by folder.
        """
        with self._translating("list", path):
            name = self._first_name(path)
        found = name and name.removeprefix(self._root).lstrip("/")
        *folders, last = (found or "").removeprefix(f"{path}/").split("/")
        is_certain = found is None or (last and all(map(str.isdecimal, folders)))
        return found if is_certain else super().first(path)

    def copy(self, source: str, target: str) -> bool:
        """Copy on the server."""
        with self._translating("read", source):
            self._fs.cp_file(self._full(source), self._full(target))
        return True

    def move(self, source: str, target: str) -> None:
        """Copy on the server, then delete; this is not atomic."""
        if self.stat(target) is not None:
            raise AlreadyExistsError(f"{target!r} exists; nothing was moved")
        with self._translating("move", source):
            self._fs.cp_file(self._full(source), self._full(target))
            self._fs.rm_file(self._full(source))

    def delete_tree(self, path: str) -> None:
        full = self._full(path)
        with self._translating("delete", path), suppress(FileNotFoundError):
            if glob.escape(full) == full:
                self._fs.rm(full, recursive=True)
                return
            # ``rm`` treats this name as a pattern, which may match other objects.
            for found in self._fs.find(full) or [full]:
                self._fs.rm_file(found)

    def _first_name(self, path: str) -> str | None:
        """Return the first full name below *path*, or None; "" if it is not certain."""
        del path
        return ""

    def _is_refused(self, error: Exception) -> bool:
        """Return whether *error* means that nothing was done: no rights, no bucket."""
        del error
        return False

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}".rstrip("/")

    def _entries(
        self, full: str, infos: Iterable[dict[str, Any]]
    ) -> Iterator[FileInfo]:
        # Listing a file often returns the file itself.
        full = full.strip("/")
        return (self._entry(it) for it in infos if it["name"].strip("/") != full)

    def _entry(self, info: dict[str, Any]) -> FileInfo:
        kind: Kind = "directory" if info["type"] == "directory" else "file"
        return FileInfo(
            path=info["name"].strip("/").removeprefix(self._root).lstrip("/"),
            kind=kind,
            size_bytes=int(info.get("size") or 0),
            modified=_modified(info),
        )

    def _translating(
        self, doing: str, path: str, failures: Sequence[BaseException] = ()
    ) -> AbstractContextManager[None]:
        return translating(partial(self._translated, doing, path), failures)

    def _translated(self, doing: str, path: str, error: Exception) -> Exception:
        """Convert *error* to one of our errors."""
        if isinstance(error, FileNotFoundError | IsADirectoryError) and doing == "read":
            return PathNotFoundError(f"{path!r} does not exist")
        kind = StorageRefusedError if self._is_refused(error) else StorageError
        return kind(f"cannot {doing} {path!r}: {error}")


def _modified(info: dict[str, Any]) -> float | None:
    """Return the modification time from the fields that file systems use for it."""
    for key in ("LastModified", "last_modified", "updated", "mtime", "created"):
        found = info.get(key)
        if isinstance(found, str):
            found = datetime.fromisoformat(found)
        if isinstance(found, datetime):
            return found.timestamp()
        if isinstance(found, int | float):
            return float(found)
    return None


class OneAtATime:
    """A proxy for a file system that serializes its calls and clears its listing cache.

    Many clients are not thread-safe, and many cache listings even when told not to.
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
