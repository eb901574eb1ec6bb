"""Storages in memory and on the disk that save as buckets do."""

import msgspec

from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage


class InPlace(MemoryStorage):
    """Memory that fills versions in the place reserved for them, as buckets do."""

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, moves_trees=False)


class LocalInPlace(LocalStorage):
    """A disk that does, and so lets a copy replace what an earlier try has left."""

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, moves_trees=False)

    def copy(self, source: str, target: str) -> bool:
        self.delete_tree(target)
        return super().copy(source, target)


def is_same_file(storage: Storage, first: str, second: str) -> bool:
    """Tell whether two paths are hard links to one file, so that they share damage.

    Only a local disk has hard links; on other storages this is always false.
    """
    here, there = storage.local_path(first), storage.local_path(second)
    if here is None or there is None:
        return False
    try:
        found, other = here.lstat(), there.lstat()
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (other.st_dev, other.st_ino)
