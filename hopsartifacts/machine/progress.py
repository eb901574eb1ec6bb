"""Progress reporting through fsspec's callback protocol.

fsspec's tqdm and rich callbacks work with it; fsspec itself need not be installed.
"""

from threading import Lock
from typing import Protocol


class Callback(Protocol):
    """The part of ``fsspec.callbacks.Callback`` that is called; sizes are in bytes."""

    def set_size(self, size: int) -> None:
        """Receive the total number of bytes."""

    def relative_update(self, inc: int = 1) -> None:
        """Receive how many more bytes are done; negative if work starts again."""


class _Silent:
    def set_size(self, size: int) -> None:
        """Do nothing."""

    def relative_update(self, inc: int = 1) -> None:
        """Do nothing."""


NO_CALLBACK: Callback = _Silent()


class Progress:
    """A thread-safe wrapper of a callback: calls to it never overlap."""

    def __init__(self, callback: Callback, size_bytes: int) -> None:
        self._callback = callback
        self._lock = Lock()
        callback.set_size(size_bytes)

    def add(self, size_bytes: int) -> None:
        """Count bytes as done."""
        if size_bytes:
            with self._lock:
                self._callback.relative_update(size_bytes)


def is_terminal(stream: object) -> bool:
    """Return whether *stream* is a terminal, on which a progress bar can be drawn."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError):  # None in a service, incomplete, or closed
        return False
