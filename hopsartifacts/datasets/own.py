"""Operations on the user's own files and folders, on any storage.

``DatasetApi`` checks which paths the user may change; this module does not.

On a local disk, an empty folder is a folder. Other storages may have no folders (an
object store only has names with slashes), so a folder that a user makes is recorded as
an empty object in ``.hopsartifacts/folders``, which users do not see.
"""

from collections.abc import Collection, Iterable, Iterator

from hopsartifacts import layout
from hopsartifacts.errors import (
    AlreadyExistsError,
    InvalidInputError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.machine.posix import make_folders
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.storage.contract import FileInfo, Storage
from hopsartifacts.store.root import mark_root


def look(storage: Storage, path: str) -> FileInfo | None:
    """Return the entry of a file or folder, even an empty one; None if none exists."""
    found = storage.stat(path)
    if found is None and not _has_folders(storage):
        noted = storage.stat(layout.noted_folder(path))
        if noted and noted.kind == "directory":
            return FileInfo(path=path, kind="directory")
    return found


def look_unlinked(storage: Storage, path: str) -> FileInfo | None:
    """Return the entry of a file or folder whose path contains no link; None otherwise.

    A link may point anywhere, even outside the project.
    """
    if _may_hold_links(storage):
        above = path.split("/")[:-1]
        for depth in range(1, len(above) + 1):
            folder = look(storage, "/".join(above[:depth]))
            if folder is None or folder.kind != "directory":
                return None
    found = look(storage, path)
    return found if found and found.kind in {"file", "directory"} else None


def children(storage: Storage, path: str) -> list[FileInfo]:
    """Return the entries of the folder *path*, empty folders too, sorted by path."""
    found = {entry.path: entry for entry in storage.list(path)}
    if not _has_folders(storage):
        for noted in storage.list(layout.noted_folder(path)):
            below = layout.of_noted_folder(noted.path)
            if noted.kind == "directory":
                found.setdefault(below, FileInfo(path=below, kind="directory"))
    return [found[name] for name in sorted(found)]


def walk(storage: Storage, path: str) -> Iterator[FileInfo]:
    """Yield everything below the folder *path*, each folder before its contents."""
    # Not recursive: a tree may be deeper than Python's stack.
    pending = children(storage, path)[::-1]
    while pending:
        entry = pending.pop()
        yield entry
        if entry.kind == "directory":
            pending += children(storage, entry.path)[::-1]


def plain(entries: Iterable[FileInfo]) -> Iterator[FileInfo]:
    """Yield *entries*, and check that each is a file or folder.

    Raises:
        InvalidInputError: one is neither.
    """
    for entry in entries:
        if entry.kind not in {"file", "directory"}:
            raise InvalidInputError(
                f"{entry.path!r} is a {entry.kind}, which may point outside the "
                "project: put a file or folder in its place"
            )
        yield entry


def make_folder(storage: Storage, path: str) -> None:
    """Make a folder, which persists while it is empty, and its parents.

    Raises:
        AlreadyExistsError: the path exists.
        InvalidInputError: a parent is a file or a link.
    """
    check_free(storage, path)
    mark_root(storage)
    location = storage.local_path(path)
    if location is None:
        storage.create(layout.folder_note(path), b"")
        return
    try:
        make_folders(location)
    except OSError as error:
        raise StorageError(f"cannot make {path!r}: {error.strerror}") from error


def copy_file(storage: Storage, source: str, target: str) -> None:
    """Write the bytes of the user's file *source* to *target*."""
    # A local `copy` may make a hard link, which is only for files that never change.
    if _may_hold_links(storage) or not storage.copy(source, target):
        storage.write(target, storage.chunks(source))


def copy(
    storage: Storage, source: str, target: str, callback: Callback = NO_CALLBACK
) -> None:
    """Copy a file or folder of the user to *target*; *callback* gets the progress.

    Raises:
        PathNotFoundError: *source* does not exist.
        AlreadyExistsError: *target* exists.
        InvalidInputError: *target* is within *source*, or *source* contains a link.
    """
    entry = _checked(storage, source, target)
    mark_root(storage)
    is_file = entry.kind == "file"
    entries = [entry] if is_file else list(plain(walk(storage, source)))
    folders = {found.path for found in entries if found.kind == "directory"}
    files = {it.path: it.size_bytes for it in entries if it.kind == "file"}
    callback.set_size(sum(files.values()))
    try:
        for path, size in files.items():
            copy_file(storage, path, target + path.removeprefix(source))
            callback.relative_update(size)
        if is_file:
            return
        for path in _empty({source, *folders}, files):
            make_folder(storage, target + path.removeprefix(source))
    except BaseException:
        remove(storage, target)
        raise


def move(storage: Storage, source: str, target: str) -> None:
    """Move a file or folder of the user to *target*; raises the errors of ``copy``."""
    entry = _checked(storage, source, target)
    mark_root(storage)
    if entry.kind == "file":
        storage.move(source, target)
        return
    if not storage.capabilities.moves_trees:
        for found in list(storage.find(source)):
            storage.move(found.path, target + found.path.removeprefix(source))
    elif storage.stat(source) and not storage.move_tree(source, target):
        raise AlreadyExistsError(f"{target!r} exists: choose another name")
    for noted in list(storage.find(layout.noted_folder(source))):
        path = layout.of_noted_folder(noted.path)
        storage.create(layout.noted_folder(target + path.removeprefix(source)), b"")
    remove(storage, source)


def remove(storage: Storage, path: str) -> None:
    """Delete a file or folder, if it exists."""
    storage.delete_tree(path)
    if not _has_folders(storage):
        storage.delete_tree(layout.noted_folder(path))


def check_free(storage: Storage, path: str) -> None:
    """Check that *path* does not exist and can be created.

    Raises:
        AlreadyExistsError: *path* exists.
        InvalidInputError: a parent is a file or a link.
    """
    if look(storage, path) is not None:
        raise AlreadyExistsError(f"{path!r} exists: remove it, or choose another name")
    check_above(storage, path)


def check_files(storage: Storage, paths: Collection[str], *, overwrite: bool) -> None:
    """Check that files can be written to all *paths*.

    Raises:
        AlreadyExistsError: a file exists and *overwrite* is not set, or a path is a
            folder.
        InvalidInputError: a parent of a path is a file or a link.
    """
    one_each = {path.rpartition("/")[0]: path for path in paths}
    for path in one_each.values():
        check_above(storage, path)
    for path in paths:
        there = look(storage, path)
        if there and there.kind != "file":
            raise AlreadyExistsError(f"{path!r} is a {there.kind}: choose another name")
        if there and not overwrite:
            raise AlreadyExistsError(
                f"{path!r} exists: use overwrite=True to replace it"
            )


def check_above(storage: Storage, path: str) -> None:
    """Check that each parent of *path* is a folder or does not exist.

    Raises:
        InvalidInputError: a parent is a file or a link.
    """
    above = ""
    for part in path.split("/")[:-1]:
        above = f"{above}/{part}" if above else part
        entry = storage.stat(above)
        if entry is None:
            return
        if entry.kind != "directory":
            raise InvalidInputError(
                f"{above!r} is a {entry.kind}, so nothing can be put below it: choose "
                "another folder"
            )


def check_apart(storage: Storage, source: str, target: str) -> FileInfo:
    """Return the entry of *source*, which could be put at *target* if that is free.

    Raises:
        PathNotFoundError: *source* does not exist.
        InvalidInputError: *target* is within *source*.
    """
    entry = look_unlinked(storage, source)
    if entry is None:
        raise PathNotFoundError(f"{source!r} does not exist, or its path has a link")
    if f"{target}/".startswith(f"{source}/"):
        raise InvalidInputError(
            f"{target!r} is within {source!r}: choose a path outside it"
        )
    return entry


def check_unlinked(storage: Storage, path: str) -> None:
    """Check that the folder *path* contains no link.

    Raises:
        InvalidInputError: it does.
    """
    for _ in plain(walk(storage, path)):
        pass


def _checked(storage: Storage, source: str, target: str) -> FileInfo:
    entry = check_apart(storage, source, target)
    check_free(storage, target)
    return entry


def _empty(folders: set[str], files: Iterable[str]) -> list[str]:
    """Return the *folders* that contain neither files nor other folders, sorted."""
    above = {path.rpartition("/")[0] for path in (*files, *folders)}
    return sorted(folders - above)


def _has_folders(storage: Storage) -> bool:
    """Return whether the storage has real folders, which exist even if empty."""
    return storage.local_path("") is not None


def _may_hold_links(storage: Storage) -> bool:
    """Return whether a path may contain a link, as on a disk."""
    is_local = storage.local_path("") is not None
    return is_local or storage.capabilities.has_modes
