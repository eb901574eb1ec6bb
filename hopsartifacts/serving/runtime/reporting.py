"""The worker's end of its connection with the keeper."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import msgspec

from hopsartifacts.serving.contract import ConditionType
from hopsartifacts.serving.runtime.handover import Word


class Reporter:
    """Says words to the keeper, and hears its orders; silent after ``failed``."""

    def __init__(self, keeper_fd: int) -> None:
        self._keeper = socket.socket(fileno=keeper_fd)
        # Else processes that a script starts would keep the connection.
        self._keeper.set_inheritable(False)
        self._is_final = False
        # Reentrant: a signal handler may report while the same thread reports.
        self._lock = threading.RLock()
        self.on_order: Callable[[str], object] = _ignore
        """Called with each order, in a thread of its own."""

    def listen(self, on_end: Callable[[], object]) -> None:
        """Hear orders from now on; call *on_end* when the keeper is gone."""
        threading.Thread(
            target=self._listen, args=(on_end,), name="keeper", daemon=True
        ).start()

    def starting(self, step: ConditionType, reason: str) -> None:
        """Report that a step of the start is done."""
        self._say(Word(kind="starting", step=step, reason=reason))

    def loaded(self) -> None:
        """Report that requests could be answered from now on."""
        self._say(Word(kind="loaded"))

    def serving(self) -> None:
        """Report that connections are accepted."""
        self._say(Word(kind="serving"))

    def leaving(self) -> None:
        """Report that no connections are accepted any more."""
        self._say(Word(kind="leaving"))

    def alive(self, requests: int, *, is_busy: bool) -> None:
        """Report that the event loop turns, and what it has done."""
        self._say(Word(kind="alive", requests=requests, is_busy=is_busy))

    def failed(self, step: ConditionType, reason: str) -> None:
        """Report the step that could not be done."""
        self._say(Word(kind="failed", step=step, reason=reason), is_final=True)

    def _say(self, word: Word, *, is_final: bool = False) -> None:
        with self._lock:
            if not self._is_final:
                self._is_final = is_final
                # A keeper that is gone is noticed by whoever listens.
                with suppress(OSError):
                    self._keeper.sendall(msgspec.json.encode(word) + b"\n")

    def _listen(self, on_end: Callable[[], object]) -> None:
        with suppress(OSError), self._keeper.makefile("r") as lines:
            for line in lines:
                self.on_order(line.strip())
        on_end()


def _ignore(_: str) -> None:
    pass
