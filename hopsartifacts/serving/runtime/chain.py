"""The way of a request: preprocess, predict, postprocess."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from hopsartifacts.serving.contract import Batching, Component, ModelInput
from hopsartifacts.serving.runtime.batching import Batcher
from hopsartifacts.serving.runtime.component_logs import speaking
from hopsartifacts.serving.runtime.failures import (
    error_text,
    is_cancellation,
    script_line,
)
from hopsartifacts.serving.runtime.pace import Pace
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.worker import Worker


class StepFailedError(Exception):
    """A script's method raised; ``__cause__`` is what it raised."""

    def __init__(self, component: Component, cause: BaseException) -> None:
        super().__init__(component, cause)
        self.component = component
        self.cause = cause

    def __str__(self) -> str:
        text, line = error_text(self.cause), script_line(self.cause)
        return f"{text} ({line})" if line else text


class Bodies(Protocol):
    """How a protocol's request and answer look to a transformer."""

    def rows_in(self, body: Any) -> Any:
        """Return the predictor's rows in what ``preprocess`` returned."""
        ...

    def answer(self, outputs: Any) -> Any:
        """Return what ``postprocess`` gets when the predictor returned *outputs*."""
        ...

    def outputs_in(self, answer: Any) -> Any:
        """Return what is to be answered in what ``postprocess`` returned."""
        ...


class Request(Bodies, Protocol):
    """A request in the words of its protocol."""

    def rows(self) -> Any:
        """Return what the predictor gets; raises ``RequestError``."""
        ...

    def body(self) -> Any:
        """Return what ``preprocess`` gets; raises ``RequestError``."""
        ...


class Bare:
    """Bodies without a protocol: transformers get and give the bare values."""

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
    before: Callable[[Bodies, Any], Any] | None = None
    """Makes what the method gets of what the step before it returned."""
    after: Callable[[Bodies, Any], Any] | None = None
    """Makes what the next step gets of what the method returned."""


class Chain:
    """The loaded scripts, ready to be asked.

    Async methods are awaited on the event loop, several requests at a time; all
    others run in one worker thread, one request after another. With *batching* the
    predictor is asked for several requests at once; see ``Batcher``. With a *pace* it
    is asked on the event loop while it is quick and nobody waits for the thread.

    Attributes:
        inputs: what a request has to have, as far as that is known.
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
        self._worker = Worker()
        self._pace = pace
        if batching is not None:
            self._on_batch = on_batch
            self._steps = [self._batched(step, batching) for step in self._steps]

    @property
    def is_busy(self) -> bool:
        """Whether the worker thread is inside a script."""
        return self._worker.is_busy

    @property
    def last_component(self) -> Component:
        """The component whose method made the predictions what they are."""
        return self._steps[-1].component

    async def answer(self, request: Request) -> Any:
        """Return what is to be answered to *request*.

        Raises:
            RequestError: the request breaks its protocol, the predictor refused it, or
                its batcher is late.
            StepFailedError: a script's method raised, or returned what cannot go on.
        """
        inputs = request.body() if self._has_preprocess else request.rows()
        return await self._take(self._steps, inputs, request)

    async def predict(self, inputs: Any) -> Any:
        """Pass *inputs* through every step as they are, without a protocol.

        Raises:
            StepFailedError: a script's method raised.
            RequestError: the predictor refused the inputs, or its batcher is late.
        """
        return await self._take(self._steps, inputs, _BARE)

    async def _take(self, steps: Sequence[_Step], inputs: Any, bodies: Bodies) -> Any:
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
        """Return *step*, if it is the predictor's, with a batcher before it."""
        if step.component != "predictor":
            return step

        async def ask(inputs: Any) -> Any:
            self._on_batch(len(inputs) if hasattr(inputs, "__len__") else 1)
            return await self._take([step], inputs, _BARE)

        batcher = Batcher(ask, batching)
        return _Step(step.component, batcher.predict, is_async=True)

    async def _run_in_worker(
        self, steps: Sequence[_Step], inputs: Any, bodies: Bodies
    ) -> tuple[Any, int]:
        """Run *steps* in one go, up to the next that is async; say how many ran."""

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
    """Yield the methods there are, in the order in which they are called."""
    preprocess = getattr(transformer, "preprocess", None)
    postprocess = getattr(transformer, "postprocess", None)
    if preprocess is not None:
        yield _Step("transformer", preprocess, _is_async(preprocess), after=_rows)
    yield _Step("predictor", predictor.predict, _is_async(predictor.predict))
    if postprocess is not None:
        is_async = _is_async(postprocess)
        yield _Step("transformer", postprocess, is_async, _answer, _outputs)


def _rows(bodies: Bodies, body: Any) -> Any:
    with _blamed_on("transformer"):
        return bodies.rows_in(body)


def _answer(bodies: Bodies, outputs: Any) -> Any:
    with _blamed_on("predictor"):
        return bodies.answer(outputs)


def _outputs(bodies: Bodies, answer: Any) -> Any:
    with _blamed_on("transformer"):
        return bodies.outputs_in(answer)


@contextmanager
def _blamed_on(component: Component) -> Iterator[None]:
    """Turn any error in the block into a failure of what *component* returned."""
    try:
        yield
    except BaseException as error:
        # Also a RequestError: the client did not write what is refused here.
        raise StepFailedError(component, error) from error


def _call(step: _Step, value: Any, bodies: Bodies) -> Any:
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


async def _finish(step: _Step, value: Any, bodies: Bodies) -> Any:
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
    # An object with an async __call__ is as good as an async method.
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        type(call).__call__
    )
