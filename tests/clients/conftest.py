"""Official clients, each in its own environment, and servers for them."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.environments import client_python, versions
from tests.clients.servers import Server
from tests.clients.starter import SCRIPTS, Script, Starter

CLIENTS_CACHE = Path("/tmp/hopsworks/models")  # noqa: S108 - the client's own choice
_WITH_DEPLOYMENT_VERSIONS = (4, 6)
_NOISE = re.compile(r"%\||it/s|INFO:|^$|^Downloading")
"""Lines of progress bars and the like."""
_RESULT = re.compile(r"(VERSION|REFUSED)\b")

_started: list[Script] = []


class Client(NamedTuple):
    """A release of the official client."""

    version: str
    starter: Starter

    @property
    def generation(self) -> str:
        """The script that knows what this release can do."""
        release = tuple(int(it) for it in self.version.split("."))
        is_late = release >= _WITH_DEPLOYMENT_VERSIONS
        return "generation_5.py" if is_late else "generation_4.py"

    def start(
        self, server: Server, folder: Path, *command: str, **variables: str
    ) -> Script:
        """Start a script in *folder*, with nothing of this process but the path."""
        home = folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        environment = {**_environment(home), **server.for_scripts(), **variables}
        script, *arguments = command
        process = self.starter.start(
            [str(SCRIPTS / script), *arguments], environment, folder
        )
        _started.append(process)
        return process

    def run(self, server: Server, folder: Path, *command: str, **variables: str) -> str:
        """Run a script and return what it prints; fail if it fails."""
        process = self.start(server, folder, *command, **variables)
        return finished(process, server)


def _environment(home: Path) -> dict[str, str]:
    """Return the variables that each process of a client has."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }


def finished(process: Script, server: Server) -> str:
    """Wait for a script and return what it printed; fail if it fails."""
    try:
        printed = process.communicate(timeout=900)
    except subprocess.TimeoutExpired:
        process.kill()
        printed = process.communicate()
    if process.returncode:
        told = "\n".join(it for it in printed.splitlines() if not _NOISE.search(it))
        log = server.log.read_text()[-6000:]
        pytest.fail(f"{told[-20_000:]}\n--- the server's log ---\n{log}")
    return printed


def result_of(printed: str) -> list[str]:
    """Return the words of the line in which a script says what came of it."""
    lines = [it.split() for it in printed.splitlines() if _RESULT.match(it)]
    assert len(lines) == 1, printed[-8000:]
    return lines[0]


@pytest.fixture(scope="session", params=versions())
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Each release that is tried."""
    home = tmp_path_factory.mktemp("home")
    starter = Starter(client_python(request.param), _environment(home))
    yield Client(request.param, starter)
    starter.stop()


@pytest.fixture(autouse=True)
def _no_client_left() -> Iterator[None]:
    """Kill scripts that wait for a test which is over."""
    yield
    while _started:
        _started.pop().close()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers with options; each is stopped in the end."""
    servers: list[Server] = []

    def start(*options: str) -> Server:
        servers.append(Server(tmp_path / f"server{len(servers)}", *options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
        server.end_deployments()
        shutil.rmtree(CLIENTS_CACHE / server.project_name, ignore_errors=True)


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    """One server as it comes."""
    return start_server()
