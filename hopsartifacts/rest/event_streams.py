"""Server-sent events: frames, heartbeats, listeners, and a publisher for many of them.

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


def frame(name: str, document: object, mark: str = "") -> bytes:
    """Return one event; clients send *mark* back as ``Last-Event-ID``."""
    data = msgspec.json.encode(document)  # JSON on one line
    head = f"id: {mark}\n" if mark else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


class Slots:
    """A limit on the number of concurrent listeners."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0

    def check(self) -> None:
        """Check that there is room for one more listener.

        Raises:
            RefusedError: there is not (429).
        """
        if self.taken >= self._limit:
            raise RefusedError(
                f"{self.taken} clients listen already, which is the most here: try "
                "again later",
                HTTPStatus.TOO_MANY_REQUESTS,
                headers={"Retry-After": "10"},
            )


class EventStream(StreamingResponse):
    """A response that streams events until they end or the client disconnects.

    Args:
        frames: the events.
        slots: limits the number of listeners.
        is_let_in: whether the client's key is still valid; if not, the stream ends.
    """

    def __init__(
        self,
        frames: AsyncIterator[bytes],
        slots: Slots,
        is_let_in: Callable[[], bool],
    ) -> None:
        super().__init__(frames, headers=_HEADERS, media_type=MEDIA_TYPE)
        self._slots = slots
        self._is_let_in = is_let_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events; a HEAD request gets only the headers."""
        if scope["method"] == "HEAD":
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            await send({"type": "http.response.body", "body": b""})
            return
        self._slots.taken += 1
        try:
            with CancelScope() as listening:
                watch = asyncio.ensure_future(self._watch_key(listening))
                try:
                    await super().__call__(scope, receive, send)
                finally:
                    watch.cancel()
        finally:
            self._slots.taken -= 1
        if listening.cancelled_caught:
            await send({"type": "http.response.body", "body": b""})

    async def _watch_key(self, listening: CancelScope) -> None:
        while True:
            if not self._is_let_in():
                listening.cancel()
                return
            await asyncio.sleep(KEY_S)


class _Event(msgspec.Struct, frozen=True):
    number: int
    frame: bytes


class Announcer:
    """Publishes events to listeners; ``publish`` may be called from any thread."""

    def __init__(self, kept: int = _KEPT) -> None:
        # Numbers restart with each server; this prefix of the mark tells runs apart.
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
            mark = self._mark(self._last)
            self._events.append(_Event(self._last, frame(name, document, mark)))
        self._wake_all()

    def close(self) -> None:
        """End the streams of all listeners."""
        self.is_closed = True
        self._wake_all()

    async def listen(
        self, mark: str = "", *, begun: Callable[[], None] = lambda: None
    ) -> AsyncIterator[bytes]:
        """Yield the frames of events after *mark*, and heartbeats.

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
            position = self._position(mark)
            while not self.is_closed and loop.time() < end:
                woken.clear()
                frames, position = self._behind(position)
                for each in frames:
                    yield each
                if not frames and not await _within(woken, HEARTBEAT_S):
                    yield HEARTBEAT
        finally:
            del self._wake[key]

    def _behind(self, position: int | None) -> tuple[list[bytes], int]:
        """Return the frames after *position*, and the new position."""
        with self._lock:
            oldest = self._last - len(self._events)
            if position is None or position < oldest:
                reload = frame(RELOAD, {}, self._mark(self._last))
                return [reload], self._last
            frames = [it.frame for it in self._events if it.number > position]
            return frames, self._last

    def _position(self, mark: str) -> int | None:
        run, _, number = mark.partition("-")
        if run != self._run or not number.isascii() or not number.isdecimal():
            return None
        position = int(number[:20])
        return position if position <= self._last else None

    def _mark(self, number: int) -> str:
        return f"{self._run}-{number}"

    def _wake_all(self) -> None:
        for wake in list(self._wake.values()):
            wake()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
        return True
    return False
