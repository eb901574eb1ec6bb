"""Accepting connections, with limits and timeouts from the first moment.

asyncio's own servers count a connection only after its TLS handshake. When no file
descriptors are left, they log an error for each connection they could not accept.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import uvicorn

from hopsartifacts.rest.room import CountedSocket, Guest, Room, Seat
from hopsartifacts.serving.runtime.http1 import new_connection

HANDSHAKE_S = 10.0
"""The longest that a TLS handshake may take."""

_AT_ONCE = 64
"""How many connections are accepted before the event loop does something else."""
_RETRY_S = 0.1
_SAID_AGAIN_S = 60.0
_LOGGER = logging.getLogger(__name__)


class Door:
    """Accepts connections for a running server from one listening socket.

    It takes the place of an entry in ``uvicorn.Server.servers``.

    Args:
        server: the server that handles the connections.
        listener: the listening socket; it is not closed here.
        room: limits the number of connections.
        context: for TLS; None for plain connections.
    """

    def __init__(
        self,
        server: uvicorn.Server,
        listener: socket.socket,
        room: Room,
        context: ssl.SSLContext | None,
    ) -> None:
        self._server = server
        self._listener = listener
        self._room = room
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._welcomes: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._silent_until = 0.0
        listener.setblocking(False)  # noqa: FBT003 - the method's
        self._open()

    def close(self) -> None:
        """Stop accepting, and cancel handshakes in progress."""
        self._loop.remove_reader(self._listener)
        if self._retry:
            self._retry.cancel()
        for task in self._welcomes:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until no handshake is in progress."""
        await asyncio.gather(*self._welcomes, return_exceptions=True)

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
            seat = self._room.enter(str(address[0]))
            if seat is None:
                accepted.close()
            else:
                self._let_in(accepted, seat)

    def _let_in(self, accepted: socket.socket, seat: Seat) -> None:
        connection = CountedSocket(accepted, lambda: self._room.leave(seat))
        seat.take(connection)
        task = self._loop.create_task(self._welcome(connection, seat))
        self._welcomes.add(task)
        task.add_done_callback(self._welcomes.discard)

    async def _welcome(self, connection: socket.socket, seat: Seat) -> None:
        """Complete the TLS handshake, if there is one, and create the protocol."""

        def made() -> asyncio.Protocol:
            protocol: Any = new_connection(self._server)
            guest: Guest = protocol
            seat.guest = guest
            if seat.is_spare:
                guest.refuse_requests()
            return protocol  # type: ignore[no-any-return]

        timeout_s = HANDSHAKE_S if self._context else None
        # Errors here are the client's, and asyncio has closed the connection.
        with suppress(OSError):
            await self._loop.connect_accepted_socket(
                made, connection, ssl=self._context, ssl_handshake_timeout=timeout_s
            )

    def _pause(self, error: OSError) -> None:
        """Stop accepting for a moment, as the system lacks the resources for it."""
        self._room.make_room()
        now = self._loop.time()
        if now >= self._silent_until:
            self._silent_until = now + _SAID_AGAIN_S
            _LOGGER.error(
                "cannot accept connections: %s; %d are open; trying again",
                error.strerror,
                self._room.taken,
            )
        self._loop.remove_reader(self._listener)
        self._retry = self._loop.call_later(_RETRY_S, self._open)


def open_doors(
    server: uvicorn.Server,
    listeners: Sequence[socket.socket],
    room: Room,
    context: ssl.SSLContext | None = None,
) -> None:
    """Make *server*, which does not listen itself, accept from *listeners*."""
    server.servers = [Door(server, it, room, context) for it in listeners]  # type: ignore[misc]
