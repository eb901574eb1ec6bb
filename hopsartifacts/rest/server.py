"""The server's own port: limits, and a shutdown that loses no answer."""

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
from starlette.types import ASGIApp

from hopsartifacts.rest.connections import Connection, Room, open_doors
from hopsartifacts.rest.listener import Listening
from hopsartifacts.serving.http_server import HttpServer

_KEEP_ALIVE_S = 75
_THREADS = 128
"""Size of the thread pool, where requests wait for storage and for deployments."""
_MOST_FILES = 65536
_OTHER_FILES = 256
"""File descriptors not used for connections: project files, pipes, logs."""
_FILES_EACH = 3
"""File descriptors per connection: its own, and those to a deployment."""
_MOST_CONNECTIONS = 4096
_FEWEST_CONNECTIONS = 16
_TLS_BUFFER = 32 * 1024
"""Bytes that asyncio buffers for each TLS connection; its default is 8 times that."""
_IDLE_S = 2.0
"""How long a connection must be idle at shutdown before it is aborted."""
_LOOK_S = 0.1
_STUCK_S = 10.0
"""Seconds that threads get after the drain time, before the process ends anyway."""
_LOGGER = logging.getLogger(__name__)


class ApiServer(HttpServer):
    """A server with a bounded shutdown, and exit status 0 after a signal.

    Args:
        app: the application.
        listening: settings; its sockets are passed to ``run``.
        context: for TLS; None for plain HTTP.
        room: limits the number of connections on this and other ports.
        around: entered before connections are accepted, exited during the shutdown.
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
            app,
            Connection,
            keep_alive_s=_KEEP_ALIVE_S,
            grace_s=max(1, round(listening.drain_s)),
            proxies=listening.proxies,
        )
        self._context = context
        self._room = room
        self._drain_s = listening.drain_s
        self._cutting: threading.Timer | None = None
        self._around = around
        self._stack = AsyncExitStack()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal comes; kill the process if it does not end in time."""
        after_s = self._drain_s + _STUCK_S
        before = set(threading.enumerate())
        self._cutting = threading.Timer(after_s, _cut, (after_s,))
        self._cutting.daemon = True
        try:
            super().run(sockets)
        finally:
            # Python would wait for these threads before it exits.
            left = set(threading.enumerate()) - before
            if all(it.daemon for it in left):
                self._cutting.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Enter *around*, then accept connections."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        await self._stack.enter_async_context(self._around())
        await super().startup([])
        open_doors(self, sockets or (), self._room, self._context)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests in progress finish, and close idle connections."""
        if self._cutting:
            self._cutting.start()
        hanging_up = asyncio.ensure_future(self._hang_up())
        try:
            await asyncio.gather(super().shutdown(sockets), self._stack.aclose())
        finally:
            hanging_up.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and exit normally instead of raising the signal again."""
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
        """Abort idle connections: a TLS shutdown would wait for the client's answer."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_S)
            before = loop.time() - _IDLE_S
            for connection in self.connections:
                if isinstance(connection, Connection) and connection.is_idle:
                    since = connection.idle_since
                    if since is not None and since < before:
                        connection.transport.abort()


def _cut(after_s: float) -> None:
    """End the process in spite of running threads, whose work may be cut off safely."""
    _LOGGER.error("requests did not end in %g seconds: the process is killed", after_s)
    logging.shutdown()
    os._exit(1)


def room_here() -> Room:
    """Return a limit on connections that fits this process's open-file limit."""
    most = (_raise_file_limit() - _OTHER_FILES) // _FILES_EACH
    return Room(max(_FEWEST_CONNECTIONS, min(_MOST_CONNECTIONS, most)))


def _raise_file_limit() -> int:
    """Raise the limit on open files as far as permitted, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
