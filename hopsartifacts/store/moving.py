"""Folders that were staged and moved into their place: is all of it there?

A sweeper takes the staging of a writer that seems to be gone away in one step. If the
writer was only slow, it goes on with a part; so it looks before it commits.
"""

from collections.abc import Mapping

from hopsartifacts.errors import ConflictError, StorageError
from hopsartifacts.storage.contract import Storage


def move_in(storage: Storage, staging: str, folder: str) -> bool:
    """Move *staging* to where it belongs; False if something lies there.

    Raises:
        ConflictError: the staging was swept.
    """
    try:
        return storage.move_tree(staging, folder)
    except StorageError as error:
        if storage.stat(staging) is None and storage.stat(folder) is None:
            raise _swept(staging, folder) from error
        raise


def check_arrived(storage: Storage, folder: str, sizes: Mapping[str, int]) -> None:
    """See that *folder* holds files of these *sizes* by relative path.

    Raises:
        ConflictError: one is missing, or is not whole.
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
        f"{path!r} was cleaned away while {folder!r} was being saved, as if its writer "
        "had been gone for long: save again"
    )
