"""Servers as processes of their own, and on a thread of this one."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from click.testing import CliRunner
from starlette.types import ASGIApp

from hopsartifacts.cli.app import app
from hopsartifacts.rest.connections import ConnectionLimit
from hopsartifacts.rest.listener import Listening, listen
from hopsartifacts.rest.server_process import ApiServer, connection_limit

CLI = (sys.executable, "-m", "hopsartifacts.cli")
_PATIENCE_S = 30


class Process:
    """``hopsartifacts serve`` as it is called by people.

    Args:
        url: of the project.
        options: of the command.
        files: how many files it may have open; None for as many as we may.

    Attributes:
        started: what it said when it was ready.
    """

    def __init__(self, url: str, *options: object, files: int | None = None) -> None:
        limited = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh"] if files else []
        serve = [*CLI, "serve", url, "--json", "--port", "0", *map(str, options)]
        self._process = subprocess.Popen(
            [*limited, *serve],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        lines = iter(self._process.stdout.readline, "")
        said = ""
        for line in lines:
            said += line
            if line == "}\n":
                break
        if not said:
            _, error = self._process.communicate(timeout=_PATIENCE_S)
            raise ChildProcessError(error)
        self.started: dict[str, Any] = json.loads(said)
        # Else it would wait for somebody to read.
        self._error = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def url(self) -> str:
        """Where it answers."""
        url: str = self.started["url"]
        return url

    @property
    def certificate(self) -> str:
        """What clients trust."""
        path: str = self.started["certificate"]
        return path

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._process.pid, number)

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return exit code and what it said on stderr."""
        code = self._process.wait(_PATIENCE_S)
        self._reader.join()
        assert self._process.stdout
        self._process.stdout.close()
        return code, self._error

    def end(self) -> tuple[int, str]:
        """Have it end."""
        if self._process.poll() is None:
            self.send(signal.SIGTERM)
        return self.ended()

    def _read(self) -> None:
        assert self._process.stderr
        with self._process.stderr as stream:
            self._error = stream.read()


def make_key(
    url: str, *options: object, environment: Mapping[str, str] | None = None
) -> str:
    """Return the text of a new key, made by the command that users have for it."""
    command = ["keys", "create", "tester", "--url", url, *map(str, options)]
    done = CliRunner().invoke(app, command, env=environment)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


@contextmanager
def on_thread(
    app: ASGIApp,
    drain_s: float = 5.0,
    limit: ConnectionLimit | None = None,
    port: int = 0,
) -> Iterator[int]:
    """Serve *app* without TLS meanwhile, by default at a free port; give the port."""
    listening = Listening(is_plain=True, drain_s=drain_s)
    is_ready = threading.Event()

    @asynccontextmanager
    async def around() -> AsyncIterator[None]:
        is_ready.set()
        yield

    server = ApiServer(app, listening, None, limit or connection_limit(), around)
    (bound,) = listen("127.0.0.1", port)
    with bound:
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        assert is_ready.wait(_PATIENCE_S)
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(_PATIENCE_S)
