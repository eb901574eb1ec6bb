"""One port for HTTP/1.1 and gRPC: a connection's first bytes say which it speaks."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What HTTP/2 begins with, and nothing else does."""

FIRST_BYTES_S = 20.0
"""The longest that a connection takes to say its first request's headers."""

Address = tuple[str, int]
TakeOver = Callable[[asyncio.Transport, bytes], asyncio.Protocol]
"""Given a connection and what it said so far; returns who goes on with it."""


class Switch(asyncio.Protocol):
    """A connection of which nobody knows yet what it speaks; for uvicorn.

    Attributes:
        grpc: takes over what begins as HTTP/2; None hangs up. All else is taken over
            by uvicorn's own protocol.
    """

    grpc: TakeOver | None = None

    def __init__(self, config: Config, server_state: ServerState, **rest: Any) -> None:
        self._http = HttpToolsProtocol(config, server_state, **rest)
        self._connections: set[Any] = server_state.connections
        self._limit = config.limit_concurrency
        self._began = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first bytes, not for ever."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a TCP server
        self._transport = transport
        # asyncio does it only where the listening socket was made with its protocol.
        own: socket.socket = transport.get_extra_info("socket")
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._limit is not None and len(self._connections) >= self._limit:
            transport.abort()
            return
        self._connections.add(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(FIRST_BYTES_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Forget it."""
        if self in self._connections:
            self._connections.discard(self)
            self._timer.cancel()

    def shutdown(self) -> None:
        """End, since the server does."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Hand over as soon as it is clear to whom."""
        self._began += data
        is_http2 = self._began.startswith(PREFACE)
        if not is_http2 and PREFACE.startswith(self._began):
            return
        self._connections.discard(self)
        self._timer.cancel()
        if not is_http2:
            self._begin_http()
        elif self.grpc is None:
            self._transport.abort()
        else:
            self._transport.set_protocol(self.grpc(self._transport, self._began))

    def _begin_http(self) -> None:
        http, transport = self._http, self._transport
        transport.set_protocol(http)
        http.connection_made(transport)
        http.data_received(self._began)
        asyncio.get_running_loop().call_later(FIRST_BYTES_S, _end_if_unasked, http)


def _end_if_unasked(http: HttpToolsProtocol) -> None:
    has_asked: bool = http.cycle is not None
    if not has_asked:
        http.transport.abort()


def switch(grpc: TakeOver | None) -> type[Switch]:
    """Return the class of connections whose HTTP/2 is taken over by *grpc*."""
    return type("Connection", (Switch,), {"grpc": grpc and staticmethod(grpc)})


class Pipe(asyncio.Protocol):
    """One end of a connection whose other end gets every byte, at its own pace."""

    def __init__(self, transport: asyncio.Transport | None = None) -> None:
        self.other: Pipe | None = None
        self.transport = transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where the bytes go."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Give it to the other end."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        """Have the other end read no more: this one does not keep up."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Have it go on."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """End the other one, behind what it still has to send."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()
        self.other = None


class Pipes:
    """The connections led on to a port of this machine, and whose they are.

    Args:
        most: so many at once; more are hung up on.

    Attributes:
        port: where they are led on to.
        peers: where a connection comes from in truth, by its port on this machine.
    """

    def __init__(self, most: int) -> None:
        self.port = 0
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.Transport] = set()
        self.peers: dict[int, Address] = {}

    def take_over(self, client: asyncio.Transport, began: bytes) -> asyncio.Protocol:
        """Lead *client*, which said *began*, on to the port."""
        near = Pipe(client)
        if len(self._open) >= self._most:
            client.abort()
            return near
        self._open.add(client)
        client.pause_reading()
        task = asyncio.ensure_future(self._join(near, client, began))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return near

    def close(self) -> None:
        """End all of them."""
        for transport in [*self._open]:
            transport.abort()

    async def _join(self, near: Pipe, client: asyncio.Transport, began: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            inner, far = await loop.create_connection(
                lambda: _Far(self._forget), "127.0.0.1", self.port
            )
        except OSError:
            self._open.discard(client)
            client.abort()
            return
        far.port = inner.get_extra_info("sockname")[1]
        far.client = client
        self.peers[far.port] = client.get_extra_info("peername")[:2]
        near.other, far.other = far, near
        inner.write(began)
        if client.is_closing():
            inner.close()
        else:
            client.resume_reading()

    def _forget(self, port: int, client: asyncio.Transport) -> None:
        self.peers.pop(port, None)
        self._open.discard(client)


class _Far(Pipe):
    """The end at the port, by which the connection is known."""

    def __init__(self, forget: Callable[[int, asyncio.Transport], None]) -> None:
        super().__init__()
        self._forget = forget
        self.port = 0
        self.client: asyncio.Transport | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody asks for it any more."""
        if self.client is not None:
            self._forget(self.port, self.client)
        super().connection_lost(exc)
