"""Finding everything that a process started, also what left its session."""

import contextlib
from collections.abc import Iterator

import psutil


def marked(variable: str, value: str) -> Iterator[psutil.Process]:
    """Find what has *variable* in its environment: descendants inherit it."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(variable) == value:
                yield process


def kill_marked(variable: str, value: str) -> None:
    """Kill what has *variable* in its environment."""
    for process in marked(variable, value):
        with contextlib.suppress(psutil.Error):
            process.kill()
