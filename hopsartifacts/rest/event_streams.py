"""Server-sent events: encoding, heartbeats, listeners, and a publisher for many.

The publisher keeps the latest events once, and each listener has a position in them. So
a slow listener costs no memory, and one that reconnects continues where it was. A
listener whose position is no longer kept, or that is new, gets an event that says to
reload all.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from http import HTTPStatus
from threading import Lock

import msgspec
from anyio import CancelScope
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hopsartifacts.machine.identity import new_token
from hopsartifacts.rest.errors import RefusedError

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": still here\n\n"
HEARTBEAT_S = 15.0
"""Interval of heartbeats; proxies close connections that are silent for a minute."""
LONGEST_S = 900.0
"""The longest duration of a stream; clients then reconnect."""
KEY_S = 1.0
"""How often to check that a listener's API key is still valid."""
RETRY = b"retry: 3000\n\n"
"""Tells clients how long to wait before they reconnect, in milliseconds."""

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
RELOAD = "reload"
_KEPT = 1024


def encoded_event(name: str, document: object, event_id: str = "") -> bytes:
    """Return one event; clients send *event_id* back as ``Last-Event-ID``."""
    data = msgspec.json.encode(document)  # JSON on one line
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


class ListenerLimit:
    """A limit on the number of concurrent listeners."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.count = 0

    def check(self) -> None:
        """Check that one more listener may connect.

        Raises:
            RefusedError: the limit is reached (429).
        """
        if self.count >= self._limit:
            raise RefusedError(
                f"{self.count} clients listen already, the most allowed here: try "
                "again later",
                HTTPStatus.TOO_MANY_REQUESTS,
                headers={"Retry-After": "10"},
            )


class EventStream(StreamingResponse):
    """A response that streams events until they end or the client disconnects.

    Args:
        events: the events.
        limit: limits the number of listeners.
        is_allowed: whether the client's key is still valid; if not, the stream ends.
    """

    def __init__(
        self,
        events: AsyncIterator[bytes],
        limit: ListenerLimit,
        is_allowed: Callable[[], bool],
    ) -> None:
        super().__init__(events, headers=_HEADERS, media_type=MEDIA_TYPE)
        self._limit = limit
        self._is_allowed = is_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events; a HEAD request gets only the headers."""
        if scope["method"] == "HEAD":
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            await send({"type": "http.response.body", "body": b""})
            return
        self._limit.count += 1
        try:
            with CancelScope() as listening:
                watch = asyncio.ensure_future(self._watch_key(listening))
                try:
                    await super().__call__(scope, receive, send)
                finally:
                    watch.cancel()
        finally:
            self._limit.count -= 1
        if listening.cancelled_caught:
            await send({"type": "http.response.body", "body": b""})

    async def _watch_key(self, listening: CancelScope) -> None:
        while True:
            if not self._is_allowed():
                listening.cancel()
                return
            await asyncio.sleep(KEY_S)


class _Event(msgspec.Struct, frozen=True):
    number: int
    data: bytes


class Announcer:
    """Publishes events to listeners; ``publish`` may be called from any thread."""

    def __init__(self, kept: int = _KEPT) -> None:
        # Numbers restart with each server; this prefix of an id distinguishes runs.
        self._run = new_token()[:12]
        self._events: deque[_Event] = deque(maxlen=kept)
        self._last = 0
        self._lock = Lock()
        self._wake: dict[object, Callable[[], None]] = {}
        self.is_closed = False

    @property
    def has_listeners(self) -> bool:
        """Whether there are listeners."""
        return bool(self._wake)

    def publish(self, name: str, document: object) -> None:
        """Send an event to all listeners."""
        with self._lock:
            self._last += 1
            event_id = self._id_of(self._last)
            self._events.append(
                _Event(self._last, encoded_event(name, document, event_id))
            )
        self._wake_all()

    def close(self) -> None:
        """End the streams of all listeners."""
        self.is_closed = True
        self._wake_all()

    async def listen(
        self, event_id: str = "", *, begun: Callable[[], None] = lambda: None
    ) -> AsyncIterator[bytes]:
        """Yield the encoded events after *event_id*, and heartbeats.

        The stream ends when the announcer is closed, or after ``LONGEST_S`` seconds.
        *begun* is called as soon as this listener is registered.
        """
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        end = loop.time() + LONGEST_S

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(woken.set)

        key = object()
        self._wake[key] = wake
        try:
            begun()
            yield RETRY
            position = self._position(event_id)
            while not self.is_closed and loop.time() < end:
                woken.clear()
                events, position = self._behind(position)
                for each in events:
                    yield each
                if not events and not await _within(woken, HEARTBEAT_S):
                    yield HEARTBEAT
        finally:
            del self._wake[key]

    def _behind(self, position: int | None) -> tuple[list[bytes], int]:
        """Return the events after *position*, and the new position."""
        with self._lock:
            oldest = self._last - len(self._events)
            if position is None or position < oldest:
                reload = encoded_event(RELOAD, {}, self._id_of(self._last))
                return [reload], self._last
            events = [it.data for it in self._events if it.number > position]
            return events, self._last

    def _position(self, event_id: str) -> int | None:
        run, _, number = event_id.partition("-")
        if run != self._run or not number.isascii() or not number.isdecimal():
            return None
        position = int(number[:20])
        return position if position <= self._last else None

    def _id_of(self, number: int) -> str:
        return f"{self._run}-{number}"

    def _wake_all(self) -> None:
        for wake in list(self._wake.values()):
            wake()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
        return True
    return False
