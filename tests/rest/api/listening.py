"""A server on the loopback, and one who listens to its events."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import msgspec
import uvicorn

from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted


class Told(msgspec.Struct, frozen=True):
    """One event, or a comment, which has no name."""

    name: str
    data: Any
    mark: str


class Listener:
    """Reads events from a connection of its own."""

    def __init__(self, port: int, path: str, mark: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"authorization": "ApiKey admin.secret"}
        if mark:
            headers["last-event-id"] = mark
        self._connection.request("GET", f"/api/v1{path}", headers=headers)
        self.answer = self._connection.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()

    def __iter__(self) -> Iterator[Told]:
        fields: dict[str, str] = {}
        comment = False
        while line := self.answer.readline().decode():
            if line.startswith(":"):
                comment = True
            elif line != "\n":
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
            elif "data" in fields:
                data = json.loads(fields["data"])
                yield Told(fields["event"], data, fields.get("id", ""))
                fields = {}
            elif comment:
                yield Told("", None, "")
                comment = False

    def next(self) -> Told:
        """Return the next event."""
        return next(iter(self))

    def until(self, event: str, /, **wanted: Any) -> list[Told]:
        """Return the events up to an *event* with these data."""
        found = []
        for told in self:
            found.append(told)
            if told.name == event and wanted.items() <= told.data.items():
                return found
        raise AssertionError(found)


class Serving(msgspec.Struct, frozen=True):
    """A running server."""

    port: int
    server: uvicorn.Server
    thread: threading.Thread
    hosted: Hosted

    def listen(self, path: str = "/events", mark: str = "") -> Listener:
        """Return who listens to *path*."""
        return Listener(self.port, path, mark)

    def stop(self) -> None:
        """End as a server does that was told to: it waits for requests under way."""
        self.hosted.close()
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


@contextmanager
def serving(hosted: Hosted) -> Iterator[Serving]:
    """Serve *hosted* on the loopback."""
    config = uvicorn.Config(create_app(hosted), port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    running = Serving(port, server, thread, hosted)
    try:
        yield running
    finally:
        running.stop()
