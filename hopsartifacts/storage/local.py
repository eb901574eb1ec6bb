"""A directory on the local disk: create-if-absent by hard link, durable by fsync.

``link(2)`` fails if the name exists, and the new name appears only with its complete
content. So creation is exclusive *and* atomic, which ``O_EXCL`` alone is not.

The permissions of new files and folders follow the mode of the project's root folder,
not the writer's umask, so users who share a project do not lock each other out.
"""

import errno
import fcntl
import os
import stat as stat_bits
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

from hopsartifacts.digests import CHUNK_BYTES
from hopsartifacts.errors import (
    AlreadyExistsError,
    PathNotFoundError,
    StorageError,
    StorageRefusedError,
)
from hopsartifacts.layout import MARKER, STAGING, TEMPORARY
from hopsartifacts.machine import posix
from hopsartifacts.storage import contract

_GROUP_SHARED = stat_bits.S_ISGID | stat_bits.S_IWGRP
_CLONE = 0x40049409
"""The request FICLONE of ``ioctl_ficlone(2)``."""
_CANNOT_CLONE = (errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS)
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
_TAKEN_FOLDER = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
_HINTS = {
    errno.ENOSPC: "the disk is full: free some space and try again",
    errno.EDQUOT: "the disk quota is used up: free some space and try again",
    errno.EACCES: "permission denied: check the owner and the mode of the project's "
    "folders",
    errno.EPERM: "not permitted: it belongs to another user, or is marked as immutable",
    errno.EROFS: "the file system is mounted read-only",
    errno.ENAMETOOLONG: "the path is longer than the system allows",
    errno.EXDEV: "a managed folder is a separate mount: keep the project on one file "
    "system",
}
"""Explanations and remedies for errors that a retry does not fix."""


class LocalStorage(contract.Storage):
    """The storage contract on a local directory, created by the first write."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._may_clone = True
        self._has_modes: bool | None = None

    @property
    def url(self) -> str:
        return self._root.as_uri()

    @property
    def capabilities(self) -> contract.Capabilities:
        return contract.Capabilities(has_modes=self._keeps_modes())

    def create(self, path: str, data: bytes) -> bool:
        """Write a temporary file, sync it and link it: see the module docstring."""
        target = self._root / path
        with _translated("create", path):
            if os.path.lexists(target):
                return False
            self._make_folder(target.parent)
            with self._temporary() as temporary:
                posix.write_new(temporary, [data], self._modes().sealed_file)
                try:
                    created = posix.link(temporary, target)
                except OSError as error:
                    if error.errno not in posix.WITHOUT_LINKS:
                        raise
                    # A failing disk also reports EIO, and then a retry may help.
                    is_passing = error.errno == errno.EIO
                    raise (StorageError if is_passing else StorageRefusedError)(
                        f"cannot create {path!r}: the file system has no hard links, "
                        "which are needed to create objects: keep the project "
                        f"elsewhere ({error.strerror})"
                    ) from error
        if created:
            try:
                posix.sync_folder(target.parent)
            except OSError as error:
                # Not a refusal: the object exists, but it may not be durable.
                raise StorageError(*_error("sync", path, error).args) from error
        return created

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a temporary file and rename it, so that open readers are unaffected.

        Staging folders have no readers, so files in them are written in place.
        """
        target = self._root / path
        with _translated("write", path):
            self._make_folder(target.parent)
            if path.startswith(f"{STAGING}/"):
                # An existing file may have other hard links, which keep its content.
                with suppress(FileNotFoundError):
                    target.unlink()
                posix.write_new(target, chunks, self._modes().sealed_file)
                return
            with self._temporary() as temporary:
                posix.write_new(temporary, chunks, self._modes().file)
                temporary.replace(target)

    def read(self, path: str) -> bytes:
        full = f"{self._root}/{path}"
        with _translated("read", path), open(full, "rb", buffering=0) as file:  # noqa: PTH123 - text, for speed: a version may have very many files
            return file.readall()

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        with _translated("read", path), (self._root / path).open("rb") as file:
            file.seek(start)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def stat(self, path: str) -> contract.FileInfo | None:
        with _translated("stat", path):
            try:
                found = os.lstat(f"{self._root}/{path}")
            except (FileNotFoundError, NotADirectoryError):
                return None
            return contract.info_of(path, found)

    def list(self, path: str) -> list[contract.FileInfo]:
        with _translated("list", path):
            prefix, found = f"{path}/" if path else "", list[contract.FileInfo]()
            try:
                with os.scandir(self._root / path) as children:
                    for child in children:
                        # Treat an entry that was deleted since as missing.
                        with suppress(FileNotFoundError):
                            status = child.stat(follow_symlinks=False)
                            found.append(contract.info_of(prefix + child.name, status))
            except (FileNotFoundError, NotADirectoryError):
                return []
            return contract.by_path(found)

    def first(self, path: str) -> str | None:
        with _translated("list", path):
            found = posix.first_file(f"{self._root}/{path}")
        return found and found.removeprefix(f"{self._root}/")

    def copy(self, source: str, target: str) -> bool:
        """Clone the file if the file system shares blocks; otherwise hard-link it."""
        start, end = self._root / source, self._root / target
        with _translated("read", source):
            # Both names of a hard link share owner and mode, so link only sealed files.
            mode = start.lstat().st_mode
            if mode & posix.ANY_WRITE or not stat_bits.S_ISREG(mode):
                return False
            try:
                self._make_folder(end.parent)
                is_cloned = self._may_clone and self._clone(start, end)
                return is_cloned or posix.linked(start, end)
            except FileNotFoundError:
                # Report a source deleted meanwhile as missing, as ``read`` does.
                raise
            except OSError as error:
                raise _error("write", target, error) from error

    def _clone(self, source: Path, target: Path) -> bool:
        with self._temporary() as temporary:
            with source.open("rb") as old, temporary.open("xb") as new:
                try:
                    fcntl.ioctl(new.fileno(), _CLONE, old.fileno())
                except OSError as error:
                    self._may_clone = error.errno not in _CANNOT_CLONE
                    return False
                os.fsync(new.fileno())
            temporary.rename(target)
            return True

    def move(self, source: str, target: str) -> None:
        """Link, then unlink, so that an existing target is never replaced."""
        start, end = self._root / source, self._root / target
        with _translated("move", source):
            self._make_folder(end.parent)
            with posix.writable(start.parent):
                # Otherwise ``link`` would accept a target that is the same file.
                if os.path.lexists(end) or not _moved(start, end):
                    raise AlreadyExistsError(f"{target!r} exists; nothing was moved")
            posix.sync_folder(end.parent)
            posix.sync_folder(start.parent)

    def move_tree(self, source: str, target: str) -> bool:
        """Sync every folder of the tree, then rename it."""
        start, end = self._root / source, self._root / target
        with _translated("move", source):
            for folder in posix.folders_of(start):
                posix.sync_folder(Path(folder))
            self._make_folder(end.parent)
            try:
                with posix.writable(start.parent):
                    start.rename(end)
            except OSError as error:
                if error.errno in _TAKEN_FOLDER:
                    return False
                raise
            posix.sync_folder(end.parent)
            posix.sync_folder(start.parent)
            return True

    def protect(self, path: str) -> None:
        top = self._root / path
        with _translated("protect", path):
            if self._has_modes is False:
                top.lstat()
                return
            try:
                posix.protect_tree(str(top), self._modes())
            except OSError as error:
                if error.errno not in posix.WITHOUT_MODES:
                    raise
                self._try_modes()
                if self._has_modes:
                    raise
            else:
                if top.lstat().st_mode & posix.ANY_WRITE:
                    self._try_modes()

    def unprotect(self, path: str) -> None:
        with _translated("unprotect", path):
            posix.set_mode(self._root / path, self._modes().folder)

    def delete_tree(self, path: str) -> None:
        top = self._root / path
        with _translated("delete", path):
            if not os.path.lexists(top):
                return
            if stat_bits.S_ISDIR(top.lstat().st_mode):
                posix.delete_folder(top)
            else:
                top.unlink()
            posix.sync_folder(top.parent)

    def local_path(self, path: str) -> Path | None:
        return self._root / path if path else self._root

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """Yield a free temporary path; delete the file there unless it was renamed."""
        folder = self._root / TEMPORARY
        self._make_folder(folder)
        temporary = folder / uuid4().hex
        try:
            yield temporary
        finally:
            with suppress(OSError):
                temporary.unlink()

    def _make_folder(self, folder: Path) -> None:
        """Make *folder* and its parents, each durable in its own parent."""
        posix.make_folders(
            folder, lambda it: posix.make_folder(it, self._mode_of_new(it))
        )

    def _mode_of_new(self, folder: Path) -> int | None:
        """Return the mode that *folder* gets; None leaves it to the umask."""
        # As text: of a deep folder ``parents`` are many paths.
        if str(folder).startswith(f"{str(self._root).rstrip('/')}/"):
            return self._modes().folder
        if folder != self._root:
            return None
        above = stat_bits.S_IMODE(folder.parent.stat().st_mode)
        # A folder shared by a group passes its mode on, like its setgid bit.
        return above if above & _GROUP_SHARED == _GROUP_SHARED else None

    def _modes(self) -> posix.Modes:
        """Return the modes for new files, from the current mode of the root folder."""
        return posix.modes_like(stat_bits.S_IMODE(self._root.stat().st_mode))

    def _keeps_modes(self) -> bool:
        """Return whether files can be made read-only here, as far as known."""
        if self._has_modes is None:
            marker = self._root / MARKER
            try:
                mode = marker.lstat().st_mode
            except OSError:
                return True
            # It was created read-only. If it is writable, it was copied, or modes do
            # not work.
            self._has_modes = not mode & posix.ANY_WRITE or posix.can_protect(marker)
        return self._has_modes

    def _try_modes(self) -> None:
        """Test with a temporary file whether files can be made read-only."""
        with self._temporary() as temporary:
            posix.write_new(temporary, [], self._modes().file)
            self._has_modes = posix.can_protect(temporary)
        if not self._has_modes:
            warnings.warn(
                f"{self.url}: the file system cannot make files read-only, so sealed "
                "files are not protected from being edited by accident; "
                "project.verify() finds what was edited",
                UserWarning,
                stacklevel=2,
            )


def _translated(doing: str, path: str) -> AbstractContextManager[None]:
    """Convert exceptions of the operating system to our errors."""
    return contract.translating(partial(_error, doing, path))


def _moved(source: Path, target: Path) -> bool:
    """Move a file to a free name; return False if the name was taken meanwhile."""
    try:
        if not posix.link(source, target):
            return False
    except PermissionError:
        # The kernel forbids linking another user's file, but it can be renamed.
        if source.lstat().st_uid == os.geteuid():
            raise
        source.rename(target)
    else:
        source.unlink()
    return True


def _error(doing: str, path: str, error: Exception) -> Exception:
    if not isinstance(error, OSError):
        return error
    if doing == "read" and error.errno in _ABSENT:
        return PathNotFoundError(f"{path!r} does not exist")
    kind = StorageRefusedError if error.errno in _HINTS else StorageError
    hint = _HINTS.get(error.errno or 0, error.strerror or str(error))
    return kind(f"cannot {doing} {path!r}: {hint}")
