"""The real server, as a process of its own."""

import json
import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import hopsartifacts
from hopsartifacts.project import Project
from tests.rest.servers import CLI, make_key

HOST = "127.0.0.1"


class Server:
    """``hopsartifacts serve`` on a free port, with a project and a key of its own.

    Started again after :meth:`kill` it has the same port, state and project.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        # Clients keep what they download under the project's name: one for each test.
        self.project_name = f"acceptance{os.urandom(6).hex()}"
        self.project_folder = folder / "projects" / self.project_name
        self.state = folder / "state"
        self.port = free_port()
        self.log = folder / "server.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.project_folder.parent.mkdir(parents=True, exist_ok=True)
        hopsartifacts.login(self.project_folder)
        # With the scopes that a key has if nothing is said of them.
        self.key = make_key(str(self.project_folder), environment=self._own())
        self.certificate = Path()
        self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def open(self) -> Project:
        """Open the project with the library, beside the server."""
        return hopsartifacts.login(self.project_folder)

    def start(self) -> None:
        """Start the server and wait until it says where it listens."""
        command = [*CLI, "serve", "--json", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._options, str(self.project_folder)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self._own()},
                cwd=self.folder,
            )
        assert self._process.stdout is not None
        said = b""
        while not said.endswith(b"}\n"):
            line = self._process.stdout.readline()
            if not line:
                pytest.fail(f"the server did not start:\n{self.log.read_text()}")
            said += line
        self.certificate = Path(json.loads(said)["certificate"])

    def kill(self) -> None:
        """Kill the server at once, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def stop(self) -> int:
        """Stop it as an operator would; return its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(60)
        finally:
            self.kill()

    def end_deployments(self) -> None:
        """End what a test that failed left running: deployments outlive the server."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(
                    part.startswith(f"{self.folder}/") for part in process.cmdline()
                ):
                    process.terminate()

    def resident_bytes(self) -> int:
        """Return how much memory the server has, without its deployments."""
        size: int = psutil.Process(self.pid).memory_info().rss
        return size

    def for_scripts(self) -> dict[str, str]:
        """Return the variables by which a script of a client finds the server."""
        return {
            "SERVER_HOST": HOST,
            "SERVER_PORT": str(self.port),
            "SERVER_PROJECT": self.project_name,
            "SERVER_KEY": self.key,
            "SERVER_CERTIFICATE": str(self.certificate),
        }

    def _own(self) -> dict[str, str]:
        return {
            "HOPSARTIFACTS_URL": str(self.project_folder),
            "HOPSARTIFACTS_SERVER_DIR": str(self.state),
            "HOPSARTIFACTS_STATE_DIR": str(self.folder / "runs"),
            "HOPSARTIFACTS_CACHE_DIR": str(self.folder / "cache"),
        }


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
