"""How a worker process ends: on request, together with its keeper, or by force."""

import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

GRACE_S = 5
"""How many seconds requests in progress may take after SIGTERM."""
DRAIN_S = 300.0
"""How many seconds requests in progress may take when a worker is drained."""

_OURS = "hopsartifacts."
_ORPHAN_GRACE_S = 2.0
_EXIT_GRACE_S = 2.0


def let_forks_end() -> None:
    """Let processes that a script forks end on the signals that this process handles.

    They inherit its handlers, which only ask a server to end that they do not run.
    """
    os.register_at_fork(after_in_child=_drop_handlers)


def end_while_loading(*_: object) -> None:
    """Handle SIGTERM before the server exists: no request is in progress."""
    leave(0, at_once=True)


def end_without_keeper() -> None:
    """End the process unconditionally; called from a thread other than the main one."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ORPHAN_GRACE_S)
    if _is_group_leader():
        # Coverage does not see this line, since it is killed as well.
        os.killpg(os.getpid(), signal.SIGKILL)  # pragma: no cover - see above
    leave_now(0)


def leave(code: int, *, at_once: bool = False) -> NoReturn:
    """Exit from the main thread, and terminate the processes that scripts started.

    Exit handlers run unless *at_once* is true. Threads of scripts get little time.
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
        # Without a keeper these may be broken pipes; a script may have replaced them.
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def _drop_handlers() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        # Keep a handler that the script has set.
        module = getattr(signal.getsignal(number), "__module__", None) or ""
        if module.startswith(_OURS):
            signal.signal(number, signal.SIG_DFL)


def _is_group_leader() -> bool:
    # Otherwise the group belongs to the process that started this one.
    return os.getpgrp() == os.getpid()
