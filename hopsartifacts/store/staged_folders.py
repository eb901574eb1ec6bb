"""Moving a staging folder into its final place, and checking that it is complete.

Garbage collection moves away the staging folder of a writer that seems to have stopped.
A slow writer may then continue with a part of its files, so it checks them before it
commits.
"""

from collections.abc import Mapping

from hopsartifacts.errors import ConflictError, StorageError
from hopsartifacts.storage.contract import Storage


def move_in(storage: Storage, staging: str, folder: str) -> bool:
    """Move the folder *staging* to *folder*; return False if *folder* exists.

    Raises:
        ConflictError: garbage collection removed the staging folder.
    """
    try:
        return storage.move_tree(staging, folder)
    except StorageError as error:
        if storage.stat(staging) is None and storage.stat(folder) is None:
            raise _swept(staging, folder) from error
        raise


def check_arrived(storage: Storage, folder: str, sizes: Mapping[str, int]) -> None:
    """Check that *folder* contains files of these *sizes* (by relative path).

    Raises:
        ConflictError: a file is missing or incomplete.
    """
    found = {
        entry.path.removeprefix(f"{folder}/"): entry.size_bytes
        for entry in storage.find(folder)
    }
    for path, size_bytes in sizes.items():
        if found.get(path) != size_bytes:
            raise _swept(path, folder)


def _swept(path: str, folder: str) -> ConflictError:
    return ConflictError(
        f"{path!r} was deleted while {folder!r} was being saved; garbage collection "
        "does this to a save that seems abandoned: save again"
    )
