"""Batching: concurrent requests are combined into one call of the predictor.

The predictor works on one batch at a time. Requests that arrive meanwhile are queued
and form the next batch. So batches grow by themselves under load, and a single request
does not wait, unless ``max_latency_ms`` says so.
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
    """One request, from its arrival until it is answered."""

    def __init__(self, inputs: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.inputs = inputs
        self.kind = kind_of(inputs)
        self.rows = 0 if self.kind is None else len(inputs)
        self.answer: asyncio.Future[Any] = loop.create_future()
        self.since = loop.time()

    @property
    def is_wanted(self) -> bool:
        """Whether the caller still waits: not after a timeout or a disconnect."""
        return not self.answer.done()

    def succeed(self, answer: Any) -> None:
        if self.is_wanted:
            self.answer.set_result(answer)

    def fail(self, error: BaseException) -> None:
        if self.is_wanted:
            self.answer.set_exception(error)


class Batcher:
    """Calls a predictor with the rows of several requests at once.

    Each request gets the answer that it would get on its own. If this is not certain
    (the answer has another number of rows, or the batch raises), the predictor is
    called for each request separately, so that a bad request fails alone.
    """

    def __init__(self, ask: Ask, batching: Batching) -> None:
        self._ask = ask
        self._batching = batching
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._arrived: asyncio.Event | None = None
        self._confirmed: set[Hashable] = set()
        """Forms that answers had for two different numbers of rows."""
        self._seen: dict[Hashable, int] = {}
        """The number of rows for which an answer first had each form."""
        self._alone = 0
        """How many requests still bypass batching, after batches brought no gain."""
        self._truce = _FIRST_TRUCE

    async def predict(self, inputs: Any) -> Any:
        """Return the predictor's answer to *inputs*.

        Raises:
            RequestError: there was no answer within ``timeout_s`` (504).
            Exception: what the predictor raises for these inputs alone.
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
        """Remove *request* from the queue, to free its rows if the predictor hangs."""
        with suppress(ValueError):
            self._waiting.remove(request)

    async def _work(self) -> None:
        """Answer all queued requests; those of this turn of the loop are among them."""
        while self._waiting:
            batch: list[_Waiting] = []
            try:
                await self._let_fill()
                batch = self._next_batch()
                if batch:
                    await self._answer(batch)
            except asyncio.CancelledError as error:
                # A script cancelled the task it runs in: continue with the other
                # requests. When the event loop ends, they are cancelled too, so this
                # task ends.
                for request in batch:
                    request.fail(error)
                if self._task is not None:
                    self._task.uncancel()

    async def _let_fill(self) -> None:
        """Wait for a full batch, but not longer than the first request may wait."""
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
                # This batch cannot grow, and the requests behind it would wait for it.
                return True
            rows += request.rows
            if rows >= self._batching.max_batch_size:
                return True
        return False

    def _next_batch(self) -> list[_Waiting]:
        """Take the oldest request and those that can share its batch, in order."""
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
        # Where requests are sent alone below, the first one shows whether the answer to
        # the batch has its length by chance. Once a form is confirmed, this is skipped.
        rows = sum(request.rows for request in batch)
        try:
            answer = await self._ask(joined([request.inputs for request in batch]))
        except Exception:  # noqa: BLE001 - separate calls show which request fails
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
        """Answer one request on its own if it is wanted; tell whether it failed."""
        if not request.is_wanted:
            return False
        try:
            answer = await self._ask(request.inputs)
        except Exception as error:  # noqa: BLE001 - the error of this request
            request.fail(error)
            return True
        form = form_of(answer, request.rows) if request.rows else None
        if form is not None:
            self._note(form, request.rows)
        request.succeed(answer)
        return False

    def _note(self, form: Hashable, rows: int) -> None:
        """Record that an answer for this number of rows had this form.

        By chance that happens for one number of rows, but not for two.
        """
        if len(self._seen) > _MOST_FORMS:
            self._seen.clear()
            self._confirmed.clear()
        if self._seen.setdefault(form, rows) != rows:
            self._confirmed.add(form)

    def _give_up_for_now(self) -> None:
        """Send some requests alone: batches bring no gain with this predictor."""
        self._alone = self._truce
        self._truce = min(self._truce * 2, _LONGEST_TRUCE)
