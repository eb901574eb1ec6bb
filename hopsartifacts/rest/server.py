"""Uvicorn's server as this one needs it: bounded, and ended without a loss."""

import asyncio
import logging
import os
import resource
import signal
import socket
import ssl
import threading
from asyncio import sslproto
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    contextmanager,
    nullcontext,
    suppress,
)

import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp

from hopsartifacts.rest.connections import Connection
from hopsartifacts.rest.doors import open_doors
from hopsartifacts.rest.listening import Listening
from hopsartifacts.rest.room import Room

_KEEP_ALIVE_S = 75
_THREADS = 128
"""Requests wait in them for storage and for deployments."""
_MOST_FILES = 65536
_OTHER_FILES = 256
"""Descriptors that are not for connections: the project's files, pipes, logs."""
_FILES_EACH = 3
"""Descriptors that a connection may need: its own, and those to a deployment."""
_MOST_CONNECTIONS = 4096
_FEWEST_CONNECTIONS = 16
_TLS_BUFFER = 32 * 1024
"""Bytes that asyncio keeps for each connection; by itself it keeps eight times that."""
_IDLE_S = 2.0
"""So long an idle connection is waited for that is told of the end."""
_LOOK_S = 0.1
_STUCK_S = 10.0
"""What threads get beyond the time for requests, before the process ends anyway."""
_LOGGER = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Uvicorn's server, whose end is bounded, and is no failure.

    Args:
        app: what answers.
        listening: how.
        context: of TLS; None without.
        room: how many connections there may be, on this port and on others.
        around: entered before connections are accepted, left when none are any more.
    """

    def __init__(
        self,
        app: ASGIApp,
        listening: Listening,
        context: ssl.SSLContext | None,
        room: Room,
        around: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        sslproto.SSLProtocol.max_size = _TLS_BUFFER
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(listening.proxies),
                forwarded_allow_ips=list(listening.proxies),
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, round(listening.drain_s)),
            )
        )
        self._context = context
        self._room = room
        self._drain_s = listening.drain_s
        self._cutting: threading.Timer | None = None
        self._around = around
        self._stack = AsyncExitStack()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal comes; end the process if it does not end by itself."""
        after_s = self._drain_s + _STUCK_S
        before = set(threading.enumerate())
        self._cutting = threading.Timer(after_s, _cut, (after_s,))
        self._cutting.daemon = True
        try:
            super().run(sockets)
        finally:
            # Python would wait for them at its end.
            left = set(threading.enumerate()) - before
            if all(it.daemon for it in left):
                self._cutting.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, once what goes on around them has begun."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        await self._stack.enter_async_context(self._around())
        await super().startup([])
        open_doors(self, sockets or (), self._room, self._context)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests under way finish, and hang up on those who have none."""
        if self._cutting:
            self._cutting.start()
        hanging_up = asyncio.ensure_future(self._hang_up())
        try:
            await asyncio.gather(super().shutdown(sockets), self._stack.aclose())
        finally:
            hanging_up.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End at a signal, as one ends that has done what it should."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {it: signal.signal(it, self.handle_exit) for it in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def _hang_up(self) -> None:
        """End idle connections: with TLS their clients would have to say goodbye."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_S)
            before = loop.time() - _IDLE_S
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection) and connection.is_idle:
                    since = connection.idle_since
                    if since is not None and since < before:
                        connection.transport.abort()


def _cut(after_s: float) -> None:
    """End the process though threads keep it; what they do may be ended any time."""
    _LOGGER.error("some requests did not end in %g seconds: they are cut", after_s)
    logging.shutdown()
    os._exit(1)


def room_here() -> Room:
    """Return room for as many connections as the open files of this process allow."""
    most = (_raise_file_limit() - _OTHER_FILES) // _FILES_EACH
    return Room(max(_FEWEST_CONNECTIONS, min(_MOST_CONNECTIONS, most)))


def _raise_file_limit() -> int:
    """Allow as many open files as the system does, and return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
