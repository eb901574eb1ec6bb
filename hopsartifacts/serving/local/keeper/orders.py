"""The messages to a keeper: its order at the start, and updates over its socket."""

from pathlib import Path

import msgspec

from hopsartifacts.serving.contract import Launch

LENGTH_BYTES = 8
"""Size of the length prefix of the encoded helper, which follows the go byte."""

_MOST_DOUBLINGS = 32


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """The timeouts of a keeper, and its policy for restarts."""

    failures: int = 5
    """After this many ends of a worker in a row the deployment has failed."""
    backoff_s: float = 0.25
    """The delay of the first restart; each further delay is twice as long."""
    steady_s: float = 10.0
    """A worker that served for this time is not part of a row of failures."""
    hang_s: float = 30.0
    """An event loop that does not respond for this time counts as hanging."""
    ping_s: float = 1.0

    def pause_s(self, ends: int, longest_s: float) -> float:
        """Return the back-off before a restart after this many ends in a row."""
        # The exponent is limited, since a larger power would overflow a float.
        return min(self.backoff_s * 2.0 ** min(ends - 1, _MOST_DOUBLINGS), longest_s)


class Helper(msgspec.Struct, frozen=True, kw_only=True):
    """A process that runs beside the workers and is ended after them.

    It ends when its standard input ends. The input may be secret: it is kept in memory,
    and sent only through pipes and sockets of this user.
    """

    command: tuple[str, ...]
    told: bytes = b""
    """The bytes to write to its standard input, which then stays open."""


class KeeperOrder(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a keeper, in the file named on its command line.

    The two descriptors are inherited. Nothing is started until a byte arrives on
    ``go_fd``, which the back end sends after recording the keeper, so that there are no
    unrecorded processes. The byte is followed by the helper, if there is one.
    """

    launch: Launch
    revision: str
    folder: str
    """The folder of the files of the run."""
    report_path: str
    control_path: str
    log_path: str
    transformer_log_path: str
    spool_path: str
    listen_fd: int
    go_fd: int
    parent_pid: int | None = None
    """The process whose end also ends the deployment; None if it is detached."""
    patience: Patience = Patience()


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A request to move to another version.

    The descriptors in ``launch.held`` are sent with it, in the same order.
    """

    launch: Launch
    await_running_s: float
    helper: Helper | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to an update."""

    reason: str | None = None
    """Why the version did not take over; None if it did or is starting."""
    is_busy: bool = False
    """Whether it was refused because another update is in progress."""


def read_order(path: Path) -> KeeperOrder:
    """Return the order that the back end wrote."""
    return msgspec.json.decode(path.read_bytes(), type=KeeperOrder)
