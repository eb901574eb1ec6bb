"""The user's own files and folders, on any storage; who may change what is elsewhere.

Folders without files: on this machine's disk they are folders. Elsewhere there may be
none (an object store has names with slashes in them), so a folder that somebody asked
for is noted by an empty object below ``.hopsartifacts/folders``, where no user looks.
"""

from collections.abc import Collection, Iterable, Iterator

from hopsartifacts import layout
from hopsartifacts.errors import (
    AlreadyExistsError,
    InvalidInputError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.storage.contract import Entry, Storage
from hopsartifacts.store.root import mark_root


def look(storage: Storage, path: str) -> Entry | None:
    """Describe a file or folder, an empty one too; None if nothing is there."""
    found = storage.stat(path)
    if found is None and not _has_folders(storage):
        noted = storage.stat(layout.noted_folder(path))
        if noted and noted.kind == "directory":
            return Entry(path=path, kind="directory")
    return found


def look_unlinked(storage: Storage, path: str) -> Entry | None:
    """Describe a file or folder that is reached without a link; None if there is none.

    A link may lead anywhere, out of the project too.
    """
    if _may_hold_links(storage):
        above, _, name = path.rpartition("/")
        if above and name:
            folder = look_unlinked(storage, above)
            if folder is None or folder.kind != "directory":
                return None
    found = look(storage, path)
    return found if found and found.kind in {"file", "directory"} else None


def children(storage: Storage, path: str) -> list[Entry]:
    """Return what the folder *path* holds, empty folders too, sorted by path."""
    found = {entry.path: entry for entry in storage.list(path)}
    if not _has_folders(storage):
        for noted in storage.list(layout.noted_folder(path)):
            below = layout.of_noted_folder(noted.path)
            if noted.kind == "directory":
                found.setdefault(below, Entry(path=below, kind="directory"))
    return [found[name] for name in sorted(found)]


def walk(storage: Storage, path: str) -> Iterator[Entry]:
    """Yield everything below the folder *path*, each folder before what it holds."""
    for entry in children(storage, path):
        yield entry
        if entry.kind == "directory":
            yield from walk(storage, entry.path)


def plain(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield *entries*, which must be files and folders.

    Raises:
        InvalidInputError: one is not.
    """
    for entry in entries:
        if entry.kind not in {"file", "directory"}:
            raise InvalidInputError(
                f"{entry.path!r} is a {entry.kind}, which may lead out of the project: "
                "put a file or folder in its place"
            )
        yield entry


def make_folder(storage: Storage, path: str) -> None:
    """Make a folder that stays though nothing is in it, and those above it.

    Raises:
        AlreadyExistsError: something is there.
        InvalidInputError: what should hold it is a file.
    """
    check_free(storage, path)
    mark_root(storage)
    location = storage.local_path(path)
    if location is None:
        storage.create(layout.folder_note(path), b"")
        return
    try:
        location.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {path!r}: {error.strerror}") from error


def copy_file(storage: Storage, source: str, target: str) -> None:
    """Give *target* the bytes of the user's file *source*."""
    # A disk would let both names share one file, which is for files nobody changes.
    if _may_hold_links(storage) or not storage.copy(source, target):
        storage.write(target, storage.chunks(source))


def copy(storage: Storage, source: str, target: str) -> None:
    """Copy a file or folder of the user's to *target*.

    Raises:
        PathNotFoundError: *source* does not exist.
        AlreadyExistsError: *target* exists.
        InvalidInputError: *target* is within *source*, or a link is.
    """
    entry = _checked(storage, source, target)
    mark_root(storage)
    if entry.kind == "file":
        copy_file(storage, source, target)
        return
    entries = list(plain(walk(storage, source)))
    folders = {found.path for found in entries if found.kind == "directory"}
    files = [found.path for found in entries if found.kind == "file"]
    try:
        for path in files:
            copy_file(storage, path, target + path.removeprefix(source))
        for path in _empty({source, *folders}, files):
            make_folder(storage, target + path.removeprefix(source))
    except BaseException:
        remove(storage, target)
        raise


def move(storage: Storage, source: str, target: str) -> None:
    """Move a file or folder of the user's to *target*; raises as ``copy``."""
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
    """Delete a file or folder; silent if there is none."""
    storage.delete_tree(path)
    if not _has_folders(storage):
        storage.delete_tree(layout.noted_folder(path))


def check_free(storage: Storage, path: str) -> None:
    """See that something can be put at *path*, and nothing is there.

    Raises:
        AlreadyExistsError: something is.
        InvalidInputError: a file or a link is on the way to it.
    """
    if look(storage, path) is not None:
        raise AlreadyExistsError(f"{path!r} exists: remove it, or choose another name")
    check_above(storage, path)


def check_files(storage: Storage, paths: Collection[str], *, overwrite: bool) -> None:
    """See that files can be put at all *paths*.

    Raises:
        AlreadyExistsError: a file is there, and *overwrite* is not given; or a folder.
        InvalidInputError: a file or a link is on the way to one of them.
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
    """See that there are only folders, or nothing, on the way to *path*.

    Raises:
        InvalidInputError: a file or a link is there.
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


def _checked(storage: Storage, source: str, target: str) -> Entry:
    entry = look_unlinked(storage, source)
    if entry is None:
        raise PathNotFoundError(f"{source!r} does not exist, or a link leads to it")
    if f"{target}/".startswith(f"{source}/"):
        raise InvalidInputError(
            f"{target!r} is within {source!r}: choose a place outside of it"
        )
    check_free(storage, target)
    return entry


def _empty(folders: set[str], files: list[str]) -> list[str]:
    """Return those of *folders* in which there is nothing, not even another one."""
    above = {path.rpartition("/")[0] for path in (*files, *folders)}
    return sorted(folders - above)


def _has_folders(storage: Storage) -> bool:
    """Tell whether a folder is there though nothing is in it."""
    return storage.local_path("") is not None


def _may_hold_links(storage: Storage) -> bool:
    """Tell whether a path may lead through a link, as on a disk."""
    is_local = storage.local_path("") is not None
    return is_local or storage.capabilities.has_modes
