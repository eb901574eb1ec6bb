"""One port for HTTP/1.1 and gRPC, distinguished by a connection's first bytes."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hopsartifacts.rest import connections
from hopsartifacts.rest.connections import ClientProtocol, Connection

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""The bytes that start an HTTP/2 connection, and no HTTP/1.1 request."""

Address = tuple[str, int]
TakeOver = Callable[[asyncio.Transport, bytes], "Near"]
"""Takes a connection and its first bytes; returns the protocol that continues."""


class Switch(asyncio.Protocol):
    """A connection whose protocol is not known yet; see ``connections.ClientProtocol``.

    Attributes:
        grpc: takes HTTP/2 connections over; None closes them. All others are HTTP/1.1.
    """

    grpc: TakeOver | None = None

    def __init__(self, **settings: Any) -> None:
        self._http = Connection(**settings)
        self._protocol: ClientProtocol = self._http
        self._connections = self._http.peers
        self._began = b""
        self._is_refused = False

    @property
    def has_asked(self) -> bool:
        """Whether a request with a valid key, or a complete one, has arrived."""
        return self._protocol.has_asked

    @property
    def idle_since(self) -> float | None:
        """Loop time since which no valid request is in progress; None while one is."""
        return self._protocol.idle_since

    def refuse_requests(self) -> None:
        """Answer every request with 503; close a gRPC connection."""
        self._is_refused = True
        self._http.refuse_requests()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time limit for the first bytes."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a TCP server
        self._transport = transport
        self._connections.add(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(connections.HEAD_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Cancel the time limit."""
        self._connections.discard(self)
        self._timer.cancel()

    def shutdown(self) -> None:
        """Close the connection, as the server stops."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Hand over to the protocol as soon as there are enough bytes to tell it."""
        self._began += data
        is_http2 = self._began.startswith(PREFACE)
        if not is_http2 and PREFACE.startswith(self._began):
            return
        self._connections.discard(self)
        self._timer.cancel()
        if not is_http2:
            self._transport.set_protocol(self._http)
            self._http.connection_made(self._transport)
            self._http.data_received(self._began)
        elif self.grpc is None or self._is_refused:
            self._transport.abort()
        else:
            near = self.grpc(self._transport, self._began)
            self._protocol = near
            self._transport.set_protocol(near)


def switch(grpc: TakeOver | None) -> type[Switch]:
    """Return a class of connections that hands HTTP/2 connections to *grpc*."""
    return type("Switching", (Switch,), {"grpc": grpc and staticmethod(grpc)})


class Pipe(asyncio.Protocol):
    """One end of a pipe: it forwards bytes to its other end, with flow control."""

    def __init__(self, transport: asyncio.Transport | None = None) -> None:
        self.other: Pipe | None = None
        self.transport = transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Write *data* to the other end."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        """Stop reading at the other end, as this one cannot keep up."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Continue reading at the other end."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Close the other end, after the data that is still to be sent."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()
        self.other = None


class Near(Pipe):
    """The pipe's end at the client, which counts its calls.

    It is a ``connections.ClientProtocol``.

    Attributes:
        address: address of the client.
    """

    def __init__(self, client: asyncio.Transport) -> None:
        super().__init__(client)
        self.address: Address = (client.get_extra_info("peername") or ("", 0))[:2]
        self._calls = 0
        self._has_asked = False
        self._loop = asyncio.get_running_loop()
        self._idle_since = self._loop.time()

    @property
    def has_asked(self) -> bool:
        """Whether a call with a valid key has arrived."""
        return self._has_asked

    @property
    def idle_since(self) -> float | None:
        """Loop time since which no valid call is in progress; None while one is."""
        return None if self._calls else self._idle_since

    def refuse_requests(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.abort()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count a call with a valid key as in progress within the block."""
        self._has_asked = True
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._idle_since = self._loop.time()


class Pipes:
    """The gRPC connections, each forwarded to the gRPC server's loopback port.

    Attributes:
        port: port of the gRPC server.
        ends: the client's end, by the local port that each connection comes from.
    """

    def __init__(self) -> None:
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.Transport] = set()
        self.ends: dict[int, Near] = {}

    def take_over(self, client: asyncio.Transport, began: bytes) -> Near:
        """Forward *client*, whose first bytes are *began*, to the gRPC server."""
        near = Near(client)
        self._open.add(client)
        client.pause_reading()
        task = asyncio.ensure_future(self._join(near, client, began))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return near

    def close(self) -> None:
        """Abort all connections."""
        for transport in [*self._open]:
            transport.abort()

    async def _join(self, near: Near, client: asyncio.Transport, began: bytes) -> None:
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
        self.ends[far.port] = near
        near.other, far.other = far, near
        inner.write(began)
        if client.is_closing():
            inner.close()
        else:
            client.resume_reading()

    def _forget(self, port: int, client: asyncio.Transport) -> None:
        self.ends.pop(port, None)
        self._open.discard(client)


class _Far(Pipe):
    """The pipe's end at the gRPC server, whose local port identifies the connection."""

    def __init__(self, forget: Callable[[int, asyncio.Transport], None]) -> None:
        super().__init__()
        self._forget = forget
        self.port = 0
        self.client: asyncio.Transport | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from ``Pipes``, and close the other end."""
        if self.client is not None:
            self._forget(self.port, self.client)
        super().connection_lost(exc)
