"""How the server process ends: asked to, with its parent, or by force."""

import logging
import os
import signal
import sys
import threading
import time
from typing import NoReturn

from hopsartifacts.serving.runtime.reporting import Reporter

GRACE_S = 5
"""How long requests under way may take after SIGTERM."""

_ORPHAN_GRACE_S = 2.0
_WATCH_INTERVAL_S = 0.5
_EXIT_GRACE_S = 2.0


class Ending:
    """Knows why the process ends, and sees to it that it does."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.reason = "the process was asked to stop"

    def end_while_loading(self, *_: object) -> None:
        """Handle SIGTERM before there is a server: nothing is under way."""
        self._reporter.stopped(f"{self.reason} while it was loading")
        leave(0, at_once=True)

    def watch_parent(self, parent_pid: int) -> None:
        """End the process when *parent_pid* is no longer its parent."""
        threading.Thread(
            target=self._watch, args=(parent_pid,), name="parent-watch", daemon=True
        ).start()

    def _watch(self, parent_pid: int) -> None:
        while os.getppid() == parent_pid:
            time.sleep(_WATCH_INTERVAL_S)
        self.reason = "the process that started the deployment ended"
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_ORPHAN_GRACE_S)
        self._reporter.stopped(self.reason)
        if _is_group_leader():
            # Not seen by coverage, which dies here too.
            os.killpg(os.getpid(), signal.SIGKILL)  # pragma: no cover - see above
        leave_now(0)


def leave(code: int, *, at_once: bool = False) -> NoReturn:
    """Exit from the main thread, asking what the scripts started to end as well.

    Unless *at_once*, exit handlers run; a script's threads are not waited for long.
    """

    def insist() -> None:
        time.sleep(_EXIT_GRACE_S)
        leave_now(code)

    if _is_group_leader():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(os.getpid(), signal.SIGTERM)
    if at_once:
        leave_now(code)
    threading.Thread(target=insist, name="exit", daemon=True).start()
    sys.exit(code)


def leave_now(code: int) -> NoReturn:
    """Exit without waiting for anything."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _is_group_leader() -> bool:
    # Else it is the group of whoever started this process: theirs to signal.
    return os.getpgrp() == os.getpid()
