"""The inference port: its number, which stays the same, and its opening and closing.

Clients ask for the number once, when they log in, and send their API key to that port
with every prediction. So it must not change while they are logged in. It is stored in
the server's own folder.
"""

import asyncio
import hashlib
import logging
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from hopsartifacts.errors import FormatError, PortTakenError, StorageError
from hopsartifacts.rest.application import app_of
from hopsartifacts.rest.connections import ConnectionLimit, accept_from
from hopsartifacts.rest.front.http_proxy import operations
from hopsartifacts.rest.front.switch import Address, Pipes, TakeOver, switch
from hopsartifacts.rest.front.upstreams import Upstreams
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.listener import BACKLOG, LARGEST_PORT
from hopsartifacts.rest.own_folder import write_private
from hopsartifacts.serving.http_server import HttpServer

GRACE_S = 10
"""How long requests in progress may take to finish when the port is closed."""

_KEEP_ALIVE_S = 75
_LOGGER = logging.getLogger(__name__)
FILE = "inference-port"
_FIRST, _PORTS = 10_000, 20_000
"""Range of the first choice: systems give no port below 30,000 to clients."""
_CHOICES = 20
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")


@asynccontextmanager
async def front(
    hosted: Hosted, listener: socket.socket, limit: ConnectionLimit
) -> AsyncIterator[Address]:
    """Serve the project's deployments on the inference port within the block.

    Args:
        hosted: the project, and its API keys.
        listener: socket for clients, who send their keys to it without encryption.
        limit: limits the number of connections on this and other ports.

    Yields:
        The address and port that it listens on.
    """
    with listener:
        async with AsyncExitStack() as stack:
            lines = Upstreams(hosted.project.get_model_serving())
            stack.push_async_callback(lines.close)
            take_over = await _grpc(hosted, lines, stack)
            app = app_of(hosted, operations(lines))
            server = _Server(app, switch(take_over), limit)
            serving = asyncio.ensure_future(server.serve(sockets=[listener]))
            stack.push_async_callback(_end, server, serving)
            await server.is_open.wait()
            bound_host, bound_port, *_ = listener.getsockname()
            yield bound_host, bound_port


class _Server(HttpServer):
    """A server that does not handle signals.

    Attributes:
        is_open: set when it accepts connections.
    """

    def __init__(
        self, app: ASGIApp, connection: type[asyncio.Protocol], limit: ConnectionLimit
    ) -> None:
        super().__init__(app, connection, keep_alive_s=_KEEP_ALIVE_S, grace_s=GRACE_S)
        self._limit = limit
        self.is_open = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and set ``is_open``."""
        await super().startup([])
        accept_from(self, sockets or (), self._limit)
        self.is_open.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signal handling to the caller."""
        yield


async def _end(server: _Server, serving: asyncio.Future[None]) -> None:
    server.should_exit = True
    await serving


async def _grpc(
    hosted: Hosted, lines: Upstreams, stack: AsyncExitStack
) -> TakeOver | None:
    """Start the gRPC server; return None, and log why, if gRPC is not installed."""
    if find_spec("grpc") is None or find_spec("google.protobuf") is None:
        _LOGGER.warning(
            "the inference port answers HTTP only: gRPC needs grpcio and protobuf; "
            'run: pip install "hopsartifacts[grpc]"'
        )
        return None
    from hopsartifacts.rest.front.grpc_front import start_grpc  # noqa: PLC0415 - optional

    pipes = Pipes()
    server, pipes.port = await start_grpc(hosted, lines, pipes.ends)

    async def stop(*_: Any) -> None:
        await server.stop(GRACE_S)
        pipes.close()

    stack.push_async_callback(stop)
    return pipes.take_over


def listen_at(host: str, port: int) -> socket.socket:
    """Return a socket that listens on *host*; port 0 takes a free one.

    Raises:
        PortTakenError: the port cannot be opened.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortTakenError(
            f"cannot listen on {host}:{port} for inference: {error.strerror}; choose "
            "another port with --inference-port, or 0 for any"
        ) from error


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
            f"{host}:{port} was the inference port until now, and cannot be used "
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
            f"{str(path)!r} is damaged: it contains {text[:20]!r}, not the number of "
            "the inference port. Write that into it; or delete it, and have "
            "clients log in again"
        )
    return int(text)
