"""A limit on the number of connections, for all of the server's ports together.

A connection counts from when it is accepted until its socket is closed, even if it
never finishes its TLS handshake. When the limit is reached, connections without
requests are closed to make room.
"""

import socket
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Protocol

from hopsartifacts.rest.login_limits import home_of

IDLE_S = 2.0
"""How long a connection must be idle before it may be closed to make room."""

_PART = 16
"""At the limit, one in this many connections is closed. If none can be closed, as many
more are accepted, and answered with 503."""
_PAUSE_S = 0.05
"""How long to wait before the next search if no idle connection was found."""


class Guest(Protocol):
    """The protocol of a connection, which exists after the TLS handshake."""

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


class Seat:
    """The entry of one connection.

    Attributes:
        is_spare: whether it exceeds the limit and is only answered with 503.
        guest: its protocol; None before the handshake is complete.
    """

    def __init__(self, home: str, *, is_spare: bool) -> None:
        self.home = home
        self.since = monotonic()
        self.is_spare = is_spare
        self.guest: Guest | None = None
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
        return self.guest is not None and self.guest.has_asked

    def is_idle(self, now: float) -> bool:
        """Return whether no request with a valid key was in progress for a while."""
        since = self.guest.idle_since if self.guest else self.since
        return since is not None and now - since > IDLE_S


class Room:
    """The open connections, and their limit.

    Args:
        most: the most connections; a few more are accepted to be answered with 503.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._part = max(1, most // _PART)
        self._seats: set[Seat] = set()
        self._not_before = 0.0

    @property
    def taken(self) -> int:
        """How many connections are open."""
        return len(self._seats)

    def enter(self, address: str) -> Seat | None:
        """Register a connection from *address*; return None if there is no room."""
        if len(self._seats) >= self._most:
            self.make_room()
        taken = len(self._seats)
        if taken >= self._most + self._part:
            return None
        seat = Seat(home_of(address), is_spare=taken >= self._most)
        self._seats.add(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        """Remove a connection that was closed."""
        self._seats.discard(seat)

    def make_room(self) -> None:
        """Close some connections without requests, if there are any.

        First, connections are closed on which nothing was ever requested, or on which
        the body of a request without a valid key does not arrive. Next are those that
        for a while were idle, or only had requests without a valid key. Within each
        group, the oldest connections of the address with the most of them go.
        """
        now = monotonic()
        if now < self._not_before:
            return
        seats = [seat for seat in self._seats if not seat.is_spare]
        silent = [seat for seat in seats if not seat.has_asked]
        going = silent or [seat for seat in seats if seat.is_idle(now)]
        if not going:
            self._not_before = now + _PAUSE_S
            return
        by_home: dict[str, list[Seat]] = defaultdict(list)
        for seat in going:
            by_home[seat.home].append(seat)
        most = max(by_home.values(), key=len)
        most.sort(key=lambda seat: seat.since)
        for seat in most[: self._part]:
            self._seats.discard(seat)
            seat.end()


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
