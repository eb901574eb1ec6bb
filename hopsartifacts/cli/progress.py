"""A terminal progress bar that implements fsspec's callback protocol."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import click

from hopsartifacts.machine.progress import is_terminal


class ProgressBar:
    """A callback like fsspec's, which receives the total size and the progress.

    It is safe to call it from several threads.
    """

    def __init__(self, stack: ExitStack, label: str) -> None:
        self._stack = stack
        self._label = label
        self._lock = Lock()
        self._bar: Any = None
        self._is_shown = is_terminal(sys.stderr)

    def set_size(self, size: int | None) -> None:
        """Set the total size, and show the bar."""
        with self._lock:
            if not self._is_shown or not size:
                return
            if self._bar is None:
                bar = click.progressbar(
                    length=size, label=self._label, file=sys.stderr, show_pos=False
                )
                self._bar = self._stack.enter_context(bar)
            self._bar.length = size

    def relative_update(self, inc: int = 1) -> None:
        """Add *inc* to the progress."""
        with self._lock:
            if self._bar is not None:
                self._bar.update(inc)

    def absolute_update(self, value: int) -> None:
        """Set the progress to *value*."""
        with self._lock:
            if self._bar is not None:
                self._bar.update(value - self._bar.pos)


@contextmanager
def progress(label: str) -> Iterator[ProgressBar]:
    """Provide a callback that draws a bar on standard error if it is a terminal."""
    with ExitStack() as stack:
        yield ProgressBar(stack, label)
