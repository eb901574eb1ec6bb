"""Limits for request bodies, and security headers for browsers.

There are no CORS headers, so pages of other origins cannot read an answer.
"""

import asyncio
import math
from collections.abc import MutableMapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hopsartifacts.rest.errors import RefusedError, too_long

POLICY = "content-security-policy"
_STATE = "body"
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (POLICY.encode(), b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""The policy of pages that show more than text: they may load files of this server.

No script or style inside of the page counts. Pages set this policy themselves, so that
nothing else that a browser takes for a page has it, such as a stored file.
"""
_CLOSE = (b"connection", b"close")


class BodyBounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much a client may send, and how slowly.

    Attributes:
        max_bytes: most bytes of a body, unless the operation allows more; see
            ``take_up_to``.
        grace_s: how long to wait for a body in any case.
        bytes_per_s: each second's worth of bytes extends the wait by one second.
        unwanted_bytes: how much to read of a body that is answered before all of it has
            come. Many clients read the answer only after they have sent everything.
        unwanted_before_s: how long to read such a body before the answer. If its end
            comes within this time, the connection stays open.
        unwanted_after_s: how long to read it after the answer, in any case.
        unwanted_bytes_per_s: as *bytes_per_s*, for reading after the answer.
    """

    max_bytes: int = 16 * 1024 * 1024
    grace_s: float = 30.0
    bytes_per_s: int = 4096
    unwanted_bytes: int = 32 * 1024 * 1024
    unwanted_before_s: float = 0.1
    unwanted_after_s: float = 2.0
    unwanted_bytes_per_s: int = 1024 * 1024


class Bounds:
    """ASGI middleware that limits request bodies and adds security headers.

    A body that has not been read when the answer begins is not needed: the answer is
    sent at once, and the connection is closed after it. Only a little more of the body
    is read, so that a client that is still sending receives the answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        bounds: BodyBounds = BodyBounds(),  # noqa: B008 - frozen
    ) -> None:
        self._app = app
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application within the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, self._bounds)
        scope.setdefault("state", {})[_STATE] = body

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = _secured(message.get("headers", ()))
                await body.drop_before_answer()
                if body.is_awaited:
                    headers.append(_CLOSE)
                message = {**message, "headers": headers}
            elif body.is_awaited and not message.get("more_body", False):
                # The client gets the whole answer now, but not yet its end.
                await send({**message, "more_body": True})
                await body.drop_after_answer()
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self._app(scope, body.receive, sent)


def take_up_to(scope: MutableMapping[str, Any], most: int) -> None:
    """Allow up to *most* bytes in the body of this request."""
    body = scope.get("state", {}).get(_STATE)
    if isinstance(body, _Body):
        body.max_bytes = most


class _Pace:
    """A time limit for receiving a body, which grows with the bytes received."""

    def __init__(self, grace_s: float, bytes_per_s: float) -> None:
        self._grace_s = grace_s
        self._bytes_per_s = bytes_per_s
        self._waited_s = 0.0
        self.bytes = 0

    @property
    def may_take_s(self) -> float:
        """Total seconds to wait, given the bytes received so far."""
        return self._grace_s + self.bytes / self._bytes_per_s

    async def receive(self, receive: Receive) -> Message:
        """Return the next message.

        Raises:
            TimeoutError: it does not come in time.
        """
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.timeout(self.may_take_s - self._waited_s):
            message = await receive()
        self._waited_s += loop.time() - start
        self.bytes += len(message.get("body", b""))
        return message


class _Body:
    """The body of one request while it is received.

    Attributes:
        max_bytes: the most bytes that it may have.
        is_awaited: whether its end has not been received yet.
    """

    def __init__(self, scope: Scope, receive: Receive, bounds: BodyBounds) -> None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        self._announced = int(length) if length.isdigit() else 0
        self._waits_for_leave = headers.get(b"expect", b"").lower() == b"100-continue"
        self._receive = receive
        self._bounds = bounds
        self._pace = _Pace(bounds.grace_s, bounds.bytes_per_s)
        self._bytes = 0
        self._is_too_slow = False
        self.max_bytes = bounds.max_bytes
        self.is_awaited = bool(self._announced) or b"transfer-encoding" in headers

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            RefusedError: the body is too long (413) or too slow (408).
        """
        if not self.is_awaited:
            # Only the disconnect is left, which may come at any time.
            return await self._receive()
        if max(self._announced, self._bytes) > self.max_bytes:
            raise too_long(self.max_bytes)
        try:
            message = await self._next(self._pace)
        except TimeoutError as error:
            self._is_too_slow = True
            took_s = self._pace.may_take_s
            raise RefusedError(
                f"body: {self._bytes} bytes came in {took_s:.0f} seconds, which is "
                "too slow to wait for the rest",
                HTTPStatus.REQUEST_TIMEOUT,
                headers={"Connection": "close"},
            ) from error
        if self._bytes > self.max_bytes:
            raise too_long(self.max_bytes)
        return message

    async def drop_before_answer(self) -> None:
        """Read and discard the rest of the body, if it is already there."""
        await self._drop(_Pace(self._bounds.unwanted_before_s, math.inf))

    async def drop_after_answer(self) -> None:
        """Read and discard the rest of the body while the client is still sending."""
        bounds = self._bounds
        await self._drop(_Pace(bounds.unwanted_after_s, bounds.unwanted_bytes_per_s))

    async def _drop(self, pace: _Pace) -> None:
        most = self._bounds.unwanted_bytes
        is_hopeless = self._waits_for_leave or self._announced > most
        if is_hopeless or self._is_too_slow:
            return
        with suppress(TimeoutError):
            while self.is_awaited and self._bytes <= most:
                await self._next(pace)

    async def _next(self, pace: _Pace) -> Message:
        self._waits_for_leave = False
        message = await pace.receive(self._receive)
        self._bytes += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.is_awaited = False
        return message


def _secured(headers: Any) -> list[tuple[bytes, bytes]]:
    secured = list(headers)
    given = {name.lower() for name, _ in secured}
    return secured + [(name, value) for name, value in _HEADERS if name not in given]
