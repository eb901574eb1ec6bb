"""The HTTP connections of clients, with limits on idle and slow ones."""

import asyncio
from collections import deque
from typing import Any

from hopsartifacts.rest.callers import has_key
from hopsartifacts.serving.runtime.http1 import HttpConnection

HEAD_S = 20.0
"""The longest time in which a request's headers may arrive."""
HEAD_BYTES = 64 * 1024
"""The most bytes of headers; slightly more if they arrive in large pieces."""
STALL_S = 60.0
"""The longest time for which a client may read nothing of an answer."""

_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)


class Connection(HttpConnection):
    """A connection with limits that uvicorn's lacks; see ``room.Guest``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_since = self.loop.time()
        self._has_asked = False
        self._under_way: deque[Any] = deque()
        self._head: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._is_in_head = False
        self._head_bytes = 0

    @property
    def has_asked(self) -> bool:
        """Whether a request with a valid key, or a complete one, has arrived."""
        return self._has_asked or self._is_let_in

    @property
    def idle_since(self) -> float | None:
        """Loop time since which no request with a valid key is in progress.

        None while one is.
        """
        return None if self._is_let_in else self._idle_since

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress."""
        return not self._under_way

    @property
    def _is_let_in(self) -> bool:
        """Whether the request that is being answered has a valid key."""
        return bool(self._under_way) and has_key(self._under_way[0].scope)

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
        # Reset in on_message_begin if the headers of another request begin in *data*.
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_head:
            if self._head_bytes > HEAD_BYTES:
                self._refuse_head()
        elif self.is_idle and not self.timeout_keep_alive_task and not self._head:
            # What came does not start a request; for example, it is blank lines.
            self._await_head()

    def on_message_begin(self) -> None:
        """Start to count and time the headers of a request."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._await_head()

    def on_headers_complete(self) -> None:
        """Stop to count and time the headers."""
        self._is_in_head = False
        self._forget_head()
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self._under_way.append(self.cycle)
            self._idle_since = self.loop.time()

    def on_message_complete(self) -> None:
        """Record that a complete request has arrived."""
        super().on_message_complete()
        cycle: Any = self.cycle
        if cycle is not None and not cycle.more_body:
            self._has_asked = True

    def on_response_complete(self) -> None:
        """Record that the request is finished and the connection is idle."""
        self._has_asked = self.has_asked
        self._under_way.popleft()
        self._idle_since = self.loop.time()
        super().on_response_complete()

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
