"""What pins bytes: two digests and a size, computed in one pass.

SHA-256 says what the bytes are (identity, deduplication, sharing). XXH3 is the
fast check that they still are; it can be forged, so nothing is shared on its word.
A digest carries its algorithm: ``sha256:…``, ``xxh3-128:…``.
"""

import hashlib
from collections.abc import Generator, Iterable
from queue import Queue
from threading import Thread

import msgspec
import xxhash

CHUNK_BYTES = 1 << 20

_AHEAD = 4
"""How many chunks may have passed before they are digested."""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """Size and digests of a byte string."""

    size_bytes: int
    sha256: str
    xxh3: str


class Hasher:
    """Digests bytes while they pass by."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._xxh3 = xxhash.xxh3_128()
        self._size = 0

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._sha256.update(data)
        self._xxh3.update(data)
        self._size += len(data)

    def through(self, chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Yield *chunks* unchanged, digesting each."""
        for chunk in chunks:
            self.update(chunk)
            yield chunk

    def digest(self) -> Digest:
        """Return the digest of all bytes so far."""
        return Digest(
            size_bytes=self._size,
            sha256=f"sha256:{self._sha256.hexdigest()}",
            xxh3=f"xxh3-128:{self._xxh3.hexdigest()}",
        )


class OverlappedHasher(Hasher):
    """Digests in a thread of its own while the same bytes are read and written.

    For large files: a thread costs more than a small file does.
    """

    def through(self, chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Yield *chunks* unchanged; the digest is whole when they have ended.

        Close the iterator if it is not used up: the thread ends with it.
        """
        passed: Queue[bytes | None] = Queue(_AHEAD)
        thread = Thread(target=self._take_all, args=(passed,), daemon=True)
        thread.start()
        try:
            for chunk in chunks:
                passed.put(chunk)
                yield chunk
        finally:
            passed.put(None)
            thread.join()

    def _take_all(self, passed: Queue[bytes | None]) -> None:
        while (chunk := passed.get()) is not None:
            self.update(chunk)


def digest_of(data: bytes) -> Digest:
    """Return the digest of *data*."""
    hasher = Hasher()
    hasher.update(data)
    return hasher.digest()


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of *data* with its algorithm."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def xxh3_of(chunks: Iterable[bytes]) -> tuple[int, str]:
    """Return size and XXH3 of a stream: the fast check."""
    hasher = xxhash.xxh3_128()
    size = 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
    return size, f"xxh3-128:{hasher.hexdigest()}"
