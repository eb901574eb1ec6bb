"""The helper process beside the workers: restarted if it ends, ended after them."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from hopsartifacts.serving.local.control import Helper, Patience
from hopsartifacts.serving.local.keeper.fleet import say

_LONGEST_WAIT_S = 60.0


class HelperProcess:
    """Keeps one helper process running; does nothing if there is no helper.

    Args:
        helper: the command to run.
        folder: the working folder of the process.
        patience: the restart policy.
        log: the descriptor for its output; None means the streams of this process.
    """

    def __init__(
        self,
        helper: Helper | None,
        folder: Path,
        patience: Patience,
        log: int | None = None,
    ) -> None:
        self._helper = helper
        self._folder = folder
        self._patience = patience
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._unwritten = b""
        self._failures = 0
        self._started_s = 0.0
        self._retry_s = float("-inf")
        self._is_changed = False

    @property
    def is_over(self) -> bool:
        """Whether no process runs."""
        return self._process is None or self._process.poll() is not None

    def change(self, helper: Helper | None) -> None:
        """Replace the helper once the workers of the version before have ended."""
        self._is_changed = self._is_changed or helper != self._helper
        self._helper = helper

    def tick(self, now: float, *, may_change: bool) -> None:
        """Start the process if it does not run, or replace it if *may_change*."""
        if self._is_changed and may_change:
            self.end()
            if self.is_over:
                self._process, self._is_changed = None, False
        elif self._process is None:
            if self._helper is not None and now >= self._retry_s:
                self._start(self._helper, now)
        elif (code := self._process.poll()) is not None:
            self.end()
            self._process = None
            if now - self._started_s > self._patience.steady_s:
                self._failures = 0
            self._failures += 1
            wait_s = self._patience.pause_s(self._failures, _LONGEST_WAIT_S)
            self._retry_s = now + wait_s
            say(f"the helper process ended with code {code}; it is started again")
        else:
            self._tell()

    def end(self) -> None:
        """Close its input, so that it finishes and ends."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def kill(self) -> None:
        """Kill the process."""
        if self._process is not None and not self.is_over:
            self._process.kill()
            self._process.wait()

    def _start(self, helper: Helper, now: float) -> None:
        self._started_s = now
        self._process = subprocess.Popen(  # noqa: S603 - given by the back end
            helper.command,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            bufsize=0,
        )
        self._unwritten = helper.input
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
        self._tell()

    def _tell(self) -> None:
        """Write as much of the input as the pipe takes; the rest follows later."""
        if self._unwritten and self._process and self._process.stdin:
            # If the process has ended meanwhile, the next tick notices.
            with suppress(BlockingIOError, BrokenPipeError):
                count = self._process.stdin.write(self._unwritten)
                self._unwritten = self._unwritten[count or 0 :]
