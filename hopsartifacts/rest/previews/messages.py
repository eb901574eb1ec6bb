"""Messages through a pipe: each is its length in four bytes, and then its bytes."""

import os

_LENGTH_BYTES = 4


def sent(pipe: int, data: bytes) -> None:
    """Write a message; raise ``OSError`` if the other side has gone."""
    left = memoryview(len(data).to_bytes(_LENGTH_BYTES) + data)
    while left:
        left = left[os.write(pipe, left) :]


def received(pipe: int) -> bytes | None:
    """Return the next message; None if the other side has gone."""
    head = _exactly(pipe, _LENGTH_BYTES)
    return None if head is None else _exactly(pipe, int.from_bytes(head))


def _exactly(pipe: int, size: int) -> bytes | None:
    parts = []
    while size:
        part = os.read(pipe, min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
