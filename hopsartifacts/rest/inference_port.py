"""The inference port, which stays the same after every start.

Clients ask for it once, when they log in, and send their API key to it with every
prediction. So it must not change while they are logged in. It is stored in the server's
own folder.
"""

import hashlib
import re
import socket
from contextlib import suppress
from pathlib import Path

from hopsartifacts.errors import FormatError, PortTakenError, StorageError
from hopsartifacts.rest.front.port import listen_at
from hopsartifacts.rest.listener import LARGEST_PORT
from hopsartifacts.rest.own_folder import write_private

FILE = "inference-port"
_FIRST, _PORTS = 10_000, 20_000
"""Range of the first choice: systems give no port below 30,000 to clients."""
_CHOICES = 20
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")


def inference_listener(
    folder: Path, host: str, wanted: int | None, url: str
) -> socket.socket:
    """Listen on the inference port and remember it for the next start.

    Args:
        folder: the server's own folder.
        host: address to listen on.
        wanted: the port; None for that of the last start, 0 for a free one.
        url: the project's URL, from which the port of the first start is derived.

    Raises:
        PortTakenError: the port is in use.
        FormatError: the remembered port cannot be read.
        StorageError: the port cannot be stored.
    """
    remembered = _remembered(folder / FILE)
    if wanted is not None:
        listener = listen_at(host, wanted)
    elif remembered is not None:
        listener = _again(host, remembered)
    else:
        listener = _first(host, url)
    port = listener.getsockname()[1]
    if port != remembered:
        try:
            write_private(folder / FILE, b"%d\n" % port)
        except StorageError:
            listener.close()
            raise
    return listener


def _again(host: str, port: int) -> socket.socket:
    try:
        return listen_at(host, port)
    except PortTakenError as error:
        reason = getattr(error.__cause__, "strerror", None) or error
        raise PortTakenError(
            f"{host}:{port} was the inference port until now, and cannot be had "
            f"({reason}). Clients that are logged in send their predictions there, "
            "with their API keys. Stop what listens there; or give another port with "
            "--inference-port (0 takes a free one), and have clients log in again. If "
            "you do not know what listens there, also revoke the keys that were used "
            "meanwhile"
        ) from error


def _first(host: str, url: str) -> socket.socket:
    digest = hashlib.sha256(url.encode()).digest()
    start = int.from_bytes(digest[:4])
    for step in range(_CHOICES):
        with suppress(PortTakenError):
            return listen_at(host, _FIRST + (start + step) % _PORTS)
    return listen_at(host, 0)


def _remembered(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"cannot read {str(path)!r}: {error.strerror}") from error
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST_PORT:
        raise FormatError(
            f"{str(path)!r} is damaged: it holds {text[:20]!r}, not the number of the "
            "inference port. Write that into it; or delete it, and have clients log in "
            "again"
        )
    return int(text)
