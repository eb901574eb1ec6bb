"""Accepting connections: bounded and timed from the first moment.

asyncio's own servers know a connection only once its TLS handshake is over, and where
files run out they say so for each connection that they could not accept.
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
"""So many connections are accepted before the loop does something else."""
_RETRY_S = 0.1
_SAID_AGAIN_S = 60.0
_LOGGER = logging.getLogger(__name__)


class Door:
    """Lets connections into a running server from one listening socket.

    It takes the place of one of ``uvicorn.Server.servers``.

    Args:
        server: whose connections they become.
        listener: where they come from; it is not closed here.
        room: how many there may be.
        context: of TLS; None without.
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
        """Accept no more, and end handshakes that are under way."""
        self._loop.remove_reader(self._listener)
        if self._retry:
            self._retry.cancel()
        for task in self._welcomes:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until no handshake is under way."""
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
        """Have the handshake made, if there is one, and give the connection over."""

        def made() -> asyncio.Protocol:
            protocol: Any = new_connection(self._server)
            guest: Guest = protocol
            seat.guest = guest
            if seat.is_spare:
                guest.refuse_requests()
            return protocol  # type: ignore[no-any-return]

        timeout_s = HANDSHAKE_S if self._context else None
        # What fails here is the client's affair, and asyncio has closed it.
        with suppress(OSError):
            await self._loop.connect_accepted_socket(
                made, connection, ssl=self._context, ssl_handshake_timeout=timeout_s
            )

    def _pause(self, error: OSError) -> None:
        """Accept nothing for a moment: the system has nothing left to do it with."""
        self._room.make_room()
        now = self._loop.time()
        if now >= self._silent_until:
            self._silent_until = now + _SAID_AGAIN_S
            _LOGGER.error(
                "no connection can be accepted: %s; %d are open, and it is tried again",
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
    """Have *server*, which has begun to listen nowhere, accept from *listeners*."""
    server.servers = [Door(server, it, room, context) for it in listeners]  # type: ignore[misc]
