"""Operating system processes: identifying one, and ending a whole tree.

psutil is an extra and is imported late.
"""

import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from hopsartifacts.serving.local.children import exit_code, is_own
from hopsartifacts.serving.local.environments import REVISION_VARIABLE
from hopsartifacts.serving.local.runs import Run

if TYPE_CHECKING:
    import psutil

_SAME_S = 0.1
_POLL_S = 0.02
_KILL_WAIT_S = 10.0


def created_s(pid: int) -> float:
    """Return when the process was created."""
    import psutil  # noqa: PLC0415 - late

    return float(psutil.Process(pid).create_time())


def find_server(run: Run) -> "psutil.Process | None":
    """Return the run's keeper; None if it has ended."""
    import psutil  # noqa: PLC0415 - late

    if is_own(run.revision) and exit_code(run.revision) is not None:
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(run.pid)
        # The first thread of a dying child may be a zombie before its exit code is
        # known; such a child counts as alive until it is reaped.
        if is_own(run.revision) or (is_alive(process) and _is_of(run, process)):
            return process
    return None


def is_alive(process: "psutil.Process") -> bool:
    """Tell whether the process runs; a zombie does not."""
    import psutil  # noqa: PLC0415 - late

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def is_orphan(run: Run, server: "psutil.Process") -> bool:
    """Tell whether the server is about to end because its parent has ended."""
    import psutil  # noqa: PLC0415 - late

    if run.parent_pid is None:
        return False
    try:
        return bool(server.ppid() != run.parent_pid)
    except psutil.NoSuchProcess:
        return True


def end_tree(run: Run, grace_s: float) -> None:
    """End the server and all its descendants; return when none is left."""
    import psutil  # noqa: PLC0415 - late

    from hopsartifacts.serving.local.marks import marked  # noqa: PLC0415 - late

    server = find_server(run)
    family = [] if server is None else [server, *_descendants(server)]
    if server is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            server.terminate()
        _wait(lambda: find_server(run) is None, grace_s)
    family += marked(REVISION_VARIABLE, run.revision)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait(
        lambda: find_server(run) is None and not any(map(is_alive, family)),
        _KILL_WAIT_S,
    )


def _is_of(run: Run, process: "psutil.Process") -> bool:
    # If the clock was set, creation times shift, but the command line is the same.
    is_same_age = abs(process.create_time() - run.created_s) < _SAME_S
    return is_same_age or run.order_path in process.cmdline()


def _descendants(server: "psutil.Process") -> "list[psutil.Process]":
    import psutil  # noqa: PLC0415 - late

    try:
        return list(server.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _wait(is_done: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_done() and time.monotonic() < deadline:
        time.sleep(_POLL_S)
