"""What the store asks of a file system; every back end keeps these promises.

Paths are relative to the project, ``/``-separated. The one primitive is
``create``; everything that has to be atomic is built on it. Every other write goes
to a place that only its writer knows until a ``create`` makes it count.
"""

import stat as stat_bits
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from hopsartifacts.errors import HopsArtifactsError, StorageError, without_secrets

Kind = Literal["file", "directory", "link", "other"]

ANY_WRITE = 0o222
_KINDS: dict[int, Kind] = {
    stat_bits.S_IFREG: "file",
    stat_bits.S_IFDIR: "directory",
    stat_bits.S_IFLNK: "link",
}


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a back end can do beyond the contract's minimum: data, not subclasses."""

    moves_trees: bool = True
    """``move_tree`` moves a folder whole, so versions are prepared aside first.
    Elsewhere they are filled in the place that was reserved for them."""
    is_shared: bool = True
    """Other processes see the same files."""
    needs_proof: bool = False
    """Whether what is behind this back end has to show, before the first write, that
    it keeps the promise of ``create``: some servers ignore the condition."""
    is_single_writer: bool = False
    """``create`` is exclusive within one process only, as the user was told and asked
    for: see ``hopsartifacts.storage.fallback``."""
    has_modes: bool
    """Files and folders can be made read-only."""
    workers: int = 8
    """How many calls at the same moment it answers faster than one after another."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing found by ``list`` or ``find``."""

    path: str
    kind: Kind
    size_bytes: int = 0
    is_read_only: bool = False
    modified: float | None = None
    """When its bytes were last written, in seconds since the epoch by the clock of the
    back end; None if it does not say."""

    @property
    def name(self) -> str:
        """Base name."""
        return self.path.rpartition("/")[2]


class Storage(Protocol):
    """A project's root on some file system; what a back end inherits suits most.

    Every method raises ``StorageError`` when the file system fails, with the foreign
    exception as its cause; ``StorageRefusedError`` if it is certain that trying again
    would not help.
    """

    @property
    def url(self) -> str:
        """Canonical URL of the root: equal for equal places."""

    @property
    def capabilities(self) -> Capabilities:
        """What this back end can do."""

    def create(self, path: str, data: bytes) -> bool:
        """Create *path* holding *data*, unless something is there.

        Atomic and durable: on return True the object is whole and will survive a
        crash of the machine; nobody ever sees a part. Of any number of callers
        exactly one is told True. After a ``StorageError`` the outcome is unknown:
        read the object to learn it. Only a ``StorageRefusedError`` says for certain
        that this call created nothing.

        Returns:
            True if this call created it, False if the path was taken.

        Raises:
            StorageRefusedError: there is no space, or no right to do it, or a place
                that has to be there is not; trying again would not help.
        """

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write *path*, replacing it, in bounded memory.

        For places private to one writer, and for the user's own files. Readers find the
        old bytes or the new, but where ``is_single_writer``. The bytes are durable on
        return; the name is once ``move_tree`` has moved a folder above it. If *chunks*
        raises, nothing is left at *path*. If the storage fails in the middle, a back
        end may keep what it has got as ``unfinished``, and go on from there when the
        same bytes are written to *path* again.
        """

    def read(self, path: str) -> bytes:
        """Return the bytes of *path*.

        Raises:
            PathNotFoundError: it does not exist, or is a directory.
        """
        return b"".join(self.chunks(path))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of *path* from *start* on, in order, in bounded memory.

        Raises as ``read``. There are none where *start* is at the end or behind it.
        """

    def stat(self, path: str) -> Entry | None:
        """Describe *path* without following a link; None if nothing is there."""

    def list(self, path: str) -> list[Entry]:
        """Return the direct children of *path*, sorted by path, never from a cache.

        A path that does not exist, or is no directory, has no children.
        """

    def find(self, path: str) -> Iterator[Entry]:
        """Yield everything below *path* but directories, sorted by path.

        Links are reported, not followed. Damage to what is found later may or may
        not be seen.
        """
        found, pending = list[Entry](), [path]
        while pending:
            for entry in self.list(pending.pop()):
                if entry.kind == "directory":
                    pending.append(entry.path)
                else:
                    found.append(entry)
        # By whole paths, not by level: "a-b" sorts before "a/b".
        yield from by_path(found)

    def first(self, path: str) -> str | None:
        """Return the path of what ``find`` gives first; None if it gives nothing.

        Quick, never from a cache, and nothing is passed over that is there during the
        whole call. A folder whose name is digits alone should have no neighbour like
        "12-x" beside "12", whose name goes on with a character that sorts before "/":
        where it has one, either of the two may come first.
        """
        # Folders without files are passed over: a crash may leave them behind.
        for entry in sorted(self.list(path), key=_place):
            is_folder = entry.kind == "directory"
            found = self.first(entry.path) if is_folder else entry.path
            if found is not None:
                return found
        return None

    def copy(self, source: str, target: str) -> bool:
        """Give *target* the bytes of the file *source* without carrying them.

        For sealed files, which nobody changes: the two may share their bytes. *target*
        is private to the caller, as in ``write``; on a local disk it must not exist,
        elsewhere it is replaced.

        Returns:
            True if done; False, changing nothing, if only carrying them would do.

        Raises:
            PathNotFoundError: *source* does not exist.
        """
        del source, target
        return False

    def move(self, source: str, target: str) -> None:
        """Move one file or link; *target* must not exist. Not atomic everywhere."""

    def move_tree(self, source: str, target: str) -> bool:
        """Move the folder *source* to *target*, whole and durable, in one step.

        Only where ``capabilities.moves_trees``.

        Returns:
            True if moved; False, changing nothing, if *target* holds anything.
        """
        raise StorageError(f"cannot move {source!r} to {target!r}: no folders here")

    def protect(self, path: str) -> None:
        """Make *path* and all below it read-only; nothing where not ``has_modes``."""
        del path

    def unprotect(self, path: str) -> None:
        """Let the folder *path* itself (nothing below it) be written to again."""
        del path

    def delete_tree(self, path: str) -> None:
        """Delete *path* and all below it, read-only or not; silent if absent."""

    def unfinished(self, path: str) -> Iterator[Entry]:
        """Yield the uploads begun below *path* and never completed.

        Nobody sees them but here; they take up space until they are discarded.
        ``modified`` is when they were begun; ``size_bytes`` is 0 where it would cost
        a request each. One path may have several. None where a back end keeps none.
        """
        del path
        yield from ()

    def discard_unfinished(self, entry: Entry) -> None:
        """Drop the uploads of that path that were begun when *entry* was, or before.

        A writer that is still at one of them fails. Silent if there are none.
        """
        del entry

    def local_path(self, path: str) -> Path | None:
        """Return where *path* lies on this machine's disk; None if it does not."""
        del path
        return None

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """Yield the bytes of every kept version of *path*, newest first.

        Also of one that was deleted; none where the back end keeps none.
        """
        del path
        yield from ()


@contextmanager
def translating(explain: Callable[[Exception], Exception]) -> Iterator[None]:
    """Turn what a client raises into what *explain* makes of it; our errors stay.

    Its own error is the cause, unless that quotes a secret.
    """
    try:
        yield
    except HopsArtifactsError:
        raise
    except Exception as error:
        own = explain(error)
        if own is error:
            raise
        is_clean = without_secrets(str(error)) == str(error)
        raise own from (error if is_clean else None)


def kind_of(mode: int) -> Kind:
    """Return what a mode of ``stat(2)`` says that a path is."""
    return _KINDS.get(stat_bits.S_IFMT(mode), "other")


def by_path(entries: Iterable[Entry]) -> list[Entry]:
    """Return *entries* in the order of the contract."""
    return sorted(entries, key=attrgetter("path"))


def _place(entry: Entry) -> str:
    """Return by what *entry* is sorted among its neighbours, as ``find`` has them."""
    return f"{entry.path}/" if entry.kind == "directory" else entry.path
