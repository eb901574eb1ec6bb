"""One worker process, from the point of view of its keeper, and its limits."""

import math
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from hopsartifacts.serving.contract import Launch, Limits
from hopsartifacts.serving.runtime.keeper_link import Order, WorkerMessage

_BLOCK_BYTES = 64 * 1024
_MOST_MESSAGE_BYTES = 64 * 1024
_NONSENSE = (
    "it sent the keeper something that is not a message: its script, or a library, "
    "writes to a file descriptor that it has not opened"
)
_THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_MB = 1024 * 1024


class WorkerProcess:
    """A running worker process that is watched.

    Attributes:
        state: the progress of the worker.
        asked_s: when it was last sent a ping.
        waiting_s: when the first unanswered ping was sent.
        why: the reason why it ends, if that is known before it has ended.
        due_s: when it must have ended, once it is leaving.
        has_left: whether it has stopped accepting connections.
        is_silent: whether its messages are no longer read.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        channel: socket.socket,
        marker: str,
        now: float,
    ) -> None:
        self.state: Literal["loading", "loaded", "serving", "leaving"] = "loading"
        self.asked_s = now
        self.waiting_s: float | None = None
        self.requests = 0
        self.why: str | None = None
        self.due_s = 0.0
        self.has_left = False
        self.is_silent = False
        self.marker = marker
        self._process = process
        self._channel = channel
        self._rest = b""

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def channel(self) -> socket.socket:
        """The connection to the worker, to wait for its messages."""
        return self._channel

    def exit_code(self) -> int | None:
        """Reap the process if it ended; return its exit code (negative: the signal)."""
        return self._process.poll()

    def messages(self) -> Iterator[WorkerMessage]:
        """Yield the messages that arrived since the last call.

        Any code in the worker can write to the connection. If invalid data arrives, the
        worker is killed and its messages are no longer read.
        """
        while not self.is_silent:
            try:
                data = self._channel.recv(_BLOCK_BYTES)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.is_silent = True
                break
            *lines, self._rest = (self._rest + data).split(b"\n")
            try:
                for line in lines:
                    yield msgspec.json.decode(line, type=WorkerMessage)
                is_sense = len(self._rest) <= _MOST_MESSAGE_BYTES
            except (msgspec.MsgspecError, ValueError, RecursionError):
                is_sense = False
            if not is_sense:
                self.is_silent = True
                self.kill(_NONSENSE)
                break

    def ask(self, order: Order) -> None:
        """Send an order; a worker that hangs does not read it."""
        with suppress(OSError):
            self._channel.send(f"{order}\n".encode())

    def drain(self, due_s: float, *, has_successor: bool) -> None:
        """Ask the worker to answer requests on open connections, and end.

        If *has_successor* is true, other workers take over its idle connections.
        """
        self.state, self.due_s = "leaving", due_s
        self.ask("pass" if has_successor else "drain")

    def terminate(self, due_s: float) -> None:
        """Ask the worker to finish the requests in progress and end."""
        self.state, self.due_s = "leaving", due_s
        self._process.send_signal(signal.SIGTERM)

    def kill(self, why: str | None = None) -> None:
        """Kill the worker and its session."""
        self.state = "leaving"
        self.why = self.why or why
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def used_mb(self) -> float:
        """Return the memory in MB that the worker and its descendants use."""
        return used_mb(self.pid)

    def close(self) -> None:
        """Close the connection to a worker that has ended, and kill its session."""
        self._channel.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


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
