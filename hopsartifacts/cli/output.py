"""Output for people: tables, lists, sizes, and progress bars in a terminal."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import click

from hopsartifacts.machine.progress import is_terminal

_UNIT = 1000


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], empty: str = ""
) -> str:
    """Return aligned columns under *header*, or *empty* if there are no rows."""
    rows = list(rows)
    if empty and not rows:
        return empty
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) for text, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    )


def listing(pairs: Iterable[tuple[str, object]]) -> str:
    """Return one line for each pair of a name and a value."""
    shown = [(f"{name}:", _cell(value)) for name, value in pairs]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{name:<{width}}  {text}".rstrip() for name, text in shown)


def size(size_bytes: int) -> str:
    """Return a number of bytes in a human-readable unit."""
    value, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB"]
    while value >= _UNIT and len(units) > 1:
        value /= _UNIT
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def _cell(value: object) -> str:
    """Return *value* on one line, without characters that control a terminal."""
    text = "" if value is None else str(value)
    return "".join(it if it.isprintable() else " " for it in text)


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
