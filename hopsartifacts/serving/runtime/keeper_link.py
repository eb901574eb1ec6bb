"""The link of a worker to its keeper: its handover, their messages, its connection."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from hopsartifacts.serving.contract import ConditionType, LastError, Launch
from hopsartifacts.serving.traffic import Counts

Order = Literal["serve", "leave", "drain", "pass", "ping"]
"""A request of the keeper, one per line. ``serve``: accept connections. ``leave``: go
on, but report that the server is not ready, and close connections after their next
answer. ``drain``: answer what still arrives on open connections, and end. ``pass``: the
same, and pass idle connections to other workers. ``ping``: confirm that the event loop
runs."""


GRACE_S = 5
"""How many seconds requests in progress may take after SIGTERM."""
DRAIN_S = 300.0
"""How many seconds requests in progress may take when a worker is drained."""


class PredictorAddress(msgspec.Struct, frozen=True, kw_only=True):
    """The server of a predictor that runs in another place than its transformer."""

    host: str
    port: int
    model: str
    """The name of the model there."""
    is_ours: bool = True
    """Whether it is a server of this package. Others are asked with V1 only."""
    answer_s: float = 300.0
    """How many seconds an answer may take."""


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a worker, in the file named on its command line.

    The file descriptors are inherited. If the other end of ``keeper_fd`` is closed, the
    keeper is gone, and the worker ends.
    """

    launch: Launch
    """Its ``artifact_files_path`` is the worker's own folder, still to be filled."""
    sealed_artifact: str
    """The folder to copy the artifact from."""
    listen_fd: int
    keeper_fd: int
    passing_fds: tuple[int, int] | None = None
    """The two ends of the queue of idle connections: to give and to take. None if no
    other worker shares ``listen_fd``: this one then closes it when it is drained."""
    host: str = "127.0.0.1"
    """The address at which gRPC is served."""
    grpc_port: int | None = None
    """The gRPC port, which all workers serve; None if gRPC is not served."""
    drain_s: float = DRAIN_S
    """How many seconds requests in progress may take when the worker is drained."""
    predictor: PredictorAddress | None = None
    """Where the predictor runs, if this worker runs the transformer alone."""
    spool_path: str | None = None
    """The folder in which logged exchanges wait; None if nothing is logged."""
    transformer_log_fd: int | None = None
    """The log for the transformer's output; None if there is no transformer."""

    @property
    def inherited(self) -> tuple[int, ...]:
        """All file descriptors that the worker inherits."""
        log = () if self.transformer_log_fd is None else (self.transformer_log_fd,)
        held = self.launch.held
        passing = self.passing_fds or ()
        return (self.listen_fd, self.keeper_fd, *passing, *log, *held)


class WorkerMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message from a worker about itself: a line of JSON."""

    kind: Literal[
        "starting", "loaded", "serving", "failed", "alive", "leaving", "ended"
    ]
    step: ConditionType = "READY"
    reason: str = ""
    requests: int = 0
    """How many requests were answered so far."""
    is_busy: bool = False
    """Whether requests are in progress."""
    counts: Counts = Counts()
    """Counts of the requests that were answered since the message before."""
    error: LastError | None = None
    """The last error since the message before; None if there was none."""


class News(Protocol):
    """What a worker has to say besides the progress of its start."""

    def take(self) -> tuple[Counts, LastError | None]:
        """Return what happened since the last call."""
        ...


class _NoNews:
    def take(self) -> tuple[Counts, LastError | None]:
        return Counts(), None


def read_handover(path: Path) -> Handover:
    """Return the handover that the keeper wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Handover)


class KeeperLink:
    """Sends messages to the keeper and receives its orders; silent after ``failed``."""

    def __init__(self, keeper_fd: int) -> None:
        self._keeper = socket.socket(fileno=keeper_fd)
        # Otherwise child processes of scripts would keep the connection open.
        self._keeper.set_inheritable(False)
        self._is_final = False
        # Reentrant: a signal handler may report while the same thread reports.
        self._lock = threading.RLock()
        self.news: News = _NoNews()
        self.on_order: Callable[[str], object] = _ignore
        """Called with each order, in a separate thread."""

    def listen(self, on_end: Callable[[], object]) -> None:
        """Receive orders from now on; call *on_end* when the keeper is gone."""
        threading.Thread(
            target=self._listen, args=(on_end,), name="keeper", daemon=True
        ).start()

    def starting(self, step: ConditionType, reason: str) -> None:
        """Report that a step of the start is done."""
        self._send(WorkerMessage(kind="starting", step=step, reason=reason))

    def loaded(self) -> None:
        """Report that the worker is ready to answer requests."""
        self._send(WorkerMessage(kind="loaded"))

    def serving(self) -> None:
        """Report that connections are accepted."""
        self._send(WorkerMessage(kind="serving"))

    def leaving(self) -> None:
        """Report that connections are no longer accepted."""
        self._send(WorkerMessage(kind="leaving"))

    def alive(self, requests: int, *, is_busy: bool) -> None:
        """Report that the event loop runs, with the number of requests so far."""
        counts, error = self.news.take()
        self._send(
            WorkerMessage(
                kind="alive",
                requests=requests,
                is_busy=is_busy,
                counts=counts,
                error=error,
            )
        )

    def ended(self) -> None:
        """Report that no more requests will be answered."""
        counts, error = self.news.take()
        self._send(WorkerMessage(kind="ended", counts=counts, error=error))

    def failed(
        self, step: ConditionType, reason: str, error: LastError | None = None
    ) -> None:
        """Report the step that failed, and the error."""
        message = WorkerMessage(kind="failed", step=step, reason=reason, error=error)
        self._send(message, is_final=True)

    def _send(self, message: WorkerMessage, *, is_final: bool = False) -> None:
        with self._lock:
            if not self._is_final:
                self._is_final = is_final
                # The listening thread notices if the keeper is gone.
                with suppress(OSError):
                    self._keeper.sendall(msgspec.json.encode(message) + b"\n")

    def _listen(self, on_end: Callable[[], object]) -> None:
        with suppress(OSError), self._keeper.makefile("r") as lines:
            for line in lines:
                self.on_order(line.strip())
        on_end()


def _ignore(_: str) -> None:
    pass
