"""The server processes that this process started and has to reap."""

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_EXIT_WAIT_S = 3.0


class _Child(subprocess.Popen[bytes]):
    """A process that may outlive this object, which may be dropped safely."""

    def __del__(self) -> None:
        """Suppress the warning of the base class about a running process."""


# The keys contain the starting process's id, since after a fork these are not our
# children, and the revision instead of the child's id, since ids are reused.
_children: dict[tuple[int, str], _Child] = {}


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
    """Tell whether this process started the run."""
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
