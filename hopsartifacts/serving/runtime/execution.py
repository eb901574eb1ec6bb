"""Where a call runs: in the one thread, or on the event loop if it is quick.

Everything that is not async runs in one thread, one call at a time. Handing a call to
the thread and back costs half as much as a prediction of a small model. So our own
predictors run on the event loop as long as they are quick. Scripts do not: a script may
block, or need its thread.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

Result = TypeVar("Result")

_QUICK_S = 0.001
"""How long the event loop may be blocked."""
_ENOUGH = 8
"""After this many quick predictions in a row the next is expected to be quick."""
_FEW_ROWS = 32


class _Job(NamedTuple):
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[object]
    call: Callable[[], object]


class WorkerThread:
    """Runs calls in order in a daemon thread, so that none of them can block an exit.

    Scripts that expect one request at a time stay correct, and the event loop answers
    health checks meanwhile.

    Attributes:
        is_busy: whether a call is running.
        jobs: how many calls run or wait; read it in the event loop's thread only.
    """

    def __init__(self) -> None:
        self.is_busy = False
        self.jobs = 0
        self._queue: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, call: Callable[[], Result]) -> Result:
        """Run *call* in the thread; return its result or raise its exception."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name="predictions", daemon=True
            )
            self._thread.start()
        loop = asyncio.get_running_loop()
        result: list[Result] = []
        future: asyncio.Future[object] = loop.create_future()
        self.jobs += 1
        self._queue.put(_Job(loop, future, lambda: result.append(call())))
        await future
        return result[0]

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            error: BaseException | None = None
            if not job.future.cancelled():
                self.is_busy = True
                try:
                    job.call()
                except BaseException as raised:  # noqa: BLE001 - the caller gets it
                    error = raised
                self.is_busy = False
            # The loop is closed if the server ended during a long call.
            with contextlib.suppress(RuntimeError):
                job.loop.call_soon_threadsafe(self._settle, job.future, error)

    def _settle(
        self, future: asyncio.Future[object], error: BaseException | None
    ) -> None:
        self.jobs -= 1
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


class Pace:
    """A record of how quick the last predictions were."""

    def __init__(self) -> None:
        self._quick = 0

    def is_quick(self, inputs: Any) -> bool:
        """Return whether *inputs* are few and the last predictions were quick."""
        return self._quick >= _ENOUGH and _is_few(inputs)

    def timed(self, call: Callable[[], Result], inputs: Any) -> Result:
        """Run *call*, a prediction for *inputs*; time it and return its result."""
        began = time.perf_counter()
        result = call()
        if time.perf_counter() - began > _QUICK_S:
            # A busy machine has the same effect: predictions go to the thread for a
            # while.
            self._quick = 0
        elif _is_few(inputs):
            self._quick += 1
        return result


def _is_few(inputs: Any) -> bool:
    return isinstance(inputs, list) and len(inputs) <= _FEW_ROWS
