"""Storages in memory and on the disk that save as buckets do."""

import msgspec

from hopsartifacts.storage.contract import Capabilities
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
