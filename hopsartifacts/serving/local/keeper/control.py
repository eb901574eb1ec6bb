"""The socket over which any process of the user asks a keeper to change versions."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from hopsartifacts.serving.local.keeper.orders import Reply, Update

_PATH_BYTES = 100
"""No system accepts longer paths for a socket."""
_SHORT_FOLDER = "/tmp"  # noqa: S108 - a new folder is made in it
_BLOCK_BYTES = 64 * 1024
_MOST_HELD = 64
_MARGIN_S = 60.0
"""How much longer than ``await_running_s`` the reply of a keeper may take."""


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
