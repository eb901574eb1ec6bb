"""The helper processes that make previews, as the server sees them.

They are started when needed, and end by themselves when they are idle, or when the
server does. One that takes too long is killed.
"""

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from threading import BoundedSemaphore, Lock, Timer
from typing import Any

import msgspec

from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.previews.documents import (
    Message,
    Preview,
    Task,
    Tokens,
    Unreadable,
    Wanted,
)
from hopsartifacts.rest.previews.messages import received, sent
from hopsartifacts.serving.process_environment import clean_environment, interpreter

MOST = 2
"""The most helper processes that run at the same time."""
LONGEST_S = 15.0
"""A preview that takes longer is given up."""
_WAIT_S = 10.0
_END_S = 5.0
_MODULE = "hopsartifacts.rest.previews"
_LIMITS = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

Fetch = Callable[[int, int], bytes]


class _Helper:
    """One helper process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [interpreter(), "-m", _MODULE],
            cwd="/",
            env={**clean_environment(os.environ), **_LIMITS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )

    def make(self, task: Task, fetch: Fetch) -> bytes | None:
        """Return the document; None if the process has ended."""
        assert self._process.stdin is not None  # noqa: S101 - they are pipes
        assert self._process.stdout is not None  # noqa: S101 - they are pipes
        into, out = self._process.stdin.fileno(), self._process.stdout.fileno()
        with suppress(BrokenPipeError):
            sent(into, msgspec.msgpack.encode(task))
            while data := received(out):
                message = msgspec.msgpack.decode(data, type=Message)
                if not isinstance(message, Wanted):
                    return message.document
                sent(into, fetch(message.start, message.size))
        return None

    @property
    def is_idle_exit(self) -> bool:
        """Whether it has ended by itself."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(_END_S) == 0
        return False

    def kill(self) -> None:
        """Kill it, if it runs."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, and free what it used."""
        self._process.kill()
        self._process.communicate()


class Previewer:
    """Makes previews in helper processes.

    Args:
        longest_s: a preview that takes longer is given up.
    """

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._free = BoundedSemaphore(MOST)
        self._lock = Lock()
        self._idle: list[_Helper] = []
        self._is_closed = False

    def make(self, task: Task, fetch: Fetch) -> bytes:
        """Return the preview or the tokens as JSON.

        Args:
            task: what to make.
            fetch: returns bytes of the file; what it raises is raised here.

        Raises:
            RefusedError: too many previews are being made (429).
        """
        if not self._free.acquire(timeout=_WAIT_S):
            raise RefusedError(
                "too many previews are being made: try again in a few seconds",
                429,
                headers={"Retry-After": "5"},
            )
        try:
            return self._made(task, fetch)
        finally:
            self._free.release()

    def close(self) -> None:
        """End the helper processes."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._is_closed = True
        for helper in idle:
            helper.end()

    def _made(self, task: Task, fetch: Fetch) -> bytes:
        while True:
            helper, is_new = self._taken()
            is_late: list[bool] = []

            def late(helper: _Helper = helper, is_late: list[bool] = is_late) -> None:
                is_late.append(True)
                helper.kill()

            timer = Timer(self._longest_s, late)
            timer.daemon = True
            timer.start()
            document = None
            try:
                document = helper.make(task, fetch)
            except BaseException:
                helper.kill()  # it waits for bytes that do not come
                raise
            finally:
                timer.cancel()
                if document is not None and not is_late:
                    self._given_back(helper)
                else:
                    was_idle = not is_new and not is_late and helper.is_idle_exit
                    helper.end()
            if document is not None:
                return document
            if not was_idle:
                return msgspec.json.encode(
                    _failure(task, self._longest_s if is_late else None)
                )

    def _taken(self) -> tuple[_Helper, bool]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), False
        return _Helper(), True

    def _given_back(self, helper: _Helper) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(helper)
                return
        helper.end()


def _failure(task: Task, longest_s: float | None) -> Any:
    """Return the answer if there is none; *longest_s* if the time was over."""
    reason = (
        "reading it failed on the server: download the file"
        if longest_s is None
        else f"its preview took longer than {longest_s:g} seconds: download the file"
    )
    if task.kind == "tokens":
        return Tokens(path=task.path, language=None, lines=[], notes=[reason])
    return Preview(
        path=task.path, size_bytes=task.size_bytes, content=Unreadable(reason=reason)
    )
