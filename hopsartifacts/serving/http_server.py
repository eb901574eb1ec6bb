"""The HTTP server of every port: uvicorn, and what uvicorn does not offer.

This is the only module that imports uvicorn and uses its internals, which no other
package documents. Upper bounds in ``pyproject.toml`` and ``make newest`` belong to it.
The servers of deployments and the project's server are built on its two classes.
"""

import asyncio
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

import httptools
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

_CLOSE = (b"connection", b"close")
_CONNECT = b"CONNECT"
_DROPPED = frozenset({b"upgrade", b"http2-settings"})
"""Headers that ask for another protocol; ``Connection`` may name them, too."""


class HttpConnection(HttpToolsProtocol):
    """A connection with HTTP/1.1, which ignores offers of another protocol.

    A client may offer another protocol with any request (``Upgrade: h2c``, as Java's
    client does). A server that does not accept the offer answers as if it had not been
    made (RFC 9110, 7.8). The parser cannot do that: it stops after the headers of such
    a request, as if the body were in the other protocol. So the headers are passed to a
    new parser without the offer, followed by the body.

    Subclasses may extend the methods of ``asyncio.Protocol``, and ``head_began``,
    ``head_ended``, ``request_began``, ``request_ended`` and ``answer_ended``.

    Attributes:
        loop: the event loop.
        transport: the transport; None until the connection is made.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._make_parser()

    def data_received(self, data: bytes) -> None:
        """Parse the received data."""
        self._unset_keepalive_if_required()
        try:
            while data:
                data = self._parse(data)
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def head_began(self) -> None:
        """Do nothing; called when the first line of a request begins to arrive."""

    def head_ended(self) -> None:
        """Do nothing; called when all headers of a request have arrived."""

    def request_began(self, scope: dict[str, Any]) -> None:
        """Do nothing; called with the ASGI scope of each request, after its headers."""

    def request_ended(self) -> None:
        """Do nothing; called when a request has arrived completely."""

    def answer_ended(self) -> None:
        """Do nothing; called when a request is answered completely."""

    @property
    def peers(self) -> set[Any]:
        """The open connections of the same server, which the server shuts down."""
        return self.connections

    @property
    def has_idle_timer(self) -> bool:
        """Whether the connection is closed if no request comes for some time."""
        return self.timeout_keep_alive_task is not None

    @property
    def head_bytes(self) -> int:
        """The bytes of the URL and the headers that have arrived of a request."""
        lines = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.url) + lines + len(": \r\n") * len(self.headers)

    @property
    def is_answering(self) -> bool:
        """Whether a request is not yet answered completely."""
        cycle = self._cycle
        return cycle is not None and not cycle.response_complete

    @property
    def is_quiet(self) -> bool:
        """Whether no request and no answer is in progress."""
        transport, cycle, scope = self.transport, self._cycle, self._scope
        if transport.is_closing() or transport.get_write_buffer_size():
            return False
        if cycle is None:
            return scope is None
        # Uvicorn makes a new scope when a request begins, and a cycle after its
        # headers. If it was answered before its body was complete, the rest is still
        # to come.
        is_between = cycle.response_complete and cycle.scope is scope
        return is_between and not cycle.more_body and not self.pipeline

    @property
    def may_close(self) -> bool:
        """Whether closing loses nothing: no request arrives or is being answered."""
        cycle = self._cycle
        if cycle is not None and cycle.response_complete and cycle.more_body:
            return True  # the rest of the body is not needed
        return self.is_quiet

    @property
    def _cycle(self) -> RequestResponseCycle | None:
        """The newest request, with its answer; None before the first one."""
        return self.cycle

    @property
    def _scope(self) -> Any:
        """The ASGI scope of the newest request; None before the first one."""
        return self.scope

    def on_message_begin(self) -> None:
        """Begin to parse a request."""
        super().on_message_begin()
        self.head_began()

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the headers are parsed again without an offer."""
        self.head_ended()
        if not self._is_offered():
            before = self._cycle
            super().on_headers_complete()
            if self._cycle is not before:
                self.request_began(self._scope)

    def on_message_complete(self) -> None:
        """Note that the body is complete."""
        if not self._is_offered():
            super().on_message_complete()
            if self._cycle and not self._cycle.more_body:
                self.request_ended()

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        self.answer_ended()
        super().on_response_complete()

    def answer_with(self, app: ASGIApp) -> None:
        """Answer later requests on this connection with *app*.

        In ``head_ended``, that includes the request whose headers have arrived.
        """
        self.app = app

    def refuse_requests(self) -> None:
        """Answer every request on this connection with 503, then close it."""
        self.limit_concurrency = 0

    def _is_offered(self) -> bool:
        """Return whether the headers offer another protocol."""
        parser = self.parser
        return bool(parser.should_upgrade()) and parser.get_method() != _CONNECT

    def _parse(self, data: bytes) -> bytes:
        """Parse *data*; return the bytes to parse next, which are usually none.

        Raises:
            HttpParserError: the data is not HTTP.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._is_offered():
                return b""
            head = self._head_without_offer()
            self._make_parser()
            return head + bytes(data[upgrade.args[0] :])
        return b""

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                words = [word.strip() for word in value.split(b",")]
                kept = [word for word in words if word.lower() not in _DROPPED]
                if kept:
                    lines.append(b"connection: " + b", ".join(kept))
            elif name not in _DROPPED:
                lines.append(name + b": " + value)
        return b"\r\n".join([*lines, b"", b""])

    def _make_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        # The same setting as in uvicorn: bytes after the last request are harmless.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)


class Acceptor(Protocol):
    """Accepts connections for a server."""

    def close(self) -> None:
        """Stop to accept connections."""
        ...

    async def wait_closed(self) -> None:
        """Wait until no connection is being accepted."""
        ...


class HttpServer(uvicorn.Server):
    """A server of one application, without a log of its own.

    Subclasses may extend ``run``, ``startup``, ``shutdown``, ``handle_exit`` (a signal
    came) and ``capture_signals`` (the block in which signals are handled).

    Args:
        app: the application.
        connection: a class of connections: ``HttpConnection``, or one that is called
            with the same arguments and puts itself into its ``peers``.
        keep_alive_s: how long a connection without a request stays open.
        grace_s: how long requests may take to finish when the server stops.
        proxies: addresses and networks whose ``X-Forwarded-For`` is trusted.
        backlog: how many connections the system may accept in advance.

    Attributes:
        started: whether connections are accepted.
        should_exit: set this to stop the server.
    """

    def __init__(
        self,
        app: ASGIApp,
        connection: type[asyncio.Protocol],
        *,
        keep_alive_s: int,
        grace_s: int,
        proxies: Sequence[str] = (),
        backlog: int = 2048,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                backlog=backlog,
                loop="asyncio",
                http=connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(proxies),
                timeout_keep_alive=keep_alive_s,
                timeout_graceful_shutdown=grace_s,
            )
        )

    @property
    def connections(self) -> list[Any]:
        """The open connections."""
        return list(self.server_state.connections)

    @property
    def answered(self) -> int:
        """How many requests were answered so far."""
        return self.server_state.total_requests

    @property
    def is_busy(self) -> bool:
        """Whether any request is being answered."""
        return bool(self.server_state.tasks)

    def new_connection(self) -> asyncio.Protocol:
        """Return a new connection of this server, which has no socket yet."""
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        return protocol

    def accept_with(self, acceptors: Sequence[Acceptor]) -> None:
        """Let *acceptors* accept connections for this server, which has no sockets."""
        servers: Any = list(acceptors)
        self.servers = servers

    def announce_close(self) -> None:
        """Make every answer close its connection, for about a second.

        Uvicorn sets these headers again every second until it shuts down.
        """
        state = self.server_state
        if _CLOSE not in state.default_headers:
            state.default_headers = [*state.default_headers, _CLOSE]

    def stop_listening(self) -> None:
        """Accept no more connections, and leave the listening sockets open."""
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for listener in server.sockets:
                loop.remove_reader(listener.fileno())

    def close_listening(self) -> Iterator[socket.socket]:
        """Yield the connections that wait to be accepted, then close the sockets."""
        for server in self.servers:
            for listener in server.sockets:
                # The loop's own view of the socket cannot accept.
                with socket.socket(fileno=os.dup(listener.fileno())) as accepting:
                    accepting.setblocking(False)  # noqa: FBT003 - the method's
                    with suppress(OSError):  # nothing waits any more
                        while True:
                            yield accepting.accept()[0]
            server.close()
