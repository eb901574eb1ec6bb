"""A storage in memory that saves as buckets do."""

import msgspec

from hopsartifacts.storage.contract import Capabilities
from hopsartifacts.storage.memory import MemoryStorage


class InPlace(MemoryStorage):
    """Memory that fills versions in the place reserved for them, as buckets do."""

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, moves_trees=False)
