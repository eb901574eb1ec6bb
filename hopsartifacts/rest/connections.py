"""The connections of clients: their number, how they are accepted, and their limits.

A ``ConnectionLimit`` limits the number of connections on all of the server's ports
together. Each has a ``ConnectionSlot`` from when it is accepted until its socket is
closed, even if it never finishes its TLS handshake. When the limit is reached, some
connections without requests are closed. A ``ConnectionAcceptor`` accepts connections
with limits and timeouts from the first moment: asyncio's own servers count a connection
only after its TLS handshake, and log an error for each that they cannot accept when no
file descriptors are left. A ``Connection`` limits the time and size of what its client
sends.
"""

import asyncio
import logging
import socket
import ssl
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol, cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hopsartifacts.rest.keys import has_key
from hopsartifacts.rest.login_limits import network_of
from hopsartifacts.serving.http_server import HttpConnection, HttpServer

IDLE_S = 2.0
"""How long a connection must be idle before it may be closed for another one."""

_PART = 16
"""At the limit, one in this many connections is closed. If none can be closed, as many
more are accepted, and answered with 503."""
_PAUSE_S = 0.05
"""How long to wait before the next search if no idle connection was found."""
HANDSHAKE_S = 10.0
"""The longest that a TLS handshake may take."""

_AT_ONCE = 64
"""How many connections are accepted before the event loop does something else."""
_RETRY_S = 0.1
"""How long accepting pauses after the system lacked the resources for it."""
_LOG_EVERY_S = 60.0
"""The shortest time between two log lines about failed accepting."""
HEAD_S = 20.0
"""The longest time in which a request's headers may arrive."""
HEAD_BYTES = 64 * 1024
"""The most bytes of headers, with the URL."""
STALL_S = 60.0
"""The longest time for which a client may read nothing of an answer."""

_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)
_LOGGER = logging.getLogger(__name__)


async def _too_long(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request whose headers are too long, and close the connection."""
    refusal = Response(status_code=431, headers={"connection": "close"})
    await refusal(scope, receive, send)


class ClientProtocol(Protocol):
    """The part of a connection's protocol that a slot uses after the TLS handshake."""

    @property
    def has_asked(self) -> bool:
        """Whether a request with a valid key, or a complete one, has arrived."""
        ...

    @property
    def idle_since(self) -> float | None:
        """Loop time since which no request with a valid key is in progress.

        None while one is. A request without a valid key counts from when it arrived.
        """
        ...

    def refuse_requests(self) -> None:
        """Answer every request with 503."""
        ...


class ConnectionSlot:
    """One open connection, as ``ConnectionLimit`` counts it.

    Attributes:
        network: its address, or for IPv6 the network of its customer.
        is_spare: whether it exceeds the limit and is only answered with 503.
        protocol: its protocol; None before the handshake is complete.
    """

    def __init__(self, network: str, *, is_spare: bool) -> None:
        self.network = network
        self.since = monotonic()
        self.is_spare = is_spare
        self.protocol: ClientProtocol | None = None
        self._socket: socket.socket | None = None

    def take(self, connection: socket.socket) -> None:
        """Set the socket that ``end`` shuts down."""
        self._socket = connection

    def end(self) -> None:
        """Shut the socket down; its protocol then sees the end of the connection."""
        with suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def has_asked(self) -> bool:
        """Whether a request with a valid key, or a complete one, has arrived."""
        return self.protocol is not None and self.protocol.has_asked

    def is_idle(self, now: float) -> bool:
        """Return whether no request with a valid key was in progress for a while."""
        since = self.protocol.idle_since if self.protocol else self.since
        return since is not None and now - since > IDLE_S


class ConnectionLimit:
    """The open connections, and their limit.

    Args:
        most: the most connections; a few more are accepted to be answered with 503.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._part = max(1, most // _PART)
        self._slots: set[ConnectionSlot] = set()
        self._not_before = 0.0

    @property
    def taken(self) -> int:
        """How many connections are open."""
        return len(self._slots)

    def open_slot(self, address: str) -> ConnectionSlot | None:
        """Register a connection from *address*; return None if the limit is reached."""
        if len(self._slots) >= self._most:
            self.close_some()
        taken = len(self._slots)
        if taken >= self._most + self._part:
            return None
        slot = ConnectionSlot(network_of(address), is_spare=taken >= self._most)
        self._slots.add(slot)
        return slot

    def close_slot(self, slot: ConnectionSlot) -> None:
        """Remove a connection that was closed."""
        self._slots.discard(slot)

    def close_some(self) -> None:
        """Close some connections without requests, if there are any.

        First, connections are closed on which nothing was ever requested, or on which
        the body of a request without a valid key does not arrive. Next are those that
        for a while were idle, or only had requests without a valid key. Within each
        group, the oldest connections of the address with the most of them go.
        """
        now = monotonic()
        if now < self._not_before:
            return
        slots = [slot for slot in self._slots if not slot.is_spare]
        silent = [slot for slot in slots if not slot.has_asked]
        going = silent or [slot for slot in slots if slot.is_idle(now)]
        if not going:
            self._not_before = now + _PAUSE_S
            return
        by_network: dict[str, list[ConnectionSlot]] = defaultdict(list)
        for slot in going:
            by_network[slot.network].append(slot)
        most = max(by_network.values(), key=len)
        most.sort(key=lambda slot: slot.since)
        for slot in most[: self._part]:
            self._slots.discard(slot)
            slot.end()


class CountedSocket(socket.socket):
    """A connection's socket, with a callback for when it is closed.

    Args:
        accepted: the socket whose descriptor it takes over.
        on_close: called once.
    """

    def __init__(self, accepted: socket.socket, on_close: Callable[[], None]) -> None:
        self._on_close: Callable[[], None] | None = on_close
        # asyncio sets TCP_NODELAY only on sockets that name their protocol.
        super().__init__(
            accepted.family,
            accepted.type,
            socket.IPPROTO_TCP,
            fileno=accepted.detach(),
        )

    def close(self) -> None:
        """Close the socket, and call *on_close* the first time."""
        super().close()
        if self._on_close is not None:
            on_close, self._on_close = self._on_close, None
            on_close()


class ConnectionAcceptor:
    """Accepts connections for a running server from one listening socket.

    Args:
        make: makes the protocol of a connection; see ``ClientProtocol``.
        listener: the listening socket; it is not closed here.
        limit: limits the number of connections.
        context: for TLS; None for plain connections.
    """

    def __init__(
        self,
        make: Callable[[], asyncio.Protocol],
        listener: socket.socket,
        limit: ConnectionLimit,
        context: ssl.SSLContext | None,
    ) -> None:
        self._make = make
        self._listener = listener
        self._limit = limit
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._next_log = 0.0
        listener.setblocking(False)  # noqa: FBT003 - the method's
        self._open()

    def close(self) -> None:
        """Stop accepting, and cancel handshakes in progress."""
        self._loop.remove_reader(self._listener)
        if self._retry:
            self._retry.cancel()
        for task in self._handshakes:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until no handshake is in progress."""
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def _open(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            slot = self._limit.open_slot(str(address[0]))
            if slot is None:
                accepted.close()
            else:
                self._start(accepted, slot)

    def _start(self, accepted: socket.socket, slot: ConnectionSlot) -> None:
        connection = CountedSocket(accepted, lambda: self._limit.close_slot(slot))
        slot.take(connection)
        task = self._loop.create_task(self._shake_hands(connection, slot))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(
        self, connection: socket.socket, slot: ConnectionSlot
    ) -> None:
        """Complete the TLS handshake, if there is one, and create the protocol."""

        def made() -> asyncio.Protocol:
            protocol: Any = self._make()
            slot.protocol = client = cast("ClientProtocol", protocol)
            if slot.is_spare:
                client.refuse_requests()
            return protocol  # type: ignore[no-any-return]

        timeout_s = HANDSHAKE_S if self._context else None
        # Errors here are the client's, and asyncio has closed the connection.
        with suppress(OSError):
            await self._loop.connect_accepted_socket(
                made, connection, ssl=self._context, ssl_handshake_timeout=timeout_s
            )

    def _pause(self, error: OSError) -> None:
        """Stop accepting for a moment, as the system lacks the resources for it."""
        self._limit.close_some()
        now = self._loop.time()
        if now >= self._next_log:
            self._next_log = now + _LOG_EVERY_S
            _LOGGER.error(
                "cannot accept connections: %s; %d are open; trying again",
                error.strerror,
                self._limit.taken,
            )
        self._loop.remove_reader(self._listener)
        self._retry = self._loop.call_later(_RETRY_S, self._open)


def accept_from(
    server: HttpServer,
    listeners: Sequence[socket.socket],
    limit: ConnectionLimit,
    context: ssl.SSLContext | None = None,
) -> None:
    """Make *server*, which does not listen itself, accept from *listeners*."""
    make = server.new_connection
    server.accept_with(
        [ConnectionAcceptor(make, it, limit, context) for it in listeners]
    )


class Connection(HttpConnection):
    """A connection with limits of time and size; see ``ClientProtocol``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_since = self.loop.time()
        self._has_asked = False
        self._under_way: deque[dict[str, Any]] = deque()
        self._head: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._is_in_head = False
        self._head_bytes = 0

    @property
    def has_asked(self) -> bool:
        """Whether a request with a valid key, or a complete one, has arrived."""
        return self._has_asked or self._has_valid_key

    @property
    def idle_since(self) -> float | None:
        """Loop time since which no request with a valid key is in progress.

        None while one is.
        """
        return None if self._has_valid_key else self._idle_since

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress."""
        return not self._under_way

    @property
    def _has_valid_key(self) -> bool:
        """Whether the request that is being answered has a valid key."""
        return bool(self._under_way) and has_key(self._under_way[0])

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all timers."""
        self._forget_head()
        self._forget_stall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process *data*, and limit the headers' size and time."""
        # Reset in head_began if the headers of another request begin in *data*.
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_head:
            if self._head_bytes > HEAD_BYTES:
                self._refuse_head()
        elif self.is_idle and not self.has_idle_timer and not self._head:
            # The bytes do not start a request; for example, they are blank lines.
            self._await_head()

    def head_began(self) -> None:
        """Start to count and time the headers of a request."""
        self._is_in_head, self._head_bytes = True, 0
        self._await_head()

    def head_ended(self) -> None:
        """Stop to count and time the headers."""
        self._is_in_head = False
        self._forget_head()
        if self.head_bytes > HEAD_BYTES:  # the last piece was a large one
            self.answer_with(_too_long)

    def request_began(self, scope: dict[str, Any]) -> None:
        """Count the request as in progress."""
        self._under_way.append(scope)
        self._idle_since = self.loop.time()

    def request_ended(self) -> None:
        """Record that a complete request has arrived."""
        self._has_asked = True

    def answer_ended(self) -> None:
        """Record that the request is finished and the connection is idle."""
        self._has_asked = self.has_asked
        self._under_way.popleft()
        self._idle_since = self.loop.time()

    def pause_writing(self) -> None:
        """Start the time limit for a client that does not read."""
        super().pause_writing()
        self._forget_stall()
        self._stalled = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancel the time limit, as the client reads again."""
        self._forget_stall()
        super().resume_writing()

    def _refuse_head(self) -> None:
        if self.is_idle:
            self.transport.write(_TOO_LONG)
            self.transport.close()
        else:
            self.transport.abort()

    def _await_head(self) -> None:
        self._forget_head()
        self._head = self.loop.call_later(HEAD_S, self.transport.abort)

    def _forget_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _forget_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
