"""The steps of a request: preprocess, predict, postprocess."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from hopsartifacts.serving.contract import Batching, Component, ModelInput
from hopsartifacts.serving.runtime.batcher import Batcher
from hopsartifacts.serving.runtime.execution import Pace, WorkerThread
from hopsartifacts.serving.runtime.failures import (
    error_text,
    is_cancellation,
    script_line,
)
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.worker_logs import speaking


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
        self._has_preprocess = self._steps[0].component == "transformer"
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
        inputs = request.body() if self._has_preprocess else request.rows()
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
    if preprocess is not None:
        yield _Step("transformer", preprocess, _is_async(preprocess), after=_rows)
    yield _Step("predictor", predictor.predict, _is_async(predictor.predict))
    if postprocess is not None:
        is_async = _is_async(postprocess)
        yield _Step("transformer", postprocess, is_async, _answer, _outputs)


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
