"""The limits on a worker's use of this machine, and their enforcement."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hopsartifacts.serving.contract import Launch, Limits

_THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_MB = 1024 * 1024


def launch_limits(launch: Launch) -> Limits:
    """Return the limits of a worker, which are the sum if it runs a transformer."""
    if launch.transformer_script is None:
        return launch.limits
    of_both = (launch.limits, launch.transformer_limits)
    cores = [limits.cores for limits in of_both if limits.cores is not None]
    memory = [limits.memory_mb for limits in of_both if limits.memory_mb is not None]
    return Limits(
        cores=sum(cores) if len(cores) == len(of_both) else None,
        memory_mb=sum(memory) if len(memory) == len(of_both) else None,
    )


def thread_variables(limits: Limits) -> dict[str, str]:
    """Return the variables that limit the threads of numerical libraries."""
    if limits.cores is None:
        return {}
    return dict.fromkeys(_THREADS, str(max(1, math.ceil(limits.cores))))


def confine(pid: int, limits: Limits, index: int) -> None:
    """Restrict a process to as many processors as it may use.

    Args:
        pid: the process; its future children are restricted, too.
        limits: the limits of the process.
        index: the worker's number; workers get different processors if possible.
    """
    if limits.cores is None or not hasattr(os, "sched_setaffinity"):
        return
    count = max(1, math.ceil(limits.cores))
    with suppress(OSError):
        allowed = sorted(os.sched_getaffinity(pid))
        if count < len(allowed):
            # Workers of another deployment start at another processor.
            first = os.getpid() + index * count
            chosen = {allowed[(first + at) % len(allowed)] for at in range(count)}
            os.sched_setaffinity(pid, chosen)


def used_mb(pid: int) -> float:
    """Return the memory in MB that a process and all its descendants use."""
    # Imported late: a keeper starts its workers before it needs this.
    import psutil  # noqa: PLC0415 - see above

    used = 0
    for member in _family(pid):
        with suppress(psutil.Error):
            used += psutil.Process(member).memory_info().rss
    return used / _MB


def _family(pid: int) -> Iterator[int]:
    yield pid
    tasks = Path(f"/proc/{pid}/task")
    if (tasks / str(pid) / "children").exists():
        with suppress(OSError):
            for task in tasks.iterdir():
                for child in (task / "children").read_text().split():
                    yield from _family(int(child))
    else:
        import psutil  # noqa: PLC0415 - as above

        with suppress(psutil.Error):
            for child in psutil.Process(pid).children(recursive=True):
                yield child.pid
