"""Server-sent events on the wire: frames, heartbeats, and how many may listen."""

from collections.abc import AsyncIterator
from http import HTTPStatus

import msgspec
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hopsartifacts.rest.errors import RefusedError

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": still here\n\n"
HEARTBEAT_S = 15.0
"""Proxies take a connection for dead that says nothing for a minute or so."""
LONGEST_S = 900.0
"""After so long a stream ends, so that its key is looked at anew; clients come back."""
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
    """Events until they end, the client leaves, or the server stops."""

    def __init__(self, frames: AsyncIterator[bytes], slots: Slots) -> None:
        super().__init__(frames, headers=_HEADERS, media_type=MEDIA_TYPE)
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them; a HEAD request gets the headers only."""
        if scope["method"] == "HEAD":
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            await send({"type": "http.response.body", "body": b""})
            return
        self._slots.taken += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._slots.taken -= 1
