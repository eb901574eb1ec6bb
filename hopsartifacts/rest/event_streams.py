"""Server-sent events: frames, heartbeats, and a limit on listeners."""

import asyncio
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import msgspec
from anyio import CancelScope
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

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
