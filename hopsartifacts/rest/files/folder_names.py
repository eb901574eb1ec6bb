"""The names in folders of the user's own, kept until a folder changes.

A page of a list needs size and time of its own rows only. So a folder with 100,000
files is read once, and not for each page. This works on a local disk, where the time of
a folder tells whether a name in it was added or removed.
"""

import os
from threading import Lock

from hopsartifacts.datasets import own
from hopsartifacts.rest.files.sealed_tree import Item
from hopsartifacts.rest.folder_stamps import FolderStamp, folder_stamp
from hopsartifacts.storage.contract import Storage

_MOST = 16
"""The most folders that are kept."""


class FolderNames:
    """The names in the latest folders that were listed."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = Lock()
        self._kept: dict[str, tuple[FolderStamp, list[Item]]] = {}

    def of(self, folder: str) -> list[Item] | None:
        """Return files and folders in *folder*, without sizes and times.

        Folders come first; both are sorted by name. Links are left out.

        Args:
            folder: path of a folder of the user's own, in the project.

        Returns:
            None if it is not a folder on a local disk.
        """
        location = self._storage.local_path(folder)
        if location is None:
            return None
        entry = own.look_unlinked(self._storage, folder)
        if entry is None or entry.kind != "directory":
            return None
        stamp = folder_stamp(str(location))
        with self._lock:
            known, items = self._kept.get(folder, (None, []))
        if stamp is None or stamp != known:
            items = _read(str(location), folder)
            with self._lock:
                self._kept.pop(folder, None)
                self._kept[folder] = (stamp, items)
                if len(self._kept) > _MOST:
                    del self._kept[next(iter(self._kept))]
        return items


def _read(location: str, folder: str) -> list[Item]:
    try:
        with os.scandir(location) as found:
            names = sorted(
                (not entry.is_dir(follow_symlinks=False), entry.name)
                for entry in found
                if entry.is_dir(follow_symlinks=False)
                or entry.is_file(follow_symlinks=False)
            )
    except OSError:
        return []  # it was removed meanwhile
    return [
        Item(path=f"{folder}/{name}", is_folder=not is_file) for is_file, name in names
    ]
