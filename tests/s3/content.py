"""Large things that differ from piece to piece, and are the same each time."""

import hashlib
from collections.abc import Iterator

MIB = 1 << 20
PART = 16 * MIB
LARGE = 100 * MIB
SMALL_PART = 5 * MIB
"""The least that servers take."""
SEVERAL = 7 * SMALL_PART - 1
"""Seven parts, if they are small."""
PLACE = "Models/m/1/Files/weights.bin"
IS_PART = r"partNumber="
"""What the target of a request for a part looks like."""


def content(size: int, seed: int = 0) -> Iterator[bytes]:
    """Yield the same bytes for the same seed, in chunks of an odd size."""
    block = hashlib.shake_256(b"%d" % seed).digest(MIB)
    for first in range(0, size, MIB):
        yield (b"%010d" % first + block)[: min(MIB, size - first)]


def digest(chunks: Iterator[bytes]) -> str:
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()
