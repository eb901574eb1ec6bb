"""Basic operations on a local disk: write and sync, link, delete, set modes."""

import errno
import os
import stat as stat_bits
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import msgspec

ANY_WRITE = 0o222
"""The bits by which a mode lets anyone write."""
_OWNER_ALL = 0o700
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_UNSUPPORTED = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF}
)
"""The errors by which a file system reports an unsupported operation."""
WITHOUT_MODES = _UNSUPPORTED | {errno.EPERM}
"""The errors of ``chmod`` where modes cannot be changed."""
WITHOUT_LINKS = _UNSUPPORTED | {errno.EPERM, errno.EMLINK, errno.EIO}
"""The errors of ``link`` where hard links are not supported."""


class Modes(msgspec.Struct, frozen=True, kw_only=True):
    """The modes of files and folders in a project, derived from its root folder."""

    folder: int
    file: int
    sealed_folder: int
    sealed_file: int


@cache
def modes_like(mode: int) -> Modes:
    """Return the modes for a project whose folder has *mode*.

    The owner may read and write everything. The group, and others, may read what is in
    the project if they may read or enter the folder, and write if the folder's mode
    lets them write. A setgid bit is inherited, so the group stays the same.
    """
    readers = 0o400 | sum(read for read in (0o040, 0o004) if mode & (read | read >> 2))
    writers = 0o200 | mode & 0o022
    searchers = readers >> 2
    return Modes(
        folder=mode & stat_bits.S_ISGID | readers | writers | searchers,
        file=readers | writers,
        sealed_folder=readers | searchers,
        sealed_file=readers,
    )


def write_new(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    """Write and sync a new file; raise if it exists. Delete it if *chunks* raises."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    try:
        # The umask may have removed bits. ``protect`` reports if they cannot be set.
        if stat_bits.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            with suppress(OSError):
                os.fchmod(descriptor, mode)
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def link(source: Path, target: Path) -> bool:
    """Hard-link *source* to *target*; return False if *target* is another file."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        # A network mount may create the link and lose the response.
        with suppress(FileNotFoundError):
            if os.path.samestat(source.lstat(), target.lstat()):
                return True
        if isinstance(error, FileExistsError):
            return False
        raise
    return True


def linked(source: Path, target: Path) -> bool:
    """Hard-link *source* to a new name; return False if the file system cannot."""
    try:
        if link(source, target):
            return True
    except FileNotFoundError:
        raise
    except OSError:
        return False
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable, as far as its file system supports it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path, mode: int | None) -> None:
    """Make a folder with *mode*, or by the umask if None, unless it exists."""
    with suppress(FileExistsError):
        folder.mkdir()
        if mode is not None:
            # If modes cannot be set, ``protect`` reports it.
            with suppress(OSError):
                set_mode(folder, mode)
        sync_folder(folder.parent)


def make_folders(
    folder: Path, make: Callable[[Path], None] = lambda it: it.mkdir(exist_ok=True)
) -> None:
    """Create *folder* and its missing parents, each by *make*.

    Unlike ``os.makedirs``, this does not call itself for each parent, which would fail
    for a tree that is deeper than Python's stack.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for it in reversed(missing):
        make(it)


def set_mode(path: str | Path, mode: int, found: os.stat_result | None = None) -> None:
    """Set the mode of *path* if its status *found* has another; ignore links."""
    found = found or os.lstat(path)
    # A hard link to another user's sealed file is already read-only.
    is_sealed = not (found.st_mode | mode) & ANY_WRITE and found.st_uid != os.geteuid()
    is_wanted = is_sealed or stat_bits.S_IMODE(found.st_mode) == mode
    if not is_wanted and not stat_bits.S_ISLNK(found.st_mode):
        os.chmod(path, mode)  # noqa: PTH101 - a string, for speed


def protect_tree(top: str, modes: Modes) -> None:
    """Make a file, or a folder with all its content, read-only; skip links."""
    found = os.lstat(top)
    if not stat_bits.S_ISDIR(found.st_mode):
        set_mode(top, modes.sealed_file, found)
        return
    folders = [top]
    for folder in folders:
        with os.scandir(folder) as children:
            for child in children:
                found = child.stat(follow_symlinks=False)
                if stat_bits.S_ISDIR(found.st_mode):
                    folders.append(child.path)
                else:
                    set_mode(child.path, modes.sealed_file, found)
    for folder in reversed(folders):
        set_mode(folder, modes.sealed_folder)


def can_protect(path: Path) -> bool:
    """Try to make a file read-only, and return whether that is possible.

    Also return True if it cannot be tried because another user owns the file.
    """
    try:
        path.chmod(0o444 & path.lstat().st_mode)
    except OSError as error:
        is_ours = path.lstat().st_uid == os.geteuid()
        is_refused = error.errno in WITHOUT_MODES
        return not is_refused or (error.errno == errno.EPERM and not is_ours)
    return not path.lstat().st_mode & ANY_WRITE


def first_file(folder: str) -> str | None:
    """Return the path that sorts first of all non-folders below *folder*, or None."""
    try:
        with os.scandir(folder) as children:
            # Sorted by whole paths, "a-b" comes before "a/b".
            names = sorted(
                [
                    f"{it.name}/" if it.is_dir(follow_symlinks=False) else it.name
                    for it in children
                ]
            )
    except (FileNotFoundError, NotADirectoryError):
        return None
    for name in names:
        path = os.path.join(folder, name)  # noqa: PTH118 - a string, for speed
        found = first_file(path[:-1]) if name.endswith("/") else path
        if found is not None:
            return found
    return None


def folders_of(top: Path) -> list[str]:
    """Return *top* and all folders below it, parents before their children."""
    folders = [str(top)]
    for folder in folders:
        with os.scandir(folder) as children:
            folders += [it.path for it in children if it.is_dir(follow_symlinks=False)]
    return folders


def delete_folder(top: Path) -> None:
    """Delete a folder and its content, even if read-only.

    A failure does not stop the deletion of the rest; the first is raised at the end.
    """
    failures: list[OSError] = []
    folders = [str(top)]
    for folder in folders:
        with _noting(failures):
            folders += _emptied(folder, failures)
    for folder in reversed(folders):
        with _noting(failures):
            os.rmdir(folder)  # noqa: PTH106 - a string, for speed
    if failures:
        raise failures[0]


@contextmanager
def _noting(failures: list[OSError]) -> Iterator[None]:
    """Add a failure to *failures*, unless something is already deleted."""
    try:
        yield
    except FileNotFoundError:
        pass
    except OSError as error:
        failures.append(error)


def _emptied(folder: str, failures: list[OSError]) -> list[str]:
    """Delete everything in *folder* except its subfolders, and return those."""
    if os.lstat(folder).st_mode & _OWNER_ALL != _OWNER_ALL:
        # Another user's folder may be accessible anyway.
        with suppress(PermissionError):
            os.chmod(folder, _OWNER_ALL)  # noqa: PTH101 - a string, for speed
    folders = []
    # Use a descriptor, so that a link that replaces the folder is not followed.
    descriptor = os.open(folder, _FOLDER)
    try:
        with os.scandir(descriptor) as children:
            for child in children:
                if child.is_dir(follow_symlinks=False):
                    folders.append(f"{folder}/{child.name}")
                    continue
                with _noting(failures):
                    os.unlink(child.name, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    return folders


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make a read-only folder writable for one change, then restore its mode."""
    mode = stat_bits.S_IMODE(folder.stat().st_mode)
    if mode & 0o200:
        yield
        return
    folder.chmod(mode | 0o200)
    try:
        yield
    finally:
        folder.chmod(mode)
