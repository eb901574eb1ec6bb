"""What a keeper is told when it starts, and later over its socket."""

from pathlib import Path

import msgspec

from hopsartifacts.serving.contract import Launch

LENGTH_BYTES = 8
"""Of the number of bytes that the helper takes, behind the byte that says go."""

_MOST_DOUBLINGS = 32


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a keeper bears what."""

    failures: int = 5
    """After so many ends of a worker in a row the deployment has failed."""
    backoff_s: float = 0.25
    """How long the first restart waits; each further one twice as long."""
    steady_s: float = 10.0
    """A worker that served so long did not fail in a row."""
    hang_s: float = 30.0
    """An event loop that does not turn for so long hangs."""
    ping_s: float = 1.0

    def pause_s(self, ends: int, longest_s: float) -> float:
        """Return how long to wait before what ended so often in a row starts again."""
        # However often that is: a power too large for a float is no pause.
        return min(self.backoff_s * 2.0 ** min(ends - 1, _MOST_DOUBLINGS), longest_s)


class Helper(msgspec.Struct, frozen=True, kw_only=True):
    """A process beside the workers, ended after them.

    It ends when its standard input does. What it is told may be secret: it is kept in
    memory, and travels through pipes and sockets of this user.
    """

    command: tuple[str, ...]
    told: bytes = b""
    """Written to its standard input, which stays open."""


class KeeperOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a keeper is told, in the file named on its command line.

    The two descriptors are inherited. Nothing is started before a byte came from
    ``go_fd``: by then the back end has recorded the keeper, so that no process can be
    alive that nobody knows of. Behind the byte comes the helper, if there is one.
    """

    launch: Launch
    revision: str
    folder: str
    """Where the files of the run are."""
    report_path: str
    control_path: str
    log_path: str
    transformer_log_path: str
    spool_path: str
    listen_fd: int
    go_fd: int
    parent_pid: int | None = None
    """The process whose end also ends the deployment; None when detached."""
    patience: Patience = Patience()


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """The wish that another version takes over.

    The descriptors in ``launch.held`` travel beside it, in this order.
    """

    launch: Launch
    await_running_s: float
    helper: Helper | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an update."""

    reason: str | None = None
    """Why it did not take over; None when it did, or is on its way."""
    is_busy: bool = False
    """It was not tried, since another move is under way."""


def read_order(path: Path) -> KeeperOrder:
    """Read what the back end wrote."""
    return msgspec.json.decode(path.read_bytes(), type=KeeperOrder)
