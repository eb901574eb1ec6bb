"""Search for all processes with a mark, including those that left their session."""

import contextlib
from collections.abc import Iterator

import psutil


def marked(variable: str, value: str) -> Iterator[psutil.Process]:
    """Yield processes with *variable* in the environment, which children inherit."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(variable) == value:
                yield process


def kill_marked(variable: str, value: str) -> None:
    """Kill the processes that have *variable* in their environment."""
    for process in marked(variable, value):
        with contextlib.suppress(psutil.Error):
            process.kill()
