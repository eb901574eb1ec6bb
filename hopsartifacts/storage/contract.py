"""What the store asks of a file system; every back end keeps these promises.

Paths are relative to the project, ``/``-separated. The one primitive is
``create``; everything that has to be atomic is built on it. Every other write goes
to a place that only its writer knows until a ``create`` makes it count.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import msgspec

Kind = Literal["file", "directory", "link", "other"]


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
    replaces_in_one_step: bool = False
    """``write`` over an existing object swaps the old bytes for the new ones at once:
    readers, and whoever comes after a crash in the middle, find one or the other.
    Nothing that was committed is ever replaced, with or without it."""
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
    """A project's root on some file system.

    Every method raises ``StorageError`` when the file system fails, with the foreign
    exception as its cause; ``StorageRefusedError`` if it is certain that trying again
    would not help.
    """

    @property
    def url(self) -> str:
        """Canonical URL of the root: equal for equal places."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this back end can do."""
        ...

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
        ...

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write *path*, replacing it, in bounded memory.

        For places private to one writer, and for the user's own files. The bytes are
        durable on return; the name is once ``move_tree`` has moved a folder above it.
        If *chunks* raises, nothing is left at *path*. If the storage fails in the
        middle, a back end may keep what it has got as ``unfinished``, and go on from
        there when the same bytes are written to *path* again.
        """
        ...

    def read(self, path: str) -> bytes:
        """Return the bytes of *path*.

        Raises:
            PathNotFoundError: it does not exist, or is a directory.
        """
        ...

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of *path* from *start* on, in order, in bounded memory.

        Raises as ``read``. There are none where *start* is at the end or behind it.
        """
        ...

    def stat(self, path: str) -> Entry | None:
        """Describe *path* without following a link; None if nothing is there."""
        ...

    def list(self, path: str) -> list[Entry]:
        """Return the direct children of *path*, sorted by path, never from a cache.

        A path that does not exist, or is no directory, has no children.
        """
        ...

    def find(self, path: str) -> Iterator[Entry]:
        """Yield everything below *path* but directories, sorted by path.

        Links are reported, not followed. Damage to what is found later may or may
        not be seen.
        """
        ...

    def first(self, path: str) -> str | None:
        """Return the path of what ``find`` gives first; None if it gives nothing.

        Quick, never from a cache, and nothing is passed over that is there during the
        whole call. A folder whose name is digits alone should have no neighbour like
        "12-x" beside "12", whose name goes on with a character that sorts before "/":
        where it has one, either of the two may come first.
        """
        ...

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
        ...

    def move(self, source: str, target: str) -> None:
        """Move one file or link; *target* must not exist. Not atomic everywhere."""
        ...

    def move_tree(self, source: str, target: str) -> bool:
        """Move the folder *source* to *target*, whole and durable, in one step.

        Only where ``capabilities.moves_trees``.

        Returns:
            True if moved; False, changing nothing, if *target* holds anything.
        """
        ...

    def protect(self, path: str) -> None:
        """Make *path* and all below it read-only; nothing where not ``has_modes``."""
        ...

    def unprotect(self, path: str) -> None:
        """Let the folder *path* itself (nothing below it) be written to again."""
        ...

    def delete_tree(self, path: str) -> None:
        """Delete *path* and all below it, read-only or not; silent if absent."""
        ...

    def unfinished(self, path: str) -> Iterator[Entry]:
        """Yield the uploads begun below *path* and never completed.

        Nobody sees them but here; they take up space until they are discarded.
        ``modified`` is when they were begun; ``size_bytes`` is 0 where it would cost
        a request each. One path may have several. None where a back end keeps none.
        """
        ...

    def discard_unfinished(self, entry: Entry) -> None:
        """Drop the uploads of that path that were begun when *entry* was, or before.

        A writer that is still at one of them fails. Silent if there are none.
        """
        ...

    def local_path(self, path: str) -> Path | None:
        """Return where *path* lies on this machine's disk; None if it does not."""
        ...


@runtime_checkable
class KeepsVersions(Protocol):
    """A storage that may still have what an object held before: not part of the rest.

    Whoever looks for lost bytes asks whether a storage can this.
    """

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """Yield the bytes of every kept version of *path*, newest first.

        Also of one that was deleted; none where the back end keeps none.
        """
        ...


def first_below(storage: Storage, path: str) -> str | None:
    """Do what ``Storage.first`` promises by listing a folder on each level.

    Folders without files are passed over: a crash may leave them behind.
    """
    for entry in sorted(storage.list(path), key=_place):
        is_folder = entry.kind == "directory"
        found = first_below(storage, entry.path) if is_folder else entry.path
        if found is not None:
            return found
    return None


def _place(entry: Entry) -> str:
    """Return by what *entry* is sorted among its neighbours, as ``find`` has them."""
    return f"{entry.path}/" if entry.kind == "directory" else entry.path
