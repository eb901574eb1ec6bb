"""How far something has come, told to whoever wants to know.

The protocol is fsspec's own, so its tqdm and rich callbacks work; fsspec itself is
not needed for it.
"""

from threading import Lock
from typing import Protocol


class Callback(Protocol):
    """The part of ``fsspec.callbacks.Callback`` that is called; sizes are in bytes."""

    def set_size(self, size: int) -> None:
        """Take how many bytes there will be."""
        ...

    def relative_update(self, inc: int = 1) -> None:
        """Take how many more were done; fewer where something starts again."""
        ...


class _Silent:
    def set_size(self, size: int) -> None:
        """Take no notice."""

    def relative_update(self, inc: int = 1) -> None:
        """Take no notice."""


NO_CALLBACK: Callback = _Silent()


class Progress:
    """One callback for many threads: it hears them one at a time."""

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
    """Tell whether *stream* is one that a bar can be drawn on.

    A service or a program without a window has none, or something of its own.
    """
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError):  # it is None, incomplete, or closed
        return False
