"""The contract between the store and a file system, kept by every back end.

Paths are relative to the project and separated by ``/``. ``create`` is the only atomic
primitive; every atomic operation of the store is built on it. All other writes go to
paths private to one writer until a ``create`` publishes them.
"""

import stat as stat_bits
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from hopsartifacts.errors import HopsArtifactsError, StorageError, without_secrets
from hopsartifacts.machine.posix import ANY_WRITE

Kind = Literal["file", "directory", "link", "other"]

_KINDS: dict[int, Kind] = {
    stat_bits.S_IFREG: "file",
    stat_bits.S_IFDIR: "directory",
    stat_bits.S_IFLNK: "link",
}


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """The optional features of a back end, as data instead of subclasses."""

    moves_trees: bool = True
    """Whether ``move_tree`` moves a folder as a whole. If so, versions are prepared in
    a staging folder first; otherwise they are written in their reserved place."""
    is_shared: bool = True
    """Whether other processes see the same files."""
    needs_proof: bool = False
    """Whether the server must be tested before the first write: some servers ignore the
    condition on which ``create`` depends."""
    is_single_writer: bool = False
    """Whether ``create`` is exclusive within one process only. The user must opt in:
    see ``hopsartifacts.storage.fallback``."""
    has_modes: bool
    """Whether files and folders can be made read-only."""
    workers: int = 8
    """How many concurrent calls the back end answers faster than sequential ones."""


class FileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One file, folder or link found by ``stat``, ``list`` or ``find``."""

    path: str
    kind: Kind
    size_bytes: int = 0
    is_read_only: bool = False
    modified: float | None = None
    """When the content was last written, in seconds since the epoch by the clock of the
    back end; None if unknown."""

    @property
    def name(self) -> str:
        """Base name."""
        return self.path.rpartition("/")[2]


class Storage(Protocol):
    """The root of a project on some file system, with defaults for most back ends.

    Every method raises ``StorageError`` when the file system fails, with the original
    exception as its cause. It raises ``StorageRefusedError`` if a retry certainly does
    not help.
    """

    @property
    def url(self) -> str:
        """The canonical URL of the root: equal for equal locations."""

    @property
    def capabilities(self) -> Capabilities:
        """The optional features of this back end."""

    def create(self, path: str, data: bytes) -> bool:
        """Create *path* with the content *data*, or return False if the path exists.

        Atomic and durable: when True is returned, the object is complete and survives a
        crash of the machine. Readers never see a partial object. Of any number of
        concurrent callers, exactly one gets True. After a ``StorageError`` the outcome
        is unknown: read the object to find out. Only ``StorageRefusedError`` guarantees
        that this call created nothing.

        Raises:
            StorageRefusedError: there is no space, a permission is missing, or a
                required bucket or folder does not exist; a retry does not help.
        """

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write *path*, replacing an existing file, in bounded memory.

        For paths private to one writer, and for the user's own files. Readers find
        either the old content or the new, except where ``is_single_writer``. On return
        the content is durable; the name is durable once ``move_tree`` has moved a
        folder above it. If *chunks* raises, nothing is left at *path*. If the storage
        fails midway, a back end may keep the partial upload as ``unfinished`` and
        resume it when the same content is written to *path* again.
        """

    def read(self, path: str) -> bytes:
        """Return the content of *path*.

        Raises:
            PathNotFoundError: it does not exist, or is a directory.
        """
        return b"".join(self.chunks(path))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield the content of *path* from offset *start*, in order, in bounded memory.

        Raises as ``read``. Yields nothing if *start* is at or beyond the end.
        """

    def stat(self, path: str) -> FileInfo | None:
        """Describe *path* without following a link; None if it does not exist."""

    def list(self, path: str) -> list[FileInfo]:
        """Return the direct children of *path*, sorted by path, never from a cache.

        A path that does not exist, or is not a directory, has no children.
        """

    def find(self, path: str) -> Iterator[FileInfo]:
        """Yield everything below *path* except directories, sorted by path.

        Links are reported, not followed. Changes made to files that are yielded later
        may or may not be visible.
        """
        found, pending = list[FileInfo](), [path]
        while pending:
            for entry in self.list(pending.pop()):
                if entry.kind == "directory":
                    pending.append(entry.path)
                else:
                    found.append(entry)
        # Sort by whole paths, not level by level: "a-b" sorts before "a/b".
        yield from by_path(found)

    def first(self, path: str) -> str | None:
        """Return the path that ``find`` yields first; None if it yields nothing.

        Fast and never from a cache; an entry that exists during the whole call is not
        skipped. If a folder with a numeric name, such as "12", has a sibling such as
        "12-x", whose name continues with a character that sorts before "/", either of
        the two may come first.
        """
        # With a "/", a folder sorts among its siblings as its content does.
        ends = {"directory": "/"}
        names = sorted(f"{it.path}{ends.get(it.kind, '')}" for it in self.list(path))
        # Skip folders without files: a crash may leave them behind.
        for name in names:
            found = self.first(name[:-1]) if name.endswith("/") else name
            if found is not None:
                return found
        return None

    def copy(self, source: str, target: str) -> bool:
        """Copy the file *source* to *target* without transferring its content.

        For sealed files, which are never changed: the two may share their storage.
        *target* is private to the caller, as in ``write``. On a local disk it must not
        exist; elsewhere it is replaced. Returns False, with nothing changed, if the
        content must be transferred.

        Raises:
            PathNotFoundError: *source* does not exist.
        """
        del source, target
        return False

    def move(self, source: str, target: str) -> None:
        """Move one file or link; *target* must not exist. Not atomic everywhere."""

    def move_tree(self, source: str, target: str) -> bool:
        """Move the folder *source* to *target* durably, as a whole, in one step.

        Available only where ``capabilities.moves_trees``. Returns False, with nothing
        changed, if *target* is not empty.
        """
        raise StorageError(f"cannot move {source!r} to {target!r}: no folders here")

    def protect(self, path: str) -> None:
        """Make *path* and all below it read-only; do nothing without ``has_modes``."""
        del path

    def unprotect(self, path: str) -> None:
        """Make the folder *path* itself writable again, but nothing below it."""
        del path

    def delete_tree(self, path: str) -> None:
        """Delete *path* and all below it, even if read-only; ignore a missing path."""

    def unfinished(self, path: str) -> Iterator[FileInfo]:
        """Yield the uploads below *path* that were started but never completed.

        They are visible only here, and take up space until they are discarded. A path
        may have several. ``modified`` is when they were started; ``size_bytes`` is 0
        where the size would cost a request each.
        """
        del path
        yield from ()

    def discard_unfinished(self, entry: FileInfo) -> None:
        """Discard the uploads of the entry's path that started no later than *entry*.

        A writer that is still using one of them fails. Does nothing if there are none.
        """
        del entry

    def local_path(self, path: str) -> Path | None:
        """Return the location of *path* on the local disk; None if it is not local."""
        del path
        return None

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """Yield the content of every version of *path* that is kept, newest first.

        A deleted object may have versions, too.
        """
        del path
        yield from ()


@contextmanager
def translating(
    explain: Callable[[Exception], Exception], failures: Sequence[BaseException] = ()
) -> Iterator[None]:
    """Convert a client's exceptions with *explain*, except our own errors.

    The exceptions in *failures*, from ``watched``, are also left unchanged. The
    client's exception becomes the cause, unless its message contains a secret.
    """
    try:
        yield
    except HopsArtifactsError:
        raise
    except Exception as error:
        own = error if error in failures else explain(error)
        if own is error:
            raise
        is_clean = without_secrets(str(error)) == str(error)
        raise own from (error if is_clean else None)


def watched(chunks: Iterable[bytes], failures: list[BaseException]) -> Iterator[bytes]:
    """Yield *chunks*, and record what their source raises in *failures*."""
    try:
        yield from chunks
    except BaseException as error:
        failures.append(error)
        raise


def info_of(path: str, status: Any) -> FileInfo:
    """Describe *path* by its *status*, in the fields of ``os.stat_result``.

    A server may leave some of ``st_mode``, ``st_size`` and ``st_mtime`` out, as None.
    """
    modified = status.st_mtime
    return FileInfo(
        path=path,
        kind=_KINDS.get(stat_bits.S_IFMT(status.st_mode or 0), "other"),
        size_bytes=status.st_size or 0,
        is_read_only=not (status.st_mode or 0) & ANY_WRITE,
        modified=None if modified is None else float(modified),
    )


def by_path(entries: Iterable[FileInfo]) -> list[FileInfo]:
    """Return *entries* sorted by path, as the contract requires."""
    return sorted(entries, key=attrgetter("path"))
