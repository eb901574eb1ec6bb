"""Bounds of what a client may send, and of what a browser may do with the answers.

Other origins are told nothing that would let a browser read an answer (no CORS), and no
cookie is set or read, so that no other page can act for a user (no CSRF).
"""

import asyncio
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hopsartifacts.rest.errors import RefusedError, too_long

_STATE = "body"
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_PAGE = b"default-src 'none'; frame-ancestors 'none'; sandbox"
_PAGE = (
    b"default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"script-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
_CLOSE = (b"connection", b"close")


class BodyBounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much a client may send, and how slowly.

    Attributes:
        max_bytes: of a body, unless the operation takes more; see ``take_up_to``.
        grace_s: so long is waited in any case.
        bytes_per_s: what is faster is waited for.
        swallowed_bytes: so much is read of a body that is not wanted, since clients
            read no answer before they have sent all.
    """

    max_bytes: int = 16 * 1024 * 1024
    grace_s: float = 30.0
    bytes_per_s: int = 4096
    swallowed_bytes: int = 32 * 1024 * 1024


class Bounds:
    """Holds requests to their bounds, and answers to the rules for browsers.

    A body has to be read before the answer begins: what is left of it is not wanted.
    """

    def __init__(
        self,
        app: ASGIApp,
        bounds: BodyBounds = BodyBounds(),  # noqa: B008 - frozen
    ) -> None:
        self._app = app
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, within bounds."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, self._bounds)
        scope.setdefault("state", {})[_STATE] = body

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = _secured(message.get("headers", ()))
                if not await body.swallowed():
                    headers.append(_CLOSE)
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, body.receive, sent)


def take_up_to(scope: MutableMapping[str, Any], most: int) -> None:
    """Let the body of this request have *most* bytes."""
    body = scope.get("state", {}).get(_STATE)
    if isinstance(body, _Body):
        body.max_bytes = most


class _Body:
    """The body of one request, as it comes in."""

    def __init__(self, scope: Scope, receive: Receive, bounds: BodyBounds) -> None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        self._announced = int(length) if length.isdigit() else 0
        self._is_awaited = bool(self._announced) or b"transfer-encoding" in headers
        self._waits_for_leave = headers.get(b"expect", b"").lower() == b"100-continue"
        self._receive = receive
        self._bounds = bounds
        self.max_bytes = bounds.max_bytes
        self._bytes = 0
        self._waited_s = 0.0

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            RefusedError: the body is too long (413), or too slow (408).
        """
        if not self._is_awaited:
            # Only the end of the connection is left, which may be waited for long.
            return await self._receive()
        if max(self._announced, self._bytes) > self.max_bytes:
            raise too_long(self.max_bytes)
        message = await self._within_time()
        if self._bytes > self.max_bytes:
            raise too_long(self.max_bytes)
        return message

    async def swallowed(self) -> bool:
        """Read what is left of the body; tell whether that was all."""
        most = self._bounds.swallowed_bytes
        if self._waits_for_leave or self._announced > most:
            return not self._is_awaited
        try:
            while self._is_awaited and self._bytes <= most:
                await self._within_time()
        except RefusedError:
            return False
        return not self._is_awaited

    async def _within_time(self) -> Message:
        loop = asyncio.get_running_loop()
        bounds = self._bounds
        may_take_s = bounds.grace_s + self._bytes / bounds.bytes_per_s
        start = loop.time()
        self._waits_for_leave = False
        try:
            async with asyncio.timeout(may_take_s - self._waited_s):
                message = await self._receive()
        except TimeoutError as error:
            # Nothing more is awaited of one so slow, also not before the answer.
            self._waited_s = may_take_s
            raise RefusedError(
                f"body: {self._bytes} bytes came in {may_take_s:.0f} seconds, which is "
                "too slow to wait for the rest",
                HTTPStatus.REQUEST_TIMEOUT,
                headers={"Connection": "close"},
            ) from error
        self._waited_s += loop.time() - start
        self._bytes += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._is_awaited = False
        return message


def _secured(headers: Any) -> list[tuple[bytes, bytes]]:
    secured = list(headers)
    given = {name.lower(): value for name, value in secured}
    is_page = given.get(b"content-type", b"").startswith(b"text/html")
    policy = (b"content-security-policy", _PAGE if is_page else _NO_PAGE)
    added = (*_HEADERS, policy)
    return secured + [(name, value) for name, value in added if name not in given]
