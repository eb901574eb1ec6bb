"""Server-sent events on the wire: frames, heartbeats, and how many may listen."""

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
"""Proxies take a connection for dead that says nothing for a minute or so."""
LONGEST_S = 900.0
"""After so long a stream ends; clients come back."""
KEY_S = 1.0
"""How often it is looked whether the key of who listens is still valid."""
RETRY = b"retry: 3000\n\n"
"""How long a client is to wait before it connects again, in milliseconds."""

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def frame(name: str, document: object, mark: str = "") -> bytes:
    """Return one event; *mark* comes back as ``Last-Event-ID``."""
    data = msgspec.json.encode(document)  # JSON on one line
    head = f"id: {mark}\n" if mark else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


class Slots:
    """How many may listen at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0

    def check(self) -> None:
        """Refuse one more, if there are as many as may be.

        Raises:
            RefusedError: there are.
        """
        if self.taken >= self._limit:
            raise RefusedError(
                f"{self.taken} clients listen already, which is the most here: try "
                "again later",
                HTTPStatus.TOO_MANY_REQUESTS,
                headers={"Retry-After": "10"},
            )


class EventStream(StreamingResponse):
    """Events until they end, the client leaves, or the server stops.

    Args:
        frames: the events.
        slots: how many may listen.
        is_let_in: whether the client's key is still valid. Where it is not, the stream
            ends, though more events may come.
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
        """Send them; a HEAD request gets the headers only."""
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
