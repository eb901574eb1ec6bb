"""What the keeper hands to a worker it starts, and what the two say to each other."""

from pathlib import Path
from typing import Literal

import msgspec

from hopsartifacts.serving.contract import ConditionType, Launch

Order = Literal["serve", "drain", "pass", "ping"]
"""What a keeper asks for, a line each: accept connections; answer what still comes and
end; the same, and pass quiet connections to others; say that the event loop turns."""


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker is told, in the file named on its command line.

    The descriptors are inherited. When the other end of ``keeper_fd`` is closed
    the keeper is gone, and the worker ends.
    """

    launch: Launch
    """Its ``artifact_files_path`` is a folder of the worker's own, to be filled."""
    sealed_artifact: str
    """The folder from which it is filled."""
    listen_fd: int
    keeper_fd: int
    passing_fds: tuple[int, int]
    """The ends of the queue of quiet connections: to give, and to take them."""
    grpc_port: int | None = None
    """Where gRPC is served, by all workers; None where it is not."""
    spool_path: str | None = None
    """The folder in which logged exchanges wait; None where nothing is logged."""
    transformer_log_fd: int | None = None
    """Where the transformer's words go; None where there is no transformer."""

    @property
    def inherited(self) -> tuple[int, ...]:
        """All descriptors that the worker inherits."""
        log = () if self.transformer_log_fd is None else (self.transformer_log_fd,)
        held = self.launch.held
        return (self.listen_fd, self.keeper_fd, *self.passing_fds, *log, *held)


class Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker says of itself: a line of JSON."""

    kind: Literal["starting", "loaded", "serving", "failed", "alive", "leaving"]
    step: ConditionType = "READY"
    reason: str = ""
    requests: int = 0
    """How many were answered so far."""
    is_busy: bool = False
    """Whether requests are under way."""


def read_handover(path: Path) -> Handover:
    """Read what the keeper wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Handover)
