"""A client for one HTTP server on the event loop, which keeps connections open.

A request is sent once. Only an attempt to connect is repeated, because nothing was sent
then.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import Any

import httptools

CONNECT_S = 5.0
"""How many seconds all attempts to connect may take together."""
IDLE_S = 5.0
"""Connections that were not used for this long are closed by the client. So a server
that announces its end for longer than that never closes one just as it is used."""
_PAUSES_S = (0.05, 0.2)
"""Pauses between attempts to connect."""


class UnreachableError(Exception):
    """No connection was made, so nothing was sent."""


class LostConnectionError(Exception):
    """The connection ended before the answer was complete."""


class _KeptConnection(asyncio.Protocol):
    """A connection for one request at a time."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.used_s = 0.0
        self.may_stay = True
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser: Any = None
        self._parts: list[bytes] = []

    @property
    def is_usable(self) -> bool:
        return self.may_stay and not self.transport.is_closing()

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Send *request* and return its answer, still to come."""
        self._answer = asyncio.get_running_loop().create_future()
        self._parser, self._parts = httptools.HttpResponseParser(self), []
        self.transport.write(request)
        return self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self._end("the server sent something that was not asked for")
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(f"the answer is not HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else "the server closed it")

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self.may_stay = self._parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((status, b"".join(self._parts)))

    def _end(self, words: str) -> None:
        self.may_stay = False
        self.transport.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LostConnectionError(words))


class HttpClient:
    """A client of the server at *host* and *port*."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._kept: deque[_KeptConnection] = deque()

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, timeout_s: float
    ) -> tuple[int, bytes]:
        """Send a request once, and return the status and the body of its answer.

        Raises:
            UnreachableError: no connection could be made; nothing was sent.
            LostConnectionError: the connection ended before the answer was complete.
            TimeoutError: it took longer than *timeout_s*.
        """
        async with asyncio.timeout(timeout_s):
            connection = self._take() or await self._connect()
            try:
                answer = await connection.ask(self._request(method, path, body))
            except BaseException:
                connection.transport.abort()
                raise
        if connection.is_usable:
            connection.used_s = time.monotonic()
            self._kept.append(connection)
        else:
            connection.transport.close()
        return answer

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._kept:
            self._kept.pop().transport.close()

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        host = f"[{self._host}]" if ":" in self._host else self._host
        head = f"{method} {path} HTTP/1.1\r\nhost: {host}:{self._port}\r\n"
        if body:
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        return b"%b\r\n%b" % (head.encode(), body)

    def _take(self) -> _KeptConnection | None:
        """Return the connection that was used last, and close those that are old."""
        before = time.monotonic() - IDLE_S
        while self._kept and self._kept[0].used_s < before:
            self._kept.popleft().transport.close()
        while self._kept:
            connection = self._kept.pop()
            if connection.is_usable:
                return connection
        return None

    async def _connect(self) -> _KeptConnection:
        try:
            async with asyncio.timeout(CONNECT_S):
                for pause_s in _PAUSES_S:
                    with suppress(OSError):
                        return await self._connect_once()
                    await asyncio.sleep(pause_s)
                return await self._connect_once()
        except TimeoutError as error:
            raise UnreachableError(f"no connection within {CONNECT_S:g} s") from error
        except OSError as error:
            raise UnreachableError(str(error)) from error

    async def _connect_once(self) -> _KeptConnection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            _KeptConnection, self._host, self._port
        )
        return connection
