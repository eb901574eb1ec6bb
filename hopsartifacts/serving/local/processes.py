"""The processes of a run: its keeper, and all descendants; and the state of the run.

They carry a mark in their environment, so that those that left their session are found.
The state follows from the newest report of the keeper, and whether the keeper lives.
psutil is an extra and is imported late.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hopsartifacts.serving.contract import (
    ENDED,
    NEVER_RAN,
    Condition,
    DeploymentKey,
    Reported,
    RunState,
)
from hopsartifacts.serving.local.runs import Report, Run, RunFolder, end_in_words
from hopsartifacts.serving.process_environment import REVISION_VARIABLE

if TYPE_CHECKING:
    import psutil

_EXIT_WAIT_S = 3.0
_SAME_S = 0.1
_POLL_S = 0.02
_KILL_WAIT_S = 10.0
_STANDARD = 3
_SCHEDULED = Condition(type="SCHEDULED", status=True, reason="the process was started")


class _Child(subprocess.Popen[bytes]):
    """A process that may outlive this object, which may be dropped safely."""

    def __del__(self) -> None:
        """Suppress the warning of the base class about a running process."""


# The keys contain the starting process's id, since after a fork these are not our
# children, and the revision instead of the child's id, since ids are reused.
_children: dict[tuple[int, str], _Child] = {}


def take_standard_descriptors() -> None:
    """Ensure that no descriptor opened from now on is 0, 1 or 2.

    If a program was started without stdin, stdout or stderr, the next file or socket
    would get that number, and a child process would lose it, since there these numbers
    are stdin and the log.
    """
    opened = os.open(os.devnull, os.O_RDWR)
    while opened < _STANDARD:
        opened = os.open(os.devnull, os.O_RDWR)
    os.close(opened)


def start_child(
    command: Sequence[str],
    revision: str,
    *,
    environ: Mapping[str, str],
    folder: Path,
    log: IO[bytes],
    fds: Sequence[int],
    ends_with_us: bool,
) -> int:
    """Start *command* in its own session and return its process id.

    In its own session it does not receive Ctrl-C from the terminal.
    """
    child = _Child(
        command,
        env=dict(environ),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=fds,
        start_new_session=True,
    )
    _children[os.getpid(), revision] = child
    if ends_with_us:
        atexit.register(_end_at_exit, child, os.getpid())
    return child.pid


def is_own(revision: str) -> bool:
    """Return whether this process started the run."""
    return (os.getpid(), revision) in _children


def exit_code(revision: str) -> int | None:
    """Reap the run's process if it ended; return its exit code (negative: the signal).

    None while it runs, or if it is not a child of this process.
    """
    child = _children.get((os.getpid(), revision))
    return None if child is None else child.poll()


def _end_at_exit(child: _Child, owner_pid: int) -> None:
    """End the child at once; by itself it would notice half a second later."""
    if owner_pid != os.getpid():
        return
    deadline = time.monotonic() + _EXIT_WAIT_S
    child.send_signal(signal.SIGTERM)
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


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
    """Return whether the process runs; a zombie does not."""
    import psutil  # noqa: PLC0415 - late

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def is_orphan(run: Run, server: "psutil.Process") -> bool:
    """Return whether the server is about to end because its parent has ended."""
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


def marked(variable: str, value: str) -> "Iterator[psutil.Process]":
    """Yield processes with *variable* in the environment, which children inherit."""
    import psutil  # noqa: PLC0415 - late

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(variable) == value:
                yield process


def kill_marked(variable: str, value: str) -> None:
    """Kill the processes that have *variable* in their environment."""
    import psutil  # noqa: PLC0415 - late

    for process in marked(variable, value):
        with contextlib.suppress(psutil.Error):
            process.kill()


def own_run(folder: RunFolder, key: DeploymentKey) -> Run | None:
    """Return the newest run if it is of this deployment."""
    run = folder.read_run()
    if run is None or not key_of(run, folder.read_report(run)).is_of(key):
        return None
    return run


def newest_state(folder: RunFolder, run: Run | None) -> RunState:
    """Return what *run*, the newest of its folder, does now."""
    if run is None:
        return NEVER_RAN
    # Liveness first: a server that ends meanwhile has reported before that.
    lives = find_server(run) is not None
    report = folder.read_report(run)
    return run_state(run, report, is_alive=lives, exit_code=exit_code(run.revision))


def reported(folder: RunFolder, run: Run) -> list[Reported]:
    """Return what *run* has reported, and its end if it could not report that."""
    state = newest_state(folder, run)
    # Read after the state: what is reported meanwhile is newer.
    known = folder.read_history(run)
    is_lost = state.status == "Failed" and not (known and known[-1].status in ENDED)
    if state.condition is None or (known and not is_lost):
        return known
    last = Reported(
        at=None if is_lost else datetime.fromtimestamp(run.created_s, UTC),
        status=state.status,
        condition=state.condition,
        version=run.deployment.version,
    )
    return [*known, last]


def is_over(folder: RunFolder, run: Run) -> bool:
    """Return whether the run was stopped and its server is gone."""
    if find_server(run) is not None:
        return False
    return newest_state(folder, run).status == "Stopped"


def run_state(
    run: Run, report: Report | None, *, is_alive: bool, exit_code: int | None
) -> RunState:
    """Return the state of a deployment whose newest run is *run*."""
    said = report or Report(status="Starting", condition=_SCHEDULED)
    if said.status in ENDED:
        # The process has written its last report; it may be about to exit.
        return RunState(
            status=said.status,
            condition=said.condition,
            revision=run.revision,
            last_error=said.last_error,
        )
    if not is_alive:
        condition = Condition(
            type=said.condition.type, status=False, reason=end_in_words(exit_code)
        )
        return RunState(
            status="Failed",
            condition=condition,
            revision=run.revision,
            last_error=said.last_error,
        )
    return RunState(
        status=said.status,
        condition=said.condition,
        available_predictor_instances=said.available,
        available_transformer_instances=said.available if said.has_transformer else 0,
        deployment_version=key_of(run, said).version,
        url=run.url,
        port=run.port,
        grpc_port=said.grpc_port,
        revision=run.revision,
        started_s=run.created_s,
        is_detached=run.parent_pid is None,
        last_error=said.last_error,
    )


def key_of(run: Run, report: Report | None) -> DeploymentKey:
    """Return the key of the run's deployment, with the version that serves."""
    return report.deployment if report and report.deployment else run.deployment
