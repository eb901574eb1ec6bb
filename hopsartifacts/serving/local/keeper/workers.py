"""One worker process, as its keeper sees it."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

import msgspec

from hopsartifacts.serving.local.limits import used_mb
from hopsartifacts.serving.runtime.handover import Order, Word

_BLOCK_BYTES = 64 * 1024
_MOST_WORD_BYTES = 64 * 1024
_NONSENSE = (
    "it sent the keeper something that is not a message: its script, or a library, "
    "writes to a file descriptor that it has not opened"
)


class Worker:
    """A worker that was started and is watched.

    Attributes:
        state: how far it has come.
        asked_s: when it was asked last whether its loop turns.
        waiting_s: when the first question was asked that it has not answered.
        why: why it ends, if it is known before it has ended.
        due_s: when it should have ended, once it leaves.
        has_left: it accepts no connections any more.
        is_silent: nothing more is heard from it.
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
        """Its process id."""
        return self._process.pid

    @property
    def channel(self) -> socket.socket:
        """To wait for its words."""
        return self._channel

    def exit_code(self) -> int | None:
        """Reap it if it ended; return how (negative: the signal)."""
        return self._process.poll()

    def words(self) -> Iterator[Word]:
        """Return what it said since the last time.

        Any code in the worker can write to the connection. One that says what is not
        a word is killed, and not listened to any more.
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
        """Send an order; one that hangs does not read it."""
        with suppress(OSError):
            self._channel.send(f"{order}\n".encode())

    def drain(self, due_s: float, *, has_heirs: bool) -> None:
        """Ask it to answer what still comes on open connections, and end.

        If it *has_heirs*, other workers take the connections on which nothing comes.
        """
        self.state, self.due_s = "leaving", due_s
        self.ask("pass" if has_heirs else "drain")

    def terminate(self, due_s: float) -> None:
        """Ask it to finish what is under way and end."""
        self.state, self.due_s = "leaving", due_s
        self._process.send_signal(signal.SIGTERM)

    def kill(self, why: str | None = None) -> None:
        """End it and its session at once."""
        self.state = "leaving"
        self.why = self.why or why
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def used_mb(self) -> float:
        """Return the memory that it and its children hold."""
        return used_mb(self.pid)

    def close(self) -> None:
        """Let go of one that has ended, and end what it left in its session."""
        self._channel.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
