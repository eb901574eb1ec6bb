"""One worker process, from the point of view of its keeper."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

import msgspec

from hopsartifacts.serving.local.limits import used_mb
from hopsartifacts.serving.runtime.keeper_link import Order, Word

_BLOCK_BYTES = 64 * 1024
_MOST_WORD_BYTES = 64 * 1024
_NONSENSE = (
    "it sent the keeper something that is not a message: its script, or a library, "
    "writes to a file descriptor that it has not opened"
)


class WorkerProcess:
    """A running worker process that is watched.

    Attributes:
        state: the progress of the worker.
        asked_s: when it was last sent a ping.
        waiting_s: when the first unanswered ping was sent.
        why: the reason why it ends, if that is known before it has ended.
        due_s: when it must have ended, once it is leaving.
        has_left: whether it has stopped accepting connections.
        is_silent: whether its messages are no longer read.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        channel: socket.socket,
        marker: str,
        now: float,
    ) -> None:
        self.state: Literal["loading", "loaded", "serving", "leaving"] = "loading"
        self.asked_s = now
        self.waiting_s: float | None = None
        self.requests = 0
        self.why: str | None = None
        self.due_s = 0.0
        self.has_left = False
        self.is_silent = False
        self.marker = marker
        self._process = process
        self._channel = channel
        self._rest = b""

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def channel(self) -> socket.socket:
        """The connection to the worker, to wait for its messages."""
        return self._channel

    def exit_code(self) -> int | None:
        """Reap the process if it ended; return its exit code (negative: the signal)."""
        return self._process.poll()

    def words(self) -> Iterator[Word]:
        """Yield the messages that arrived since the last call.

        Any code in the worker can write to the connection. If invalid data arrives, the
        worker is killed and its messages are no longer read.
        """
        while not self.is_silent:
            try:
                data = self._channel.recv(_BLOCK_BYTES)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.is_silent = True
                break
            *lines, self._rest = (self._rest + data).split(b"\n")
            try:
                for line in lines:
                    yield msgspec.json.decode(line, type=Word)
                is_sense = len(self._rest) <= _MOST_WORD_BYTES
            except (msgspec.MsgspecError, ValueError, RecursionError):
                is_sense = False
            if not is_sense:
                self.is_silent = True
                self.kill(_NONSENSE)
                break

    def ask(self, order: Order) -> None:
        """Send an order; a worker that hangs does not read it."""
        with suppress(OSError):
            self._channel.send(f"{order}\n".encode())

    def drain(self, due_s: float, *, has_heirs: bool) -> None:
        """Ask the worker to answer requests on open connections, and end.

        If it *has_heirs*, other workers take over its idle connections.
        """
        self.state, self.due_s = "leaving", due_s
        self.ask("pass" if has_heirs else "drain")

    def terminate(self, due_s: float) -> None:
        """Ask the worker to finish the requests in progress and end."""
        self.state, self.due_s = "leaving", due_s
        self._process.send_signal(signal.SIGTERM)

    def kill(self, why: str | None = None) -> None:
        """Kill the worker and its session."""
        self.state = "leaving"
        self.why = self.why or why
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def used_mb(self) -> float:
        """Return the memory in MB that the worker and its descendants use."""
        return used_mb(self.pid)

    def close(self) -> None:
        """Close the connection to a worker that has ended, and kill its session."""
        self._channel.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
