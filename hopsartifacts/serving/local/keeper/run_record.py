"""What a keeper remembers about a run: its requests by minute, and its last error."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from hopsartifacts.serving.contract import LastError
from hopsartifacts.serving.local.traffic_file import TrafficWriter
from hopsartifacts.serving.runtime.failures import sayable
from hopsartifacts.serving.runtime.keeper_link import WorkerMessage

_SAME_ERROR = timedelta(minutes=1)
"""An error that happens again within this time is not news."""
_WRITE_S = 1.0


class RunRecord:
    """The record of one run; *traffic* is the file for the counts of requests.

    Attributes:
        last_error: the last error of the run; None if there was none.
    """

    def __init__(self, traffic: Path) -> None:
        self.last_error: LastError | None = None
        self._traffic = TrafficWriter(traffic)
        self._traffic.begin(time.time())
        self._written_s = 0.0

    def take(self, message: WorkerMessage) -> None:
        """Remember what a worker reported."""
        self._traffic.count(message.counts)
        if message.error is not None:
            self._note(message.error)

    def fail(self, reason: str, version: int) -> None:
        """Remember the end of a process, or of a start, that has no exception."""
        now = datetime.now(UTC)
        self._note(LastError(message=sayable(reason), time=now, version=version))

    def write(self, now: float) -> None:
        """Write the counts if the last time was a second ago."""
        if now - self._written_s >= _WRITE_S:
            self._written_s = now
            self.close()

    def close(self) -> None:
        """Write the counts."""
        self._traffic.write(time.time())

    def _note(self, error: LastError) -> None:
        before = self.last_error
        if before is not None:
            is_same = replace(error, time=before.time) == before
            if is_same and error.time - before.time < _SAME_ERROR:
                return
        self.last_error = error
