"""Remote file systems whose plain rename never overwrites: SFTP and HDFS.

A complete temporary file is renamed to its final name, so the name appears with all its
content, and only one of several writers succeeds. Folders are renamed the same way.
"""

import re
import stat as stat_bits
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol
from uuid import uuid4

from hopsartifacts.errors import (
    AlreadyExistsError,
    PathNotFoundError,
    StorageError,
    StorageRefusedError,
)
from hopsartifacts.layout import TEMPORARY
from hopsartifacts.storage.contract import (
    Capabilities,
    FileInfo,
    Storage,
    by_path,
    info_of,
    translating,
    watched,
)


class RenameServer(Protocol):
    """The operations required of such a file system; all paths are absolute.

    Every method raises ``FileNotFoundError`` if the path does not exist or, for a new
    name, its parent folder. Other exceptions of the client pass through.
    """

    def put(self, path: str, chunks: Iterable[bytes], mode: int) -> None:
        """Create a file with its content, on disk as far as the server supports it."""

    def chunks(self, path: str, start: int, size_bytes: int) -> Iterator[bytes]:
        """Yield the content of a file of *size_bytes* from offset *start*."""

    def rename(self, source: str, target: str) -> None:
        """Rename a file or folder; raise if a file or folder *target* exists."""

    def replace(self, source: str, target: str) -> None:
        """Rename a file, replacing *target* if it is a file."""

    def stat(self, path: str) -> Any | None:
        """Return the status of *path*, for ``info_of``, without following a link."""

    def children(self, path: str) -> dict[str, Any]:
        """Return the status of all in a folder by name; empty if it is not a folder."""

    def make_folder(self, path: str) -> None:
        """Make a folder and its missing parents; do nothing if it exists."""

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permissions."""

    def remove_file(self, path: str) -> None:
        """Remove a file or link."""

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; raise if it is not empty."""


class RenamingStorage(Storage):
    """The storage contract on *server*, in folder *root*, with the URL *url*."""

    def __init__(
        self, server: RenameServer, root: str, url: str, workers: int = 8
    ) -> None:
        self._server = server
        self._root = "/" + root.strip("/")
        self._url = url
        self._workers = workers

    @property
    def url(self) -> str:
        return self._url

    @property
    def capabilities(self) -> Capabilities:
        # Some servers may let a rename replace an existing file.
        return Capabilities(has_modes=True, needs_proof=True, workers=self._workers)

    def create(self, path: str, data: bytes) -> bool:
        """Write a temporary file and rename it: see the module docstring."""
        with _translated("create", path), self._temporary([data], 0o444) as new:
            return self._rename_if_free(new, self._full(path))

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a temporary file and rename it, so that open readers are unaffected."""
        full, failures = self._full(path), list[BaseException]()
        chunks = watched(chunks, failures)
        with (
            _translated("write", path, failures),
            self._temporary(chunks, 0o644) as new,
        ):
            self._into_folder(full, lambda: self._server.replace(new, full))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        with _translated("read", path):
            full = self._full(path)
            found = self._server.stat(full)
            if found is None or not stat_bits.S_ISREG(found.st_mode):
                raise PathNotFoundError(f"{path!r} does not exist")
            if start < found.st_size:
                yield from self._server.chunks(full, start, found.st_size)

    def stat(self, path: str) -> FileInfo | None:
        with _translated("stat", path):
            found = self._server.stat(self._full(path))
        return info_of(path, found) if found else None

    def list(self, path: str) -> list[FileInfo]:
        with _translated("list", path):
            return by_path(self._children(path))

    def move(self, source: str, target: str) -> None:
        """Rename *source*; never replace an existing target."""
        full = self._full(source)
        with _translated("move", source), self._writable(full.rpartition("/")[0]):
            if not self._rename_if_free(full, self._full(target)):
                raise AlreadyExistsError(f"{target!r} exists; nothing was moved")

    def move_tree(self, source: str, target: str) -> bool:
        """Rename the folder; remove an empty folder at *target* first."""
        start, end = self._full(source), self._full(target)
        with _translated("move", source):
            if self._rename_if_free(start, end):
                return True
            try:
                self._server.remove_folder(end)
            except Exception:  # noqa: BLE001 - not a folder, or not empty
                return False
            return self._rename_if_free(start, end)

    def protect(self, path: str) -> None:
        with _translated("protect", path):
            # Children first: a read-only folder may refuse changes to its content.
            for entry in reversed(self._tree(self._present(path))):
                self._set_mode(entry, 0o555 if entry.kind == "directory" else 0o444)

    def unprotect(self, path: str) -> None:
        with _translated("unprotect", path):
            self._set_mode(self._present(path), 0o755)

    def delete_tree(self, path: str) -> None:
        """Make folders writable on the way down; delete everything on the way up."""
        with _translated("delete", path):
            top = self._server.stat(self._full(path))
            if top is None:
                return
            for entry in reversed(self._tree(info_of(path, top), is_opening=True)):
                # Another process may delete it concurrently, which is fine.
                is_folder, server = entry.kind == "directory", self._server
                with suppress(FileNotFoundError):
                    remove = server.remove_folder if is_folder else server.remove_file
                    remove(self._full(entry.path))

    def _full(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}".rstrip("/") or "/"

    @contextmanager
    def _temporary(self, chunks: Iterable[bytes], mode: int) -> Iterator[str]:
        """Yield a temporary file with the content; delete it unless it was renamed."""
        path = self._full(f"{TEMPORARY}/{uuid4().hex}")
        self._server.make_folder(path.rpartition("/")[0])
        try:
            self._server.put(path, chunks, mode)
            yield path
        finally:
            with suppress(Exception):
                self._server.remove_file(path)

    def _into_folder(self, target: str, act: Callable[[], None]) -> None:
        """Call *act*; if the folder of *target* is missing, make it and retry."""
        try:
            act()
        except FileNotFoundError:
            self._server.make_folder(target.rpartition("/")[0])
            act()

    def _rename_if_free(self, source: str, target: str) -> bool:
        try:
            self._into_folder(target, lambda: self._server.rename(source, target))
        except Exception:
            # Clients report an existing target in many ways, so check for it.
            if self._server.stat(target) is None:
                raise
            # If the source is missing, the rename was done and its response was lost.
            return self._server.stat(source) is None
        return True

    def _children(self, path: str) -> Iterator[FileInfo]:
        prefix = f"{path}/" if path else ""
        for name, found in self._server.children(self._full(path)).items():
            yield info_of(prefix + name, found)

    def _tree(self, top: FileInfo, *, is_opening: bool = False) -> Sequence[FileInfo]:
        """Return *top* and all below it, folders before their content."""
        found = [top]
        for entry in found:
            if entry.kind == "directory":
                if is_opening and entry.is_read_only:
                    self._set_mode(entry, 0o755)
                found += self._children(entry.path)
        return found

    def _present(self, path: str) -> FileInfo:
        found = self._server.stat(self._full(path))
        if found is None:
            raise FileNotFoundError(path)
        return info_of(path, found)

    def _set_mode(self, entry: FileInfo, mode: int) -> None:
        # Setting the mode of a link would change its target.
        if entry.kind in ("file", "directory"):
            self._server.set_mode(self._full(entry.path), mode)

    @contextmanager
    def _writable(self, folder: str) -> Iterator[None]:
        """Make a read-only folder writable for one change, then restore its mode."""
        found = self._server.stat(folder)
        if found is None or found.st_mode & 0o200:
            yield
            return
        mode = stat_bits.S_IMODE(found.st_mode)
        self._server.set_mode(folder, mode | 0o200)
        try:
            yield
        finally:
            self._server.set_mode(folder, mode)


def _translated(
    doing: str, path: str, failures: Sequence[BaseException] = ()
) -> AbstractContextManager[None]:
    """Convert the client's exceptions to our errors; leave those in *failures*."""

    def explain(error: Exception) -> Exception:
        is_refused = isinstance(error, PermissionError)
        kind = StorageRefusedError if is_refused else StorageError
        # Java appends its stack trace, sometimes escaped into one line.
        words = re.split(r"\\n|\n", str(error))[0].strip() or type(error).__name__
        return kind(f"cannot {doing} {path!r}: {words}")

    return translating(explain, failures)
