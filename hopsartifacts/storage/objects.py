"""An object store behind fsspec: create-if-absent by a conditional request.

One small object is written by one request that the server refuses if the object is
there; that is exclusive and whole. Folders are only prefixes, so nothing can be moved
in one step: versions are filled in the place that was reserved for them.
"""

import contextlib
import glob
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from hopsartifacts.errors import (
    AlreadyExistsError,
    HopsArtifactsError,
    PathNotFoundError,
    StorageError,
    StorageRefusedError,
)
from hopsartifacts.storage.contract import Capabilities, Entry, Kind, first_below

CREATE_LIMIT_BYTES = 32 * 1024 * 1024
"""Largest object that is created in one request; more would be a multipart upload,
whose completion is not exclusive everywhere."""

_READ_BYTES = 4 * 1024 * 1024
_WRITE_BYTES = 16 * 1024 * 1024


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between object stores: data, not subclasses."""

    protocol: str
    is_taken: Callable[[BaseException], bool]
    """Whether an error of a conditional write says that the object exists."""
    is_refused: Callable[[BaseException], bool] = lambda _: False
    """Whether an error says that nothing was done, and why: no rights, no bucket."""
    previous: Callable[[Any, str], Iterator[Iterator[bytes]]] | None = None
    """Gives the bytes of an object's versions, if the store can keep any."""
    first: Callable[[Any, str], str | None] | None = None
    """Gives the name that is listed first below a folder, by one request, if the
    store sorts at least the names in each folder."""


class ObjectStorage:
    """The contract on an fsspec file system that is an object store.

    The file system has to be one of our own, without listing caches.
    """

    def __init__(self, filesystem: Any, root: str, dialect: Dialect) -> None:
        self._fs = filesystem
        self._root = root.strip("/")
        self._dialect = dialect

    @property
    def url(self) -> str:
        """See the contract."""
        return f"{self._dialect.protocol}://{self._root}"

    @property
    def capabilities(self) -> Capabilities:
        """See the contract."""
        return Capabilities(
            has_modes=False,
            moves_trees=False,
            needs_proof=True,
            replaces_in_one_step=True,
        )

    def create(self, path: str, data: bytes) -> bool:
        """Send one conditional request."""
        if len(data) > CREATE_LIMIT_BYTES:
            raise StorageError(
                f"cannot create {path!r}: {len(data)} bytes are more than the "
                f"{CREATE_LIMIT_BYTES} that one request may carry"
            )
        try:
            self._create(path, data)
        except Exception as error:
            if self._dialect.is_taken(error):
                return False
            raise self._translated("create", path, error) from error
        return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Upload in parts of bounded size; what fails is never completed."""
        with self._translating("write", path):
            file = self._fs.open(self._full(path), "wb", block_size=_WRITE_BYTES)
        try:
            # What the source of the bytes raises is its own.
            for chunk in chunks:
                with self._translating("write", path):
                    file.write(chunk)
            with self._translating("write", path):
                file.close()
        except BaseException:
            with contextlib.suppress(Exception):
                file.discard()
            # Else it would be completed when it is collected.
            file.closed = True
            raise

    def read(self, path: str) -> bytes:
        """See the contract."""
        with self._translating("read", path):
            return bytes(self._fs.cat_file(self._full(path)))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """See the contract."""
        entry = self.stat(path)
        if entry is None or entry.kind != "file":
            raise PathNotFoundError(f"{path!r} does not exist")
        for first in range(start, entry.size_bytes, _READ_BYTES):
            end = min(first + _READ_BYTES, entry.size_bytes)
            with self._translating("read", path):
                data = self._fs.cat_file(self._full(path), start=first, end=end)
            if len(data) != end - first:
                raise StorageError(
                    f"cannot read {path!r}: bytes {first} to {end} were asked for, "
                    f"and {len(data)} came; it was replaced, or the answer was cut: "
                    "read it again"
                )
            yield bytes(data)

    def stat(self, path: str) -> Entry | None:
        """See the contract."""
        with self._translating("stat", path):
            try:
                return self._entry(self._fs.info(self._full(path)))
            except FileNotFoundError:
                return None

    def list(self, path: str) -> list[Entry]:
        """See the contract."""
        full = self._full(path)
        with self._translating("list", path):
            try:
                found = self._fs.ls(full, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        entries = (self._entry(info) for info in found if self._name(info) != full)
        return sorted(entries, key=lambda entry: entry.path)

    def find(self, path: str) -> Iterator[Entry]:
        """See the contract."""
        full = self._full(path)
        with self._translating("list", path):
            found = self._fs.find(full, detail=True).values()
        entries = (self._entry(info) for info in found if self._name(info) != full)
        yield from sorted(entries, key=lambda entry: entry.path)

    def first(self, path: str) -> str | None:
        """Ask for one name; go down by folders where it need not be the first.

        Some servers sort folder by folder, so that "a/b" comes before "a-b"; and some
        tools put an object where a folder is.
        """
        if self._dialect.first is None:
            return first_below(self, path)
        with self._translating("list", path):
            found = self._dialect.first(self._fs, self._full(path))
        if found is None:
            return None
        name = found.removeprefix(self._root).lstrip("/")
        *folders, last = name.removeprefix(f"{path}/").split("/")
        is_certain = last and all(map(str.isdecimal, folders))
        return name if is_certain else first_below(self, path)

    def copy(self, source: str, target: str) -> bool:
        """Copy on the server."""
        with self._translating("read", source):
            self._fs.cp_file(self._full(source), self._full(target))
        return True

    def move(self, source: str, target: str) -> None:
        """Copy on the server, then delete: not atomic."""
        if self.stat(target) is not None:
            raise AlreadyExistsError(f"{target!r} exists; nothing was moved")
        with self._translating("move", source):
            self._fs.cp_file(self._full(source), self._full(target))
            self._fs.rm_file(self._full(source))

    def move_tree(self, source: str, target: str) -> bool:
        """Refuse: folders are prefixes here."""
        raise StorageError(
            f"cannot move {source!r} to {target!r}: an object store has no folders"
        )

    def protect(self, path: str) -> None:
        """Do nothing: objects have no modes."""

    def unprotect(self, path: str) -> None:
        """Do nothing: objects have no modes."""

    def delete_tree(self, path: str) -> None:
        """See the contract."""
        full = self._full(path)
        with self._translating("delete", path), contextlib.suppress(FileNotFoundError):
            if glob.escape(full) == full:
                self._fs.rm(full, recursive=True)
                return
            # To ``rm`` this name is a pattern, which others may match.
            for found in self._fs.find(full) or [full]:
                self._fs.rm_file(found)

    def unfinished(self, path: str) -> Iterator[Entry]:  # noqa: ARG002 - the contract's
        """Yield none: what fsspec leaves unfinished ends by itself."""
        yield from ()

    def discard_unfinished(self, entry: Entry) -> None:
        """Do nothing: there are none."""

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 - the contract's
        """Return None: nothing here lies on a local disk."""
        return None

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """See ``KeepsVersions``."""
        if self._dialect.previous is None:
            return
        with self._translating("list versions of", path):
            for chunks in self._dialect.previous(self._fs, self._full(path)):
                yield self._translated_chunks(path, chunks)

    def _translated_chunks(self, path: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        with self._translating("read", path):
            yield from chunks

    def _create(self, path: str, data: bytes) -> None:
        """Send the one request; what it raises is shown to the dialect."""
        self._fs.pipe_file(self._full(path), data, mode="create")

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}".rstrip("/")

    def _name(self, info: dict[str, Any]) -> str:
        return str(info["name"]).strip("/")

    def _entry(self, info: dict[str, Any]) -> Entry:
        kind: Kind = "directory" if info["type"] == "directory" else "file"
        path = self._name(info).removeprefix(self._root).lstrip("/")
        return Entry(
            path=path,
            kind=kind,
            size_bytes=int(info.get("size") or 0),
            modified=_modified(info),
        )

    @contextlib.contextmanager
    def _translating(self, doing: str, path: str) -> Iterator[None]:
        try:
            yield
        except HopsArtifactsError:
            raise
        except Exception as error:
            raise self._translated(doing, path, error) from error

    def _translated(self, doing: str, path: str, error: Exception) -> Exception:
        if isinstance(error, FileNotFoundError | IsADirectoryError) and doing == "read":
            return PathNotFoundError(f"{path!r} does not exist")
        is_refused = self._dialect.is_refused(error)
        kind = StorageRefusedError if is_refused else StorageError
        return kind(f"cannot {doing} {path!r}: {error}")


def _modified(info: dict[str, Any]) -> float | None:
    """Return the time in the words of whichever file system it is."""
    for key in ("LastModified", "last_modified", "updated", "mtime"):
        found = info.get(key)
        if isinstance(found, str):
            found = datetime.fromisoformat(found)
        if isinstance(found, datetime):
            return found.timestamp()
        if isinstance(found, int | float):
            return float(found)
    return None
