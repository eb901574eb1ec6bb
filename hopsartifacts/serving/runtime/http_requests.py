"""The requests to an HTTP server: their bodies, and clients that disconnect."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from starlette.requests import ClientDisconnect

from hopsartifacts.serving.runtime.protocol import RequestError

CONTENT_ENCODING = b"content-encoding"
TAKEN = "gzip, deflate"
"""The accepted codings of a body, in the form of ``Accept-Encoding``."""

_NONE = b"identity"
_UNDONE = frozenset({b"gzip", b"x-gzip", b"deflate"})
_EITHER = zlib.MAX_WBITS | 32
"""Tells zlib to recognise gzip or deflate by the first bytes."""
PATIENCE_S = 0.05
"""Delay before a request is watched; most are answered earlier, at no extra cost."""

_MOST_DIGITS = 18
"""The size of a body never has more digits."""

Headers = list[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


async def read_body(headers: Headers, receive: Receive, max_bytes: int) -> bytes:
    """Return the body of a request, decompressed.

    Raises:
        RequestError: it is larger than *max_bytes* (413), or has a coding or a length
            that is not valid (400 or 415).
        ClientDisconnect: the client ended the connection.
    """
    size = number_in(headers, b"content-length") or 0
    body = b""
    if size <= max_bytes:
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body", False):
            body = await _read_rest(bytearray(body), receive, max_bytes)
        elif message["type"] == "http.disconnect":
            raise ClientDisconnect
    # The body may be larger than its Content-Length.
    if max(size, len(body)) > max_bytes:
        raise too_large(max_bytes)
    coding = coding_of(headers)
    return body if coding is None else decompressed(body, coding, max_bytes)


async def _read_rest(body: bytearray, receive: Receive, max_bytes: int) -> bytes:
    while len(body) <= max_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


def _value(headers: Headers, name: bytes) -> bytes | None:
    for key, value in headers:
        if key == name:
            return value
    return None


def number_in(headers: Headers, name: bytes) -> int | None:
    """Return the number of bytes in the header *name*; None if it is missing.

    Raises:
        RequestError: it is not a number (400).
    """
    value = _value(headers, name)
    if value is None:
        return None
    if not value.isdigit() or len(value) > _MOST_DIGITS:
        shown = value[:_MOST_DIGITS]
        raise RequestError(
            400, f"the header {name.decode()} is not a number of bytes: {shown!r}"
        )
    return int(value)


def coding_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return the content coding that *headers* give for the body; None if none.

    Raises:
        RequestError: the coding is unknown, or there is more than one (415).
    """
    given = [value for name, value in headers if name == CONTENT_ENCODING]
    if not given:
        return None
    words = [word.strip().lower() for word in b",".join(given).split(b",")]
    codings = [word for word in words if word not in {b"", _NONE}]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in _UNDONE:
        text = b", ".join(codings)[:100].decode("latin-1")
        raise RequestError(
            415,
            f"the body has the content coding {text!r}; send it as gzip or deflate, "
            "or uncompressed",
        )
    return codings[0]


def decompressed(body: bytes | bytearray, coding: bytes, max_bytes: int) -> bytes:
    """Return *body* decompressed from *coding*.

    Raises:
        RequestError: the body is not in that coding or is truncated (400), or is larger
            than *max_bytes* (413); no more than that is decompressed.
    """
    name = coding.decode("latin-1")
    reader = zlib.decompressobj(wbits=_EITHER)
    try:
        whole = reader.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise RequestError(400, f"the body is not {name}: {error}") from error
    if len(whole) > max_bytes:
        raise too_large(max_bytes)
    if not reader.eof:
        raise RequestError(400, f"the {name} data of the body ends too early")
    if reader.unused_data:
        raise RequestError(400, f"extra bytes follow the {name} data of the body")
    return whole


def too_large(max_bytes: int) -> RequestError:
    """Return the error for a body of more than *max_bytes*."""
    return RequestError(
        413, f"the body is larger than {max_bytes} bytes; send fewer rows at a time"
    )


@contextmanager
def watching(receive: Receive) -> Iterator[None]:
    """Cancel the current task if the client disconnects within the block.

    For ASGI applications that have read the whole body. Do not call *receive* within
    the block.
    """
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    watchers: list[asyncio.Task[None]] = []

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if task is not None:
            task.cancel()

    handle = loop.call_later(
        PATIENCE_S, lambda: watchers.append(loop.create_task(watch()))
    )
    try:
        yield
    finally:
        handle.cancel()
        for watcher in watchers:
            watcher.cancel()
