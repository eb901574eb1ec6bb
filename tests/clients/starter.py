"""Scripts of a client: each is a fork of one process, which has imported the client."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

SCRIPTS = Path(__file__).with_name("scripts")
_PATIENCE_S = 300
"""The first script waits for the import of the client."""


class Script:
    """A script that was started; it has the methods of ``subprocess.Popen``.

    Attributes:
        pid: the number of its process.
        stdout: what it prints, also on stderr.
        returncode: its exit status, or the negated signal; None if it is not known to
            have ended.
    """

    def __init__(
        self, command: Sequence[str], output: int, status: socket.socket
    ) -> None:
        self.stdout = os.fdopen(output, encoding="utf-8")
        self.returncode: int | None = None
        self._command = command
        self._status = status
        self._printed = ""
        self._reader = threading.Thread(target=self._read)
        status.settimeout(_PATIENCE_S)
        self.pid = int(status.recv(100))

    def poll(self) -> int | None:
        """Return its exit status; None if it still runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs after *timeout* seconds.
        """
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                self.returncode = int(self._status.recv(100))
            except (TimeoutError, BlockingIOError) as error:
                raise self._expired(timeout) from error
            self._status.close()
        return self.returncode

    def kill(self) -> None:
        """Kill it, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> str:
        """Wait for its end; return what it printed and nobody has read.

        Raises:
            subprocess.TimeoutExpired: it still runs after *timeout* seconds.
        """
        if self._reader.ident is None:
            self._reader.start()
        self._reader.join(timeout)
        if self._reader.is_alive():
            raise self._expired(timeout)
        self.wait(timeout)
        return self._printed

    def close(self) -> None:
        """Kill it, if it still runs, and close everything."""
        self.kill()
        self.wait()
        if self._reader.ident is not None:
            self._reader.join()
        self.stdout.close()

    def _read(self) -> None:
        self._printed = self.stdout.read()

    def _expired(self, timeout: float | None) -> subprocess.TimeoutExpired:
        return subprocess.TimeoutExpired(self._command, timeout or 0)


class Starter:
    """The process of which the scripts are forks; it starts with the first script."""

    def __init__(self, python: Path, environment: dict[str, str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [str(python), str(SCRIPTS / "starter.py"), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
            )

    def start(
        self, command: Sequence[str], environment: dict[str, str], folder: Path
    ) -> Script:
        """Start a script.

        Args:
            command: the path of the script, and its arguments.
            environment: all its variables.
            folder: its working folder.
        """
        order = {
            "command": [*command],
            "environment": environment,
            "folder": str(folder),
        }
        output, theirs = os.pipe()
        # Each message stays a message, whenever it is read.
        status, watcher = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        message = json.dumps(order).encode()
        with watcher, os.fdopen(theirs, "wb"):
            socket.send_fds(self._orders, [message], [theirs, watcher.fileno()])
        return Script(command, output, status)

    def stop(self) -> None:
        """End the process."""
        self._orders.close()
        self._process.wait(_PATIENCE_S)
