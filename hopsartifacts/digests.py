"""Content digests: SHA-256, XXH3 and the size, computed in one pass.

SHA-256 identifies the bytes (identity, deduplication, sharing). XXH3 is a fast check
that the bytes have not changed. It can be forged, so it never decides what is shared.
A digest is prefixed with its algorithm: ``sha256:…``, ``xxh3-128:…``.
"""

import hashlib
from collections.abc import Generator, Iterable
from queue import Queue
from threading import Thread

import msgspec
import xxhash

CHUNK_BYTES = 1 << 20

_AHEAD = 4
"""How many chunks may wait to be digested."""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """Size and digests of a byte string."""

    size_bytes: int
    sha256: str
    xxh3: str


class Hasher:
    """An incremental hasher that computes all parts of a ``Digest`` at once."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all bytes."""
        self._sha256 = hashlib.sha256()
        self._xxh3 = xxhash.xxh3_128()
        self._size = 0

    def update(self, data: bytes) -> None:
        """Add the next bytes."""
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
    """A hasher that digests in its own thread while the bytes are read and written.

    Use it for large files only: for a small file, the thread costs more than it saves.
    """

    def through(self, chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Yield *chunks* unchanged; the digest is complete when they are exhausted.

        Close the iterator if you do not exhaust it; closing it ends the thread.
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
    """Return the SHA-256 of *data*, prefixed with the algorithm."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def xxh3_of(chunks: Iterable[bytes]) -> tuple[int, str]:
    """Return the size and the XXH3 of a stream of bytes."""
    hasher = xxhash.xxh3_128()
    size = 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
    return size, f"xxh3-128:{hasher.hexdigest()}"
