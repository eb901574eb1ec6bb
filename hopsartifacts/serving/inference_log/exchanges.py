"""Logged requests with their answers as values, and what is known about log files."""

from datetime import UTC, datetime
from threading import Lock

import msgspec

_MOST_KNOWN = 100_000


class Mark(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A place in the log, by time; *file* and *row* distinguish equal times."""

    time_ms: int
    file: str = ""
    row: int = -1


class LoggedExchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer, as far as they were logged.

    Attributes:
        mark: its place in the log.
        id: the id that the client gave, or a new one.
        deployment_version: the version that answered.
        model_version: the version of its model.
        status: the HTTP status of the answer.
        request: the body of the request; None if requests are not logged.
        answer: the body of the answer; None if answers are not logged.
    """

    mark: Mark
    id: str
    deployment_version: int
    model_version: int
    status: int
    request: str | None
    answer: str | None

    @property
    def time(self) -> datetime:
        """When the request arrived."""
        return datetime.fromtimestamp(self.mark.time_ms / 1000, UTC)


class Exchanges(msgspec.Struct, frozen=True, kw_only=True):
    """Exchanges, newest first; *next* continues after them, None at the end."""

    items: list[LoggedExchange]
    next: Mark | None


class Span(msgspec.Struct, frozen=True):
    """The times of the first and the last exchange in a file."""

    first_ms: int
    last_ms: int


class KnownFiles:
    """What is known about the files of logs; usable from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spans: dict[str, Span] = {}

    def find(self, path: str) -> Span | None:
        """Return the span of the file *path*; None if it was not read yet."""
        with self._lock:
            return self._spans.get(path)

    def note(self, path: str, span: Span) -> None:
        """Remember the span of a file; forget the oldest if there are too many."""
        with self._lock:
            while len(self._spans) >= _MOST_KNOWN:
                self._spans.pop(next(iter(self._spans)))
            self._spans[path] = span
