"""The orders to a keeper, and the socket over which it is asked to change versions.

A keeper gets its first order in a file. After that, any process of the user may connect
to its control socket and ask for another version.
"""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from hopsartifacts.serving.contract import Launch

LENGTH_BYTES = 8
"""Size of the length prefix of the encoded helper, which follows the go byte."""

_MOST_DOUBLINGS = 32
_PATH_BYTES = 100
"""No system accepts longer paths for a socket."""
_SHORT_FOLDER = "/tmp"  # noqa: S108 - a new folder is made in it
_BLOCK_BYTES = 64 * 1024
_MOST_HELD = 64
_MARGIN_S = 60.0
"""How much longer than ``await_running_s`` the reply of a keeper may take."""


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
    input: bytes = b""
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
    traffic_path: str
    """The file in which requests are counted."""
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


def listen(path: Path) -> socket.socket:
    """Return a listening socket at *path*, to which only this user can connect."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(path) as address:
        listener.bind(address)
    # Safe, since the folder is private; setting the umask would affect all threads.
    path.chmod(0o600)
    listener.listen(16)
    listener.setblocking(False)  # noqa: FBT003 - the method's
    return listener


def ask(path: Path, update: Update) -> Reply:
    """Send *update* and return the reply.

    Raises:
        OSError: no keeper listens, or the keeper ended or hangs.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(update.await_running_s + _MARGIN_S)
        with _short(path) as address:
            channel.connect(address)
        # The first byte carries the file descriptors.
        socket.send_fds(channel, [b" "], update.launch.held)
        channel.sendall(msgspec.json.encode(update) + b"\n")
        with channel.makefile("rb") as answer:
            line = answer.readline()
    if not line:
        raise ConnectionResetError("the keeper of the deployment ended")
    return msgspec.json.decode(line, type=Reply)


class Conversation:
    """The keeper's side of a connection with one update request."""

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)  # noqa: FBT003 - the method's
        self.channel = channel
        self._data = bytearray()
        self._held: list[int] = []
        self._is_read = False

    def read(self, on_update: Callable[["Conversation", Update], object]) -> bool:
        """Receive data; call *on_update* on a complete update; False at the end."""
        try:
            data, held, _, _ = socket.recv_fds(self.channel, _BLOCK_BYTES, _MOST_HELD)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._held += held
        self._data += data
        if not self._is_read and self._data.endswith(b"\n"):
            self._is_read = True
            try:
                update = msgspec.json.decode(self._data, type=Update)
            except msgspec.MsgspecError as error:
                self.reply(f"it was not understood: {error}")
                return False
            launch = msgspec.structs.replace(update.launch, held=tuple(self._held))
            on_update(self, msgspec.structs.replace(update, launch=launch))
        return bool(data)

    def reply(self, reason: str | None, *, is_busy: bool = False) -> None:
        """Send the reply, if the other side still waits for it."""
        reply = Reply(reason=reason, is_busy=is_busy)
        with suppress(OSError):
            self.channel.sendall(msgspec.json.encode(reply) + b"\n")

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name for *path* that is short enough for a socket."""
    if len(os.fsencode(path)) <= _PATH_BYTES:
        yield str(path)
        return
    room = _PATH_BYTES - len(os.fsencode(path.name)) - len("/hops-12345678/run/")
    usual = tempfile.gettempdir()
    place = usual if len(os.fsencode(usual)) <= room else _SHORT_FOLDER
    with tempfile.TemporaryDirectory(prefix="hops-", dir=place) as folder:
        link = Path(folder) / "run"
        link.symlink_to(path.parent)
        yield str(link / path.name)
