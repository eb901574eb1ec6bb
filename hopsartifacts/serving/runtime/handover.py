"""The data that the keeper passes to a new worker, and their messages."""

from pathlib import Path
from typing import Literal

import msgspec

from hopsartifacts.serving.contract import ConditionType, Launch

Order = Literal["serve", "drain", "pass", "ping"]
"""A request of the keeper, one per line. ``serve``: accept connections. ``drain``:
answer what still arrives on open connections, and end. ``pass``: the same, and pass
idle connections to other workers. ``ping``: confirm that the event loop runs."""


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
    passing_fds: tuple[int, int]
    """The two ends of the queue of idle connections: to give and to take."""
    grpc_port: int | None = None
    """The gRPC port, which all workers serve; None if gRPC is not served."""
    spool_path: str | None = None
    """The folder in which logged exchanges wait; None if nothing is logged."""
    transformer_log_fd: int | None = None
    """Where the transformer's output goes; None if there is no transformer."""

    @property
    def inherited(self) -> tuple[int, ...]:
        """All file descriptors that the worker inherits."""
        log = () if self.transformer_log_fd is None else (self.transformer_log_fd,)
        held = self.launch.held
        return (self.listen_fd, self.keeper_fd, *self.passing_fds, *log, *held)


class Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message from a worker about itself: a line of JSON."""

    kind: Literal["starting", "loaded", "serving", "failed", "alive", "leaving"]
    step: ConditionType = "READY"
    reason: str = ""
    requests: int = 0
    """How many requests were answered so far."""
    is_busy: bool = False
    """Whether requests are in progress."""


def read_handover(path: Path) -> Handover:
    """Return the handover that the keeper wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Handover)
