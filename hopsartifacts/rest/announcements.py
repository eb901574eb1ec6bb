"""A publisher of server-sent events that keeps the latest ones for slow listeners.

The latest events are kept once, and each listener has a position in them. So a slow
listener costs no memory, and one that reconnects continues where it was. A listener
whose position is no longer kept, or that is new, gets an event that says to reload all.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from threading import Lock

import msgspec

from hopsartifacts.machine.identity import new_token
from hopsartifacts.rest.event_streams import (
    HEARTBEAT,
    HEARTBEAT_S,
    LONGEST_S,
    RETRY,
    frame,
)

RELOAD = "reload"
_KEPT = 1024


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
                anew = frame(RELOAD, {}, self._mark(self._last))
                return [anew], self._last
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
