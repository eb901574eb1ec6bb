"""How many cores and how much memory this machine has for us."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

_CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
"""Where Linux says how much memory a container may use."""
_MIB = 1024 * 1024


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What this process and its children may use.

    Attributes:
        cores: CPU cores.
        memory: memory in MB; null if it is not known.
    """

    cores: int
    memory: int | None


def capacity() -> Capacity:
    """Return what this machine, or the container that we are in, has."""
    return Capacity(cores=_cores(), memory=_memory_mib())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_mib() -> int | None:
    known: list[int] = []
    with suppress(ValueError, OSError):
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in _CGROUP_LIMITS:
        # Without a limit the file contains "max", or is not there.
        with suppress(ValueError, OSError):
            known.append(int(Path(path).read_text(encoding="ascii")))
    return min(known) // _MIB if known else None
