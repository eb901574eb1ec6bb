"""Whether the names in a local folder have changed, without listing it."""

import os
from contextlib import suppress
from time import time

_TICK_S = 0.02
"""At least the time for which the kernel gives files the same time."""
_COARSE_TICK_S = 2.0
"""The same for file systems that store times without microseconds, such as FAT."""
_MILLISECOND_NS = 1_000_000

FolderStamp = tuple[int, int] | None


def folder_stamp(folder: str) -> FolderStamp:
    """Return a value that differs after every change of the names in *folder*.

    None: there is none. The time of a folder may miss a second change within a clock
    tick, so it must be old.
    """
    with suppress(OSError):
        found = os.stat(folder)  # noqa: PTH116 - it is quick
        is_fine = found.st_mtime_ns % _MILLISECOND_NS
        tick_s = _TICK_S if is_fine else _COARSE_TICK_S
        if time() - found.st_mtime > tick_s:
            return found.st_ino, found.st_mtime_ns
    return None
