"""Opening and closing of the inference port."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib.util import find_spec
from typing import Any

from starlette.types import ASGIApp

from hopsartifacts.errors import PortTakenError
from hopsartifacts.rest.application import app_of
from hopsartifacts.rest.connections import Room, open_doors
from hopsartifacts.rest.front.http_proxy import operations
from hopsartifacts.rest.front.switch import Address, Pipes, TakeOver, switch
from hopsartifacts.rest.front.upstreams import Upstreams
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.listener import BACKLOG
from hopsartifacts.serving.http_server import HttpServer

GRACE_S = 10
"""How long requests in progress may take to finish when the port is closed."""

_KEEP_ALIVE_S = 75
_LOGGER = logging.getLogger(__name__)


@asynccontextmanager
async def front(
    hosted: Hosted, listener: socket.socket, room: Room
) -> AsyncIterator[Address]:
    """Serve the project's deployments on the inference port within the block.

    Args:
        hosted: the project, and its API keys.
        listener: socket for clients, who send their keys to it without encryption.
        room: limits the number of connections on this and other ports.

    Yields:
        The address and port that it listens on.
    """
    with listener:
        async with AsyncExitStack() as stack:
            lines = Upstreams(hosted.project.get_model_serving())
            stack.push_async_callback(lines.close)
            take_over = await _grpc(hosted, lines, stack)
            app = app_of(hosted, operations(lines))
            server = _Server(app, switch(take_over), room)
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
        self, app: ASGIApp, connection: type[asyncio.Protocol], room: Room
    ) -> None:
        super().__init__(app, connection, keep_alive_s=_KEEP_ALIVE_S, grace_s=GRACE_S)
        self._room = room
        self.is_open = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and set ``is_open``."""
        await super().startup([])
        open_doors(self, sockets or (), self._room)
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
