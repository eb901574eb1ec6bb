"""The worker's end of its connection to the keeper."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import msgspec

from hopsartifacts.serving.contract import ConditionType
from hopsartifacts.serving.runtime.handover import Word


class KeeperLink:
    """Sends messages to the keeper and receives its orders; silent after ``failed``."""

    def __init__(self, keeper_fd: int) -> None:
        self._keeper = socket.socket(fileno=keeper_fd)
        # Otherwise child processes of scripts would keep the connection open.
        self._keeper.set_inheritable(False)
        self._is_final = False
        # Reentrant: a signal handler may report while the same thread reports.
        self._lock = threading.RLock()
        self.on_order: Callable[[str], object] = _ignore
        """Called with each order, in a separate thread."""

    def listen(self, on_end: Callable[[], object]) -> None:
        """Receive orders from now on; call *on_end* when the keeper is gone."""
        threading.Thread(
            target=self._listen, args=(on_end,), name="keeper", daemon=True
        ).start()

    def starting(self, step: ConditionType, reason: str) -> None:
        """Report that a step of the start is done."""
        self._say(Word(kind="starting", step=step, reason=reason))

    def loaded(self) -> None:
        """Report that the worker is ready to answer requests."""
        self._say(Word(kind="loaded"))

    def serving(self) -> None:
        """Report that connections are accepted."""
        self._say(Word(kind="serving"))

    def leaving(self) -> None:
        """Report that connections are no longer accepted."""
        self._say(Word(kind="leaving"))

    def alive(self, requests: int, *, is_busy: bool) -> None:
        """Report that the event loop runs, with the number of requests so far."""
        self._say(Word(kind="alive", requests=requests, is_busy=is_busy))

    def failed(self, step: ConditionType, reason: str) -> None:
        """Report the step that failed."""
        self._say(Word(kind="failed", step=step, reason=reason), is_final=True)

    def _say(self, word: Word, *, is_final: bool = False) -> None:
        with self._lock:
            if not self._is_final:
                self._is_final = is_final
                # The listening thread notices if the keeper is gone.
                with suppress(OSError):
                    self._keeper.sendall(msgspec.json.encode(word) + b"\n")

    def _listen(self, on_end: Callable[[], object]) -> None:
        with suppress(OSError), self._keeper.makefile("r") as lines:
            for line in lines:
                self.on_order(line.strip())
        on_end()


def _ignore(_: str) -> None:
    pass
