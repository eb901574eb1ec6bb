"""Starting the servers behind the back ends, each on a free port of this machine."""

import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_NOT_FOR_CLIENTS = range(20_000, 31_000)
"""Linux gives higher ones to whoever connects; those above are for FTP's answers."""


def program(name: str, how: str, *places: Path) -> str:
    """Return the path of a program; without it skip."""
    beside = Path(sys.executable).with_name(name)
    found = next((str(path) for path in (beside, *places) if path.exists()), None)
    return found or shutil.which(name) or missing(f"{name} is not installed ({how})")


def missing(what: str) -> str:
    """Skip the test and say why."""
    pytest.skip(what)


def needs(*modules: str) -> None:
    """Skip unless these modules can be imported."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            missing(f"{module} is not installed (pip install --group backends)")


def free_port() -> int:
    """Return a port that no client is given before a slow server has taken it."""
    for port in random.sample(_NOT_FOR_CLIENTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.fail("no free ports")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """Run a server in *folder* until the block ends; it has to listen on *port*."""
    log = folder / f"log-{port}"
    with log.open("wb") as output:
        # A session of its own: some commands are scripts whose child is the server.
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_until(
            lambda: listens(port) or process.poll() is not None, f"{command[0]} listens"
        )
        if process.poll() is not None:
            pytest.fail(f"{command[0]} ended: {log.read_text()[-2000:]}")
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return
        time.sleep(0.1)
    pytest.fail(f"gave up waiting until {what}")
