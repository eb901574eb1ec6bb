"""How many connections the server holds, on all of its ports together.

A connection counts from the moment that it is accepted until its socket is closed, so
one that never finishes its TLS handshake counts as well. When there is no room for
another one, those go that ask nothing.
"""

import socket
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Protocol

from hopsartifacts.rest.limiting import home_of

IDLE_S = 2.0
"""A connection that has been idle for longer may be closed to make room."""

_PART = 16
"""When the limit is reached, one in so many connections is closed. If none can be, as
many more are accepted to be answered with 503."""
_PAUSE_S = 0.05
"""How long to wait before the next search if no idle connection was found."""


class Guest(Protocol):
    """Who speaks on a connection, once that is known."""

    @property
    def has_asked(self) -> bool:
        """Whether a request has come that had a valid key, or was whole."""
        ...

    @property
    def idle_since(self) -> float | None:
        """Since when no request with a valid key is under way; None if one is.

        By the loop's clock. A request without a key counts from when it came.
        """
        ...

    def refuse_requests(self) -> None:
        """Answer every request with 503."""
        ...


class Seat:
    """One connection's place.

    Attributes:
        is_spare: whether it is one too many; it is there to be answered with 503.
        guest: who speaks; None while it is not known.
    """

    def __init__(self, home: str, *, is_spare: bool) -> None:
        self.home = home
        self.since = monotonic()
        self.is_spare = is_spare
        self.guest: Guest | None = None
        self._socket: socket.socket | None = None

    def take(self, connection: socket.socket) -> None:
        """Note which socket is to be ended with it."""
        self._socket = connection

    def end(self) -> None:
        """Hang up; whoever speaks on the connection sees its end."""
        with suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def has_asked(self) -> bool:
        """Whether a request has come that had a valid key, or was whole."""
        return self.guest is not None and self.guest.has_asked

    def is_idle(self, now: float) -> bool:
        """Tell whether no request with a valid key has been under way for a while."""
        since = self.guest.idle_since if self.guest else self.since
        return since is not None and now - since > IDLE_S


class Room:
    """The places for connections.

    Args:
        most: so many connections at once. A few more are let in to be told so.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._part = max(1, most // _PART)
        self._seats: set[Seat] = set()
        self._not_before = 0.0

    @property
    def taken(self) -> int:
        """How many places are taken."""
        return len(self._seats)

    def enter(self, address: str) -> Seat | None:
        """Return a place for a connection from *address*; None if there is none."""
        if len(self._seats) >= self._most:
            self.make_room()
        taken = len(self._seats)
        if taken >= self._most + self._part:
            return None
        seat = Seat(home_of(address), is_spare=taken >= self._most)
        self._seats.add(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        """Give a place back."""
        self._seats.discard(seat)

    def make_room(self) -> None:
        """End some connections that ask nothing, if there are any.

        First those on which nothing was ever asked, and those on which the body of a
        request without a valid key does not come. Then those that have been idle for a
        while, or wait for a request without a valid key. Of each kind, the oldest
        connections of the address that has the most of them.
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
    """A connection's socket, which says when it is closed.

    Args:
        accepted: the socket whose descriptor it takes.
        on_close: called once.
    """

    def __init__(self, accepted: socket.socket, on_close: Callable[[], None]) -> None:
        self._on_close: Callable[[], None] | None = on_close
        # With its protocol named, asyncio has it send small answers at once.
        super().__init__(
            accepted.family,
            accepted.type,
            socket.IPPROTO_TCP,
            fileno=accepted.detach(),
        )

    def close(self) -> None:
        """Close it, and say so."""
        super().close()
        if self._on_close is not None:
            on_close, self._on_close = self._on_close, None
            on_close()
