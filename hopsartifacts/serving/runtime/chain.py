"""The steps of a request (preprocess, predict, postprocess), and where each runs.

Everything that is not async runs in one thread, one call at a time. Handing a call to
the thread and back costs half as much as a prediction of a small model. So our own
predictors run on the event loop as long as they are quick. Scripts do not: a script may
block, or need its thread.
"""

import asyncio
import inspect
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, Protocol, TypeVar

from hopsartifacts.serving.contract import Batching, Component, ModelInput
from hopsartifacts.serving.runtime.batcher import Batcher
from hopsartifacts.serving.runtime.failures import (
    error_text,
    is_cancellation,
    script_line,
)
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.remote_predictor import RemotePredictor
from hopsartifacts.serving.runtime.worker_logs import speaking

Result = TypeVar("Result")

_QUICK_S = 0.001
"""How long the event loop may be blocked."""
_ENOUGH = 8
"""After this many quick predictions in a row the next is expected to be quick."""
_FEW_ROWS = 32


class StepFailedError(Exception):
    """A method of a script raised; ``__cause__`` is the exception."""

    def __init__(self, component: Component, cause: BaseException) -> None:
        super().__init__(component, cause)
        self.component = component
        self.cause = cause

    def __str__(self) -> str:
        text, line = error_text(self.cause), script_line(self.cause)
        return f"{text} ({line})" if line else text


class StepBodies(Protocol):
    """The form of a protocol's requests and answers for a transformer."""

    def rows_in(self, body: Any) -> Any:
        """Return the rows for the predictor from the result of ``preprocess``."""
        ...

    def answer(self, outputs: Any) -> Any:
        """Return the argument of ``postprocess`` for *outputs* of the predictor."""
        ...

    def outputs_in(self, answer: Any) -> Any:
        """Return the outputs to answer from the result of ``postprocess``."""
        ...


class Request(StepBodies, Protocol):
    """A request in the form of its protocol."""

    def rows(self) -> Any:
        """Return the argument of the predictor; raises ``RequestError``."""
        ...

    def body(self) -> Any:
        """Return the argument of ``preprocess``; raises ``RequestError``."""
        ...


class Bare:
    """Bodies without a protocol: transformers take and return plain values."""

    def rows_in(self, body: Any) -> Any:
        """Return *body*."""
        return body

    def answer(self, outputs: Any) -> Any:
        """Return *outputs*."""
        return outputs

    def outputs_in(self, answer: Any) -> Any:
        """Return *answer*."""
        return answer


_BARE = Bare()


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
            with suppress(RuntimeError):
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


class _Step(NamedTuple):
    component: Component
    call: Callable[[Any], Any]
    is_async: bool
    before: Callable[[StepBodies, Any], Any] | None = None
    """Converts the result of the step before into the argument of the method."""
    after: Callable[[StepBodies, Any], Any] | None = None
    """Converts the result of the method into the argument of the next step."""


class Chain:
    """The loaded scripts, ready to answer requests.

    Async methods run on the event loop, several requests at a time. All other methods
    run in one worker thread, one request after another. With *batching*, the predictor
    is called for several requests at once; see ``Batcher``. With a *pace*, it is called
    on the event loop as long as it is quick and no call waits for the thread.

    Attributes:
        inputs: the inputs that a request needs, as far as they are known.
    """

    def __init__(
        self,
        predictor: Any,
        transformer: Any = None,
        batching: Batching | None = None,
        on_batch: Callable[[int], object] = int,
        pace: Pace | None = None,
        inputs: tuple[ModelInput, ...] = (),
    ) -> None:
        self.inputs = inputs
        self._steps = [*_steps(predictor, transformer)]
        # A predictor elsewhere gets the whole request, as preprocess does.
        self._takes_body = self._steps[0].component == "transformer" or isinstance(
            predictor, RemotePredictor
        )
        self._worker = WorkerThread()
        self._pace = pace
        if batching is not None:
            self._on_batch = on_batch
            self._steps = [self._batched(step, batching) for step in self._steps]

    @property
    def is_busy(self) -> bool:
        """Whether the worker thread is executing a script."""
        return self._worker.is_busy

    @property
    def last_component(self) -> Component:
        """The component whose method runs last and so determines the predictions."""
        return self._steps[-1].component

    async def answer(self, request: Request) -> Any:
        """Return the outputs with which to answer *request*.

        Raises:
            RequestError: the request breaks its protocol, the predictor refused it, or
                the batcher timed out.
            StepFailedError: a method of a script raised, or returned a value that the
                next step cannot take.
        """
        inputs = request.body() if self._takes_body else request.rows()
        return await self._take(self._steps, inputs, request)

    async def predict(self, inputs: Any) -> Any:
        """Pass *inputs* through every step unchanged, without a protocol.

        Raises:
            StepFailedError: a method of a script raised.
            RequestError: the predictor refused the inputs, or the batcher timed out.
        """
        return await self._take(self._steps, inputs, _BARE)

    async def _take(
        self, steps: Sequence[_Step], inputs: Any, bodies: StepBodies
    ) -> Any:
        value, position = inputs, 0
        while position < len(steps):
            step = steps[position]
            if step.is_async:
                value, position = _call(step, value, bodies), position + 1
            else:
                value, done = await self._run_in_worker(steps[position:], value, bodies)
                position += done
            if inspect.isawaitable(value):
                value = await _finish(steps[position - 1], value, bodies)
        return value

    def _batched(self, step: _Step, batching: Batching) -> _Step:
        """Return *step* with a batcher in front if it is the predictor's."""
        if step.component != "predictor":
            return step

        async def ask(inputs: Any) -> Any:
            self._on_batch(len(inputs) if hasattr(inputs, "__len__") else 1)
            return await self._take([step], inputs, _BARE)

        batcher = Batcher(ask, batching)
        return _Step(step.component, batcher.predict, is_async=True)

    async def _run_in_worker(
        self, steps: Sequence[_Step], inputs: Any, bodies: StepBodies
    ) -> tuple[Any, int]:
        """Run *steps* up to the next async one in the thread; return how many ran."""

        def run() -> tuple[Any, int]:
            value, done = inputs, 0
            while done < len(steps) and not steps[done].is_async:
                value = _call(steps[done], value, bodies)
                done += 1
                if inspect.isawaitable(value):
                    break
            return value, done

        pace = self._pace
        if pace is None:
            return await self._worker.run(run)
        if pace.is_quick(inputs) and not self._worker.jobs:
            return pace.timed(run, inputs)
        return await self._worker.run(lambda: pace.timed(run, inputs))


def _steps(predictor: Any, transformer: Any) -> Iterator[_Step]:
    """Yield the methods that exist, in the order in which they are called."""
    preprocess = getattr(transformer, "preprocess", None)
    postprocess = getattr(transformer, "postprocess", None)
    is_remote = isinstance(predictor, RemotePredictor)
    if preprocess is not None:
        after = None if is_remote else _rows
        yield _Step("transformer", preprocess, _is_async(preprocess), after=after)
    if is_remote:
        yield _remote_step(predictor, is_original=preprocess is None)
    else:
        yield _Step("predictor", predictor.predict, _is_async(predictor.predict))
    if postprocess is not None:
        is_async = _is_async(postprocess)
        yield _Step("transformer", postprocess, is_async, _answer, _outputs)


def _remote_step(predictor: RemotePredictor, *, is_original: bool) -> _Step:
    """Return the step that asks *predictor*, with what the client sent or otherwise."""

    def before(bodies: StepBodies, value: Any) -> Any:
        if is_original:
            return predictor.request_of(bodies, value)
        with _blamed_on("transformer"):
            return predictor.request_of(bodies, value)

    return _Step("predictor", predictor.predict, True, before, predictor.outputs_of)  # noqa: FBT003 - async


def _rows(bodies: StepBodies, body: Any) -> Any:
    with _blamed_on("transformer"):
        return bodies.rows_in(body)


def _answer(bodies: StepBodies, outputs: Any) -> Any:
    with _blamed_on("predictor"):
        return bodies.answer(outputs)


def _outputs(bodies: StepBodies, answer: Any) -> Any:
    with _blamed_on("transformer"):
        return bodies.outputs_in(answer)


@contextmanager
def _blamed_on(component: Component) -> Iterator[None]:
    """Turn any error in the block into a failure of what *component* returned."""
    try:
        yield
    except BaseException as error:
        # RequestError too: the client did not write the value that is refused here.
        raise StepFailedError(component, error) from error


def _call(step: _Step, value: Any, bodies: StepBodies) -> Any:
    if step.before is not None:
        value = step.before(bodies, value)
    try:
        with speaking(step.component):
            returned = step.call(value)
    except RequestError:
        raise
    except BaseException as error:
        # SystemExit too: a script that calls exit() must not end the server.
        raise StepFailedError(step.component, error) from error
    if step.after is None or inspect.isawaitable(returned):
        return returned
    return step.after(bodies, returned)


async def _finish(step: _Step, value: Any, bodies: StepBodies) -> Any:
    try:
        with speaking(step.component):
            returned = await value
    except (RequestError, StepFailedError):
        raise
    except BaseException as error:
        if is_cancellation(error):
            raise
        raise StepFailedError(step.component, error) from error
    return returned if step.after is None else step.after(bodies, returned)


def _is_async(call: Any) -> bool:
    # An object with an async __call__ counts as an async method.
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        type(call).__call__
    )


def _is_few(inputs: Any) -> bool:
    return isinstance(inputs, list) and len(inputs) <= _FEW_ROWS
