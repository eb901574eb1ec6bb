"""The server process's reports about itself: the first final word stands."""

import threading
from pathlib import Path

from hopsartifacts.serving.contract import Condition, ConditionType, Status
from hopsartifacts.serving.runtime.handover import Report, write_whole


class Reporter:
    """Writes reports; after ``failed`` or ``stopped`` it is silent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_final = False
        # Reentrant: a signal handler may report while the same thread reports.
        self._lock = threading.RLock()

    def starting(
        self, step: ConditionType, reason: str, *, is_done: bool = True
    ) -> None:
        """Report a step of the start, done or (``is_done=False``) under way."""
        status = True if is_done else None
        self._write("Starting", Condition(type=step, status=status, reason=reason))

    def running(self, reason: str) -> None:
        """Report that requests are answered from now on."""
        self._write("Running", Condition(type="READY", status=True, reason=reason))

    def stopping(self, reason: str) -> None:
        """Report that open requests are finished and new ones refused."""
        self._write("Stopping", Condition(type="STOPPED", reason=reason))

    def stopped(self, reason: str) -> None:
        """Report the end that somebody asked for."""
        condition = Condition(type="STOPPED", status=True, reason=reason)
        self._write("Stopped", condition, is_final=True)

    def failed(self, step: ConditionType, reason: str) -> None:
        """Report the step that could not be done."""
        condition = Condition(type=step, status=False, reason=reason)
        self._write("Failed", condition, is_final=True)

    def _write(
        self, status: Status, condition: Condition, *, is_final: bool = False
    ) -> None:
        with self._lock:
            if not self._is_final:
                self._is_final = is_final
                write_whole(self._path, Report(status=status, condition=condition))
