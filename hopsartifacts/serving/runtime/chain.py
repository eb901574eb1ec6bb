"""The way of a request: preprocess, predict, postprocess."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hopsartifacts.serving.contract import Batching, Component
from hopsartifacts.serving.runtime.batching import Batcher
from hopsartifacts.serving.runtime.component_logs import speaking
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
        return f"{type(self.cause).__name__}: {self.cause}"


class _Step(NamedTuple):
    component: Component
    call: Callable[[Any], Any]
    is_async: bool


class Chain:
    """The loaded scripts, ready to be asked.

    Async methods are awaited on the event loop, several requests at a time; all
    others run in one worker thread, one request after another. With *batching* the
    predictor is asked for several requests at once; see ``Batcher``. With a *pace* it
    is asked on the event loop while it is quick and nobody waits for the thread.
    """

    def __init__(
        self,
        predictor: Any,
        transformer: Any = None,
        batching: Batching | None = None,
        on_batch: Callable[[int], object] = int,
        pace: Pace | None = None,
    ) -> None:
        methods: list[tuple[Component, Any]] = [
            ("transformer", getattr(transformer, "preprocess", None)),
            ("predictor", predictor.predict),
            ("transformer", getattr(transformer, "postprocess", None)),
        ]
        self._steps = [
            _Step(component, call, _is_async(call))
            for component, call in methods
            if call is not None
        ]
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

    async def predict(self, inputs: Any) -> Any:
        """Pass *inputs* through every step.

        Raises:
            StepFailedError: a script's method raised.
            RequestError: the predictor refused the inputs, or its batcher is late.
        """
        return await self._take(self._steps, inputs)

    async def _take(self, steps: Sequence[_Step], inputs: Any) -> Any:
        value, position = inputs, 0
        while position < len(steps):
            step = steps[position]
            if step.is_async:
                value, position = _call(step, value), position + 1
            else:
                value, done = await self._run_in_worker(steps[position:], value)
                position += done
            if inspect.isawaitable(value):
                value = await _finish(steps[position - 1], value)
        return value

    def _batched(self, step: _Step, batching: Batching) -> _Step:
        """Return *step*, if it is the predictor's, with a batcher before it."""
        if step.component != "predictor":
            return step

        async def ask(inputs: Any) -> Any:
            self._on_batch(len(inputs) if hasattr(inputs, "__len__") else 1)
            return await self._take([step], inputs)

        batcher = Batcher(ask, batching)
        return _Step(step.component, batcher.predict, is_async=True)

    async def _run_in_worker(
        self, steps: Sequence[_Step], inputs: Any
    ) -> tuple[Any, int]:
        """Run *steps* in one go, up to the next that is async; say how many ran."""

        def run() -> tuple[Any, int]:
            value, done = inputs, 0
            while done < len(steps) and not steps[done].is_async:
                value = _call(steps[done], value)
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


def _call(step: _Step, value: Any) -> Any:
    try:
        with speaking(step.component):
            return step.call(value)
    except RequestError:
        raise
    except BaseException as error:
        # SystemExit too: a script that calls exit() must not end the server.
        raise StepFailedError(step.component, error) from error


async def _finish(step: _Step, value: Any) -> Any:
    try:
        with speaking(step.component):
            return await value
    except (RequestError, StepFailedError):
        raise
    except (Exception, SystemExit) as error:
        raise StepFailedError(step.component, error) from error


def _is_async(call: Any) -> bool:
    # An object with an async __call__ is as good as an async method.
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        type(call).__call__
    )
