"""Concurrent requests, put together for the predictor and told apart afterwards.

One batch is with the predictor at a time. What comes meanwhile waits, and is the next
one: under load batches grow by themselves, and a request that is alone waits for nobody
(unless told to, by ``max_latency_ms``).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any

from hopsartifacts.serving.contract import Batching
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.rows import form_of, joined, kind_of, parts

Ask = Callable[[Any], Awaitable[Any]]

_FIRST_TRUCE = 16
_LONGEST_TRUCE = 4096
_LATE = 504
_MOST_FORMS = 1000


class _Waiting:
    """One request, from its arrival to its answer."""

    def __init__(self, inputs: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.inputs = inputs
        self.kind = kind_of(inputs)
        self.rows = 0 if self.kind is None else len(inputs)
        self.answer: asyncio.Future[Any] = loop.create_future()
        self.since = loop.time()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits: not after a timeout, nor a lost client."""
        return not self.answer.done()

    def succeed(self, answer: Any) -> None:
        if self.is_wanted:
            self.answer.set_result(answer)

    def fail(self, error: BaseException) -> None:
        if self.is_wanted:
            self.answer.set_exception(error)


class Batcher:
    """Asks a predictor for many requests at once.

    Every request gets what it would have got alone. Where that cannot be made sure (the
    answer has another number of rows, the batch raises) each is asked for alone, so
    that a request that is bad fails by itself.
    """

    def __init__(self, ask: Ask, batching: Batching) -> None:
        self._ask = ask
        self._batching = batching
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._arrived: asyncio.Event | None = None
        self._confirmed: set[Hashable] = set()
        """Forms that answers had for two numbers of rows."""
        self._seen: dict[Hashable, int] = {}
        """For how many rows an answer first had a form."""
        self._alone = 0
        """How many requests are still to go alone, after batches were of no use."""
        self._truce = _FIRST_TRUCE

    async def predict(self, inputs: Any) -> Any:
        """Return the predictor's answer to *inputs*.

        Raises:
            RequestError: it did not come within ``timeout_s`` (504).
            Exception: whatever asking raises for these inputs alone.
        """
        loop = asyncio.get_running_loop()
        request = _Waiting(inputs, loop)
        self._waiting.append(request)
        if self._task is None or self._task.done():
            self._arrived = asyncio.Event()
            self._task = loop.create_task(self._work())
        elif self._arrived is not None:
            self._arrived.set()
        timeout_s = self._batching.timeout_s
        try:
            return await asyncio.wait_for(request.answer, timeout_s)
        except asyncio.CancelledError:
            self._forget(request)
            raise
        except TimeoutError:
            self._forget(request)
            raise RequestError(
                _LATE,
                f"no prediction within {timeout_s:g} seconds, the timeout of this "
                "deployment's batcher; send fewer requests at a time, or deploy it "
                "with a longer timeout or more instances",
            ) from None

    def _forget(self, request: _Waiting) -> None:
        """Hold nobody's rows while the predictor hangs."""
        with suppress(ValueError):
            self._waiting.remove(request)

    async def _work(self) -> None:
        """Answer all that wait; those that came in this turn of the loop are there."""
        while self._waiting:
            batch: list[_Waiting] = []
            try:
                await self._let_fill()
                batch = self._next_batch()
                if batch:
                    await self._answer(batch)
            except asyncio.CancelledError as error:
                # A script cancelled the task it runs in: the other requests go on. When
                # the event loop ends, those are cancelled too, and this task ends.
                for request in batch:
                    request.fail(error)
                if self._task is not None:
                    self._task.uncancel()

    async def _let_fill(self) -> None:
        """Wait for a full batch, but not for longer than the first request may."""
        patience_s = self._batching.max_latency_ms / 1000
        if not patience_s or self._arrived is None:
            return
        until = self._waiting[0].since + patience_s
        while self._waiting and not self._is_full():
            left_s = until - asyncio.get_running_loop().time()
            if left_s <= 0:
                return
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left_s)
            except TimeoutError:
                return

    def _is_full(self) -> bool:
        rows = 0
        kind = self._waiting[0].kind
        for request in self._waiting:
            if request.kind != kind or kind is None:
                # Whoever is behind it waits for a batch that cannot grow.
                return True
            rows += request.rows
            if rows >= self._batching.max_batch_size:
                return True
        return False

    def _next_batch(self) -> list[_Waiting]:
        """Take the longest waiting request, and those that fit to it, in order."""
        batch: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        rows = 0
        while self._waiting:
            request = self._waiting.popleft()
            if not request.is_wanted:
                continue
            if not batch:
                fits = True
            elif request.kind is None or request.kind != batch[0].kind:
                fits = False
            else:
                fits = rows + request.rows <= self._batching.max_batch_size
            if fits:
                batch.append(request)
                rows += request.rows
            else:
                left.append(request)
            is_full = rows >= self._batching.max_batch_size
            if is_full or self._alone or batch[0].kind is None:
                break
        left.extend(self._waiting)
        self._waiting = left
        return batch

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        if len(batch) == 1:
            self._alone = max(self._alone - 1, 0)
            await self._answer_alone(batch[0])
            return
        # Of those asked alone, below, the first one tells whether the answer to all has
        # its length by chance; once that is known of a form it is not asked any more.
        rows = sum(request.rows for request in batch)
        try:
            answer = await self._ask(joined([request.inputs for request in batch]))
        except Exception:  # noqa: BLE001 - asking each will tell whose fault it is
            failed = [await self._answer_alone(request) for request in batch]
            if not any(failed):
                self._give_up_for_now()
            return
        form = form_of(answer, rows)
        if form is not None:
            self._note(form, rows)
        for request in batch:
            if form is not None and form in self._confirmed:
                break
            await self._answer_alone(request)
        else:
            self._give_up_for_now()
            return
        self._truce = _FIRST_TRUCE
        for request, part in zip(
            batch, parts(answer, [request.rows for request in batch]), strict=True
        ):
            request.succeed(part)

    async def _answer_alone(self, request: _Waiting) -> bool:
        """Ask for one request, if somebody waits for it; tell whether it failed."""
        if not request.is_wanted:
            return False
        try:
            answer = await self._ask(request.inputs)
        except Exception as error:  # noqa: BLE001 - the request's own
            request.fail(error)
            return True
        form = form_of(answer, request.rows) if request.rows else None
        if form is not None:
            self._note(form, request.rows)
        request.succeed(answer)
        return False

    def _note(self, form: Hashable, rows: int) -> None:
        """Remember that an answer for so many rows had this form.

        By chance it has it for one number of rows, not for two.
        """
        if len(self._seen) > _MOST_FORMS:
            self._seen.clear()
            self._confirmed.clear()
        if self._seen.setdefault(form, rows) != rows:
            self._confirmed.add(form)

    def _give_up_for_now(self) -> None:
        """Let some requests go alone: this predictor gains nothing from batches."""
        self._alone = self._truce
        self._truce = min(self._truce * 2, _LONGEST_TRUCE)
