"""Logs as JSON, one object a line: of each request, and of what went wrong.

Neither has what a request's headers, query or body said: there are secrets in them.
"""

import logging
import re
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hopsartifacts.errors import StorageError, without_secrets
from hopsartifacts.store.identity import new_token

REQUEST_ID = b"x-request-id"
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LONGEST_PATH = 1000
_LOGGER = logging.getLogger("hopsartifacts.access")
_request: ContextVar[str] = ContextVar("request", default="")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one request.

    Attributes:
        request: its id, which the client was told as ``X-Request-Id``.
        key: the id of the key it bore, if that let it in.
        operation: the template of its path; empty if there is no such path.
        path: as it was sent, without the query.
        status: None if there was no answer, since the client had gone. Of a call over
            gRPC: its code, 0 for a good one.
        whole: whether the answer was sent to its end.
    """

    time: str
    request: str
    client: str
    key: str
    method: str
    operation: str
    path: str
    status: int | None
    whole: bool
    bytes_in: int
    bytes_out: int
    seconds: float


def say(line: Line) -> None:
    """Put *line* in the log."""
    if _LOGGER.isEnabledFor(logging.INFO):
        _LOGGER.info(msgspec.json.encode(line).decode())


class AccessLog:
    """Says a line for each request, and gives each an id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope)
        token = _request.set(seen.id)
        try:
            await self._app(scope, seen.receives(receive), seen.sends(send))
        except Exception:
            # Where an answer was made of it, it has been logged as well.
            if not seen.whole:
                raise
        finally:
            _request.reset(token)
            say(seen.line())


class _Seen:
    """What is seen of a request while it is answered."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        # What is put there further in is to be seen here.
        scope.setdefault("state", {})
        self._start = time.perf_counter()
        self.id = _given_id(scope) or new_token()
        self.whole = False
        self._status: int | None = None
        self._bytes_in = self._bytes_out = 0
        self._length: int | None = None

    def receives(self, receive: Receive) -> Receive:
        async def received() -> Message:
            message = await receive()
            self._bytes_in += len(message.get("body", b""))
            return message

        return received

    def sends(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
                self._length = _length(message)
                header = (REQUEST_ID, self.id.encode())
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)
            if message["type"] == "http.response.body":
                self._bytes_out += len(message.get("body", b""))
                # Who has got all that was announced may be gone before the last word.
                ends = not message.get("more_body", False)
                self.whole = ends or self._bytes_out == self._length

        return sent

    def line(self) -> Line:
        scope, state = self._scope, self._scope["state"]
        operation, caller = state.get("operation"), state.get("caller")
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.partition(b"?")[0].decode("latin-1")
        client = scope.get("client")
        return Line(
            time=now(),
            request=self.id,
            client=client[0] if client else "",
            key=caller.id if caller else "",
            method=scope["method"],
            operation=operation.path if operation else "",
            path=path[:_LONGEST_PATH],
            status=self._status,
            whole=self.whole,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            seconds=round(time.perf_counter() - self._start, 6),
        )


def log_to(access: Path | None) -> None:
    """Write lines of requests to *access*, by default to stderr; all others there.

    A file that was moved away is made anew.

    Raises:
        StorageError: the file cannot be written.
    """
    lines = logging.StreamHandler(sys.stderr) if access is None else _file(access)
    lines.setFormatter(logging.Formatter("%(message)s"))
    _LOGGER.handlers = [lines]
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers = [others]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": now(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if request := _request.get():
            said["request"] = request
        if record.exc_info:
            said["trace"] = without_secrets(self.formatException(record.exc_info))
        return msgspec.json.encode(said).decode()


def _file(path: Path) -> WatchedFileHandler:
    try:
        path.touch(mode=0o600)
        return WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot write the access log {str(path)!r}: {error.strerror}"
        ) from error


def _given_id(scope: Scope) -> str | None:
    """Return the id that the client, or a proxy, gave the request."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _GIVEN_ID.fullmatch(value):
            given: bytes = value
            return given.decode()
    return None


def _length(start: Message) -> int | None:
    """Return how long the body of an answer is announced to be."""
    for name, value in start.get("headers", ()):
        if name.lower() == b"content-length":
            return int(value)
    return None


def now() -> str:
    """Return the time as lines have it."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
