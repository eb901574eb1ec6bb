"""Batching: concurrent requests are combined into one call of the predictor.

The predictor works on one batch at a time. Requests that arrive meanwhile are queued
and form the next batch. So batches grow by themselves under load, and a single request
does not wait, unless ``max_latency_ms`` says so.

A request is a list of rows, or an array whose first axis is the rows. Requests share a
batch if they are of one kind, which means that a library treats their rows the same way
together as apart: same shape, same keys, same types. Other inputs are sent alone.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any

from hopsartifacts.serving.contract import Batching
from hopsartifacts.serving.runtime.protocol import RequestError

Ask = Callable[[Any], Awaitable[Any]]

_FIRST_TRUCE = 16
_LONGEST_TRUCE = 4096
_LATE = 504
_MOST_FORMS = 1000
_LARGEST_INT64 = 2**63
_SIMPLE = frozenset([bool, int, float, str, type(None)])


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
                f"no prediction within {timeout_s:g} s, the timeout of this "
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
        """Answer one request alone if it is wanted; return whether it failed."""
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


class _AloneError(Exception):
    """The effect of combining these rows with others is not predictable."""


def kind_of(inputs: Any) -> Hashable | None:
    """Return a value that is equal for requests of one kind; None: send it alone."""
    if type(inputs) is list and inputs:
        try:
            return _kind_of_list(inputs)
        except (_AloneError, RecursionError):
            return None
    if _is_array(inputs) and inputs.ndim and len(inputs):
        return "array", str(inputs.dtype), inputs.shape[1:]
    return None


def joined(inputs: Sequence[Any]) -> Any:
    """Return requests of one kind combined into one."""
    if _is_array(inputs[0]):
        return sys.modules["numpy"].concatenate(inputs)
    return [row for rows in inputs for row in rows]


def form_of(answer: Any, rows: int) -> Hashable | None:
    """Return the form of an *answer* with one part for each row; None if it has none.

    An answer may have this length by chance. If it has the same form for two different
    numbers of rows, it is by design.
    """
    if type(answer) is dict:
        if not answer or any(type(value) is dict for value in answer.values()):
            return None
        inner = tuple((key, form_of(value, rows)) for key, value in answer.items())
        return None if any(form is None for _, form in inner) else inner
    if type(answer) in {list, tuple}:
        return type(answer).__name__ if len(answer) == rows else None
    if _is_array(answer):
        return "array" if answer.ndim and len(answer) == rows else None
    if _has_plain_index(answer) and len(answer) == rows:
        return "frame"
    return None


def parts(answer: Any, counts: Sequence[int]) -> Iterator[Any]:
    """Yield the part of each request of an answer that has a form."""
    for end, count in zip(accumulate(counts), counts, strict=True):
        yield _part(answer, end - count, end)


def _part(answer: Any, start: int, end: int) -> Any:
    if type(answer) is dict:
        return {key: _part(value, start, end) for key, value in answer.items()}
    if hasattr(answer, "iloc"):
        return answer.iloc[start:end].reset_index(drop=True)
    return answer[start:end]


def _kind_of_list(items: list[Any]) -> Hashable:
    types = set(map(type, items))
    if types == {list}:
        leaves: set[type] = set()
        shape = _alike(_shape(item, leaves) for item in items)
        return "lists", shape, _promoted(leaves)
    if types == {dict}:
        keys = _alike(map(tuple, items))
        columns = [_kind_of_list([row[key] for row in items]) for key in keys]
        return "objects", keys, tuple(columns)
    leaves = set()
    _shape(items, leaves)
    return "values", _promoted(leaves)


def _shape(items: list[Any], leaves: set[type]) -> tuple[int, ...]:
    """Return the lengths of nested lists; add the types of their items to *leaves*."""
    types = set(map(type, items))
    if types == {list}:
        return (len(items), *_alike(_shape(item, leaves) for item in items))
    if not types <= _SIMPLE:
        raise _AloneError
    if int in types and not all(
        -_LARGEST_INT64 <= item < _LARGEST_INT64 for item in items if type(item) is int
    ):
        # The type of an array of such numbers depends on all of them.
        raise _AloneError
    leaves |= types
    return (len(items),)


def _promoted(leaves: set[type]) -> frozenset[type]:
    # Together with floats, integers become floats, so they make no difference.
    return frozenset(leaves - {int} if leaves == {int, float} else leaves)


def _alike(shapes: Any) -> Any:
    found = set(shapes)
    if len(found) != 1:
        raise _AloneError
    return found.pop()


def _is_array(value: Any) -> bool:
    # If the value is an array, numpy is imported already; do not import it here.
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def _has_plain_index(value: Any) -> bool:
    """Return whether *value* is a frame or series whose index only numbers the rows."""
    if type(value).__module__.partition(".")[0] != "pandas":
        return False
    index = getattr(value, "index", None)
    return (
        type(index).__name__ == "RangeIndex"
        and getattr(index, "start", None) == 0
        and getattr(index, "step", None) == 1
        and getattr(index, "name", None) is None
    )
