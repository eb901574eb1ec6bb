"""File systems elsewhere whose plain rename refuses a taken name: SFTP and HDFS.

A temporary file that is complete is renamed to its name; so the name appears with all
its bytes, for one writer of any number. Folders are renamed the same way. Temporary
files lie in one folder of the project, out of the managed ones.
"""

import re
import stat as stat_bits
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Protocol
from uuid import uuid4

import msgspec

from hopsartifacts.errors import (
    AlreadyExistsError,
    PathNotFoundError,
    StorageError,
    StorageRefusedError,
)
from hopsartifacts.layout import TEMPORARY
from hopsartifacts.storage.contract import (
    ANY_WRITE,
    Capabilities,
    Entry,
    Storage,
    by_path,
    kind_of,
    translating,
)

_READ_ONLY_FILE = 0o444
_READ_ONLY_FOLDER = 0o555
_FILE = 0o644
_FOLDER = 0o755


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of one path."""

    mode: int
    """Kind and permissions, as in ``stat(2)``."""
    size_bytes: int
    modified: float | None


class Server(Protocol):
    """What is asked of such a file system; all paths are absolute.

    Every method raises ``FileNotFoundError`` if the path, or for a new name the folder
    above it, is not there, and whatever else the client raises.
    """

    def put(self, path: str, chunks: Iterable[bytes], mode: int) -> None:
        """Make a new file, its bytes on the disk as far as the server offers it."""

    def chunks(self, path: str, start: int, size_bytes: int) -> Iterator[bytes]:
        """Yield the bytes of a file of *size_bytes* from *start* on."""

    def rename(self, source: str, target: str) -> None:
        """Rename a file or folder; raise if *target* is there, whatever it is."""

    def replace(self, source: str, target: str) -> None:
        """Rename a file to a name that may be another file's."""

    def stat(self, path: str) -> Found | None:
        """Describe *path* without following a link."""

    def children(self, path: str) -> dict[str, Found]:
        """Describe what is in a folder, by name; nothing if it is none."""

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; nothing if it is there."""

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permissions."""

    def remove_file(self, path: str) -> None:
        """Remove a file or link."""

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; raise if something is in it."""


class RenamingStorage(Storage):
    """The contract on a *server*, in the folder *root*, called *url*."""

    def __init__(
        self, server: Server, root: str, url: str, capabilities: Capabilities
    ) -> None:
        self._server = server
        self._root = "/" + root.strip("/")
        self._url = url
        self._capabilities = capabilities

    @property
    def url(self) -> str:
        return self._url

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def create(self, path: str, data: bytes) -> bool:
        """Write a temporary file, rename it: see the module's first lines."""
        with (
            _translated("create", path),
            self._temporary([data], _READ_ONLY_FILE) as new,
        ):
            return self._rename_if_free(new, self._full(path))

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write aside and rename, so that a reader of the old file is not disturbed."""
        full, failures = self._full(path), list[BaseException]()
        with (
            _translated("write", path, failures),
            self._temporary(_watched(chunks, failures), _FILE) as new,
        ):
            self._into_folder(full, lambda: self._server.replace(new, full))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        with _translated("read", path):
            found = self._server.stat(self._full(path))
            if found is None or not stat_bits.S_ISREG(found.mode):
                raise PathNotFoundError(f"{path!r} does not exist")
            if start < found.size_bytes:
                full = self._full(path)
                yield from self._server.chunks(full, start, found.size_bytes)

    def stat(self, path: str) -> Entry | None:
        with _translated("stat", path):
            found = self._server.stat(self._full(path))
        return _entry(path, found) if found else None

    def list(self, path: str) -> list[Entry]:
        with _translated("list", path):
            return by_path(self._children(path))

    def move(self, source: str, target: str) -> None:
        """Rename: a taken target is never replaced."""
        full = self._full(source)
        with _translated("move", source), self._writable(full.rpartition("/")[0]):
            if not self._rename_if_free(full, self._full(target)):
                raise AlreadyExistsError(f"{target!r} exists; nothing was moved")

    def move_tree(self, source: str, target: str) -> bool:
        """Rename the folder; an empty one is removed from its way first."""
        start, end = self._full(source), self._full(target)
        with _translated("move", source):
            if self._rename_if_free(start, end):
                return True
            try:
                self._server.remove_folder(end)
            except Exception:  # noqa: BLE001 - it is no folder, or not empty
                return False
            return self._rename_if_free(start, end)

    def protect(self, path: str) -> None:
        with _translated("protect", path):
            # What is in a folder first: a closed one may refuse to have it changed.
            for entry in reversed(self._tree(self._present(path))):
                is_folder = entry.kind == "directory"
                self._set_mode(
                    entry, _READ_ONLY_FOLDER if is_folder else _READ_ONLY_FILE
                )

    def unprotect(self, path: str) -> None:
        with _translated("unprotect", path):
            self._set_mode(self._present(path), _FOLDER)

    def delete_tree(self, path: str) -> None:
        """Open every folder on the way down, remove everything on the way up."""
        with _translated("delete", path):
            top = self._server.stat(self._full(path))
            if top is None:
                return
            for entry in reversed(self._tree(_entry(path, top), is_opening=True)):
                # What somebody else deletes meanwhile is gone, as it should be.
                with suppress(FileNotFoundError):
                    if entry.kind == "directory":
                        self._server.remove_folder(self._full(entry.path))
                    else:
                        self._server.remove_file(self._full(entry.path))

    def _full(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}".rstrip("/") or "/"

    @contextmanager
    def _temporary(self, chunks: Iterable[bytes], mode: int) -> Iterator[str]:
        """Hold the bytes in a file of our own, gone afterwards unless renamed."""
        path = self._full(f"{TEMPORARY}/{uuid4().hex}")
        self._server.make_folder(path.rpartition("/")[0])
        try:
            self._server.put(path, chunks, mode)
            yield path
        finally:
            with suppress(Exception):
                self._server.remove_file(path)

    def _into_folder(self, target: str, act: Callable[[], None]) -> None:
        """Do *act*, with the folder of *target* made if it is not there."""
        try:
            act()
        except FileNotFoundError:
            self._server.make_folder(target.rpartition("/")[0])
            act()

    def _rename_if_free(self, source: str, target: str) -> bool:
        try:
            self._into_folder(target, lambda: self._server.rename(source, target))
        except Exception:
            # Clients have many words for a taken name; so look whether it is.
            if self._server.stat(target) is None:
                raise
            # If the source is gone the rename was done and its answer lost.
            return self._server.stat(source) is None
        return True

    def _children(self, path: str) -> Iterator[Entry]:
        prefix = f"{path}/" if path else ""
        for name, found in self._server.children(self._full(path)).items():
            yield _entry(prefix + name, found)

    def _tree(self, top: Entry, *, is_opening: bool = False) -> Sequence[Entry]:
        """Return *top* and all below it, a folder before what is in it."""
        found = [top]
        for entry in found:
            if entry.kind == "directory":
                if is_opening and entry.is_read_only:
                    self._set_mode(entry, _FOLDER)
                found += self._children(entry.path)
        return found

    def _present(self, path: str) -> Entry:
        found = self._server.stat(self._full(path))
        if found is None:
            raise FileNotFoundError(path)
        return _entry(path, found)

    def _set_mode(self, entry: Entry, mode: int) -> None:
        # The mode of a link would be set on what it points to.
        if entry.kind in ("file", "directory"):
            self._server.set_mode(self._full(entry.path), mode)

    @contextmanager
    def _writable(self, folder: str) -> Iterator[None]:
        """Open a read-only folder for one change and close it again."""
        found = self._server.stat(folder)
        if found is None or found.mode & 0o200:
            yield
            return
        mode = stat_bits.S_IMODE(found.mode)
        self._server.set_mode(folder, mode | 0o200)
        try:
            yield
        finally:
            self._server.set_mode(folder, mode)


def _entry(path: str, found: Found) -> Entry:
    return Entry(
        path=path,
        kind=kind_of(found.mode),
        size_bytes=found.size_bytes,
        is_read_only=not found.mode & ANY_WRITE,
        modified=found.modified,
    )


def _watched(chunks: Iterable[bytes], failures: list[BaseException]) -> Iterator[bytes]:
    """Yield *chunks*, and keep what their source raises apart."""
    try:
        yield from chunks
    except BaseException as error:
        failures.append(error)
        raise


def _translated(
    doing: str, path: str, failures: Sequence[BaseException] = ()
) -> AbstractContextManager[None]:
    """Turn what the client raises into our errors; *failures* are none of its."""

    def explain(error: Exception) -> Exception:
        if error in failures:
            return error
        is_refused = isinstance(error, PermissionError)
        kind = StorageRefusedError if is_refused else StorageError
        # Java appends a page of its stack, at times as one line.
        words = re.split(r"\\n|\n", str(error))[0].strip() or type(error).__name__
        return kind(f"cannot {doing} {path!r}: {words}")

    return translating(explain)
