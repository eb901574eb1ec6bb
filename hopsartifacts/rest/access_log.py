"""JSON logs with one object per line: an access log, and a log of errors.

Neither contains a request's headers, query or body, as these can hold secrets.
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
from hopsartifacts.machine.identity import new_token

REQUEST_ID = b"x-request-id"
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LONGEST_PATH = 1000
_LOGGER = logging.getLogger("hopsartifacts.access")
_request: ContextVar[str] = ContextVar("request", default="")


class AccessLogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the access log.

    Attributes:
        request: id of the request, which the client gets as ``X-Request-Id``.
        key: id of the request's API key, if it was accepted.
        operation: path template of the operation; empty if the path does not exist.
        path: as it was sent, without the query.
        status: None if nothing was sent because the client had disconnected. For a gRPC
            call: its status code, 0 for success.
        whole: whether the complete answer was sent.
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


def say(line: AccessLogLine) -> None:
    """Write *line* to the access log."""
    if _LOGGER.isEnabledFor(logging.INFO):
        _LOGGER.info(msgspec.json.encode(line).decode())


class AccessLog:
    """ASGI middleware that assigns each request an id and logs one line for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, then log the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope)
        token = _request.set(seen.id)
        try:
            await self._app(scope, seen.receives(receive), seen.sends(send))
        except Exception:
            # If the error was answered, it has already been logged.
            if not seen.whole:
                raise
        finally:
            _request.reset(token)
            say(seen.line())


class _Seen:
    """What the access log records of one request."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        # Inner applications write to this dict; create it here so that it is shared.
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
                # A client may disconnect as soon as it has all announced bytes.
                ends = not message.get("more_body", False)
                self.whole = ends or self._bytes_out == self._length

        return sent

    def line(self) -> AccessLogLine:
        scope, state = self._scope, self._scope["state"]
        operation, caller = state.get("operation"), state.get("caller")
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.partition(b"?")[0].decode("latin-1")
        client = scope.get("client")
        return AccessLogLine(
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
    """Write access lines to *access* or to stderr; write all other logs to stderr.

    If the file is moved away (log rotation), a new one is created.

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
    """Return the request id that the client or a proxy sent; None if not valid."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _GIVEN_ID.fullmatch(value):
            given: bytes = value
            return given.decode()
    return None


def _length(start: Message) -> int | None:
    """Return the ``Content-Length`` of an answer; None if it has none."""
    for name, value in start.get("headers", ()):
        if name.lower() == b"content-length":
            return int(value)
    return None


def now() -> str:
    """Return the current time in the format of log lines."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
