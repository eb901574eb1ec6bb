"""The workers of a run, from the side of their keeper: their start, life and limits."""

import math
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from hopsartifacts.machine.posix import delete_folder
from hopsartifacts.serving.contract import Launch, Limits
from hopsartifacts.serving.local.control import KeeperOrder, Patience
from hopsartifacts.serving.local.keeper.run_record import RunRecord
from hopsartifacts.serving.local.log_files import RunLog
from hopsartifacts.serving.local.processes import kill_marked
from hopsartifacts.serving.local.runs import write_whole
from hopsartifacts.serving.process_environment import (
    METRICS_VARIABLE,
    WORKER_VARIABLE,
    launch_limits,
    worker_command,
    worker_environment,
)
from hopsartifacts.serving.runtime.keeper_link import Handover, Order, WorkerMessage

_WORK = "work"
_ARTIFACT = "artifact"
_BLOCK_BYTES = 64 * 1024
_MOST_MESSAGE_BYTES = 64 * 1024
_NONSENSE = (
    "it sent the keeper something that is not a message: its script, or a library, "
    "writes to a file descriptor that it has not opened"
)
_MB = 1024 * 1024


class WorkerProcess:
    """A running worker process that is watched.

    Args:
        process: the process.
        channel: the connection to it.
        marker: the mark of the process and its descendants.
        now: the time.
        on_message: called with each message.

    Attributes:
        state: the progress of the worker.
        asked_s: when it was last sent a ping.
        waiting_s: when the first unanswered ping was sent.
        why: the reason why it ends, if that is known before it has ended.
        due_s: when it must have ended, once it is leaving.
        has_left: whether it has stopped accepting connections.
        is_silent: whether its messages are no longer read.
        is_explained: whether it has reported the error for which it ends.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        channel: socket.socket,
        marker: str,
        now: float,
        on_message: Callable[[WorkerMessage], object] = id,
    ) -> None:
        self._on_message = on_message
        self.state: Literal["loading", "loaded", "serving", "leaving"] = "loading"
        self.asked_s = now
        self.waiting_s: float | None = None
        self.requests = 0
        self.why: str | None = None
        self.due_s = 0.0
        self.has_left = False
        self.is_silent = False
        self.is_explained = False
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
                    message = msgspec.json.decode(line, type=WorkerMessage)
                    self._on_message(message)
                    yield message
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
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for _ in self.messages():  # what it sent before it ended
            pass
        self._channel.close()


class WorkerStarter(msgspec.Struct, kw_only=True):
    """The shared resources of all workers of a run, and the means to start them."""

    order: KeeperOrder
    listener: socket.socket
    log: RunLog
    """The log of workers and of the helper."""
    record: RunRecord
    """What the workers report about requests."""
    transformer_log: RunLog | None = None
    """The log of transformers; created when needed."""
    passing: tuple[socket.socket, socket.socket] = msgspec.field(
        default_factory=socket.socketpair
    )
    """The queue through which workers that end pass idle connections to others."""
    started: int = 0
    reserved: socket.socket | None = None

    @property
    def metrics(self) -> Path:
        """The folder in which workers add up their counts."""
        return Path(self.order.folder) / f"metrics-{self.order.revision}"

    def grpc_port_of(self, launch: Launch) -> int | None:
        """Return the gRPC port of *launch*; None if it does not serve gRPC.

        The keeper binds the port but never listens on it, so it stays reserved while
        workers come and go.
        """
        if launch.api_protocol != "GRPC":
            return None
        if self.reserved is None:
            self.reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.reserved.bind(("127.0.0.1", 0))
        port: int = self.reserved.getsockname()[1]
        return port

    @property
    def patience(self) -> Patience:
        """The timeouts and the restart policy."""
        return self.order.patience

    def start(self, launch: Launch, index: int, now: float) -> WorkerProcess:
        """Start worker number *index* of *launch*."""
        self.started += 1
        marker = f"{self.order.revision}-{self.started}"
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - the method's
        listen_fd = self.listener.fileno()
        give, take = self.passing
        passing_fds = give.fileno(), take.fileno()
        is_logged = launch.logging is not None
        home = self.home_of(marker)
        (home / _WORK).mkdir(mode=0o700, parents=True)
        handover = Handover(
            launch=msgspec.structs.replace(
                launch, artifact_files_path=str(home / _ARTIFACT)
            ),
            sealed_artifact=launch.artifact_files_path,
            listen_fd=listen_fd,
            keeper_fd=theirs.fileno(),
            passing_fds=passing_fds,
            grpc_port=self.grpc_port_of(launch),
            spool_path=self.order.spool_path if is_logged else None,
            transformer_log_fd=self._transformer_fd(launch),
        )
        self.metrics.mkdir(mode=0o700, exist_ok=True)
        path = self.handover_path(marker)
        write_whole(path, handover)
        marks = {WORKER_VARIABLE: marker, METRICS_VARIABLE: str(self.metrics)}
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own module
                worker_command(path),
                env=worker_environment(os.environ, handover.launch, marks),
                cwd=home / _WORK,
                stdin=subprocess.DEVNULL,
                stdout=self.log.writing,
                stderr=self.log.writing,
                pass_fds=handover.inherited,
                start_new_session=True,
            )
        confine(process.pid, launch_limits(launch), index)
        return WorkerProcess(process, ours, marker, now, self.record.take)

    def clean_up_after(self, worker: WorkerProcess) -> None:
        """Clean up after a worker that has ended."""
        worker.close()
        self.handover_path(worker.marker).unlink(missing_ok=True)
        for path in self.metrics.glob(f"gauge_live*_{worker.pid}.db"):
            path.unlink(missing_ok=True)
        kill_marked(WORKER_VARIABLE, worker.marker)
        with suppress(OSError):
            delete_folder(self.home_of(worker.marker))

    def take_logs(self) -> None:
        """Write all output received so far to the log files."""
        self.log.take()
        if self.transformer_log is not None:
            self.transformer_log.take()

    def _transformer_fd(self, launch: Launch) -> int | None:
        if launch.transformer_script is None:
            return None
        if self.transformer_log is None:
            self.transformer_log = RunLog(Path(self.order.transformer_log_path))
        return self.transformer_log.writing

    def clear(self) -> None:
        """Delete the files that are not needed after the end."""
        shutil.rmtree(self.metrics, ignore_errors=True)

    def home_of(self, marker: str) -> Path:
        """Return the folder that a worker may write to, deleted when the worker ends.

        It contains the worker's working folder and its copy of the artifact. The
        records of the run are outside of it: only the keeper writes them.
        """
        return Path(self.order.folder) / f"worker-{marker}"

    def handover_path(self, marker: str) -> Path:
        """Return the path of a worker's handover file."""
        return Path(self.order.folder) / f"worker-{marker}.json"


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
