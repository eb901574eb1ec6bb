"""The way of a request: preprocess, predict, postprocess."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from hopsartifacts.serving.contract import Component
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
    others run in one worker thread, one request after another.
    """

    def __init__(self, predictor: Any, transformer: Any = None) -> None:
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
            RequestError: the predictor refused the inputs.
        """
        value, position = inputs, 0
        while position < len(self._steps):
            step = self._steps[position]
            if step.is_async:
                value, position = _call(step, value), position + 1
            else:
                value, position = await self._run_in_worker(value, position)
            if inspect.isawaitable(value):
                value = await _finish(self._steps[position - 1], value)
        return value

    async def _run_in_worker(self, inputs: Any, start: int) -> tuple[Any, int]:
        """Run steps from *start* in one go, up to the next that is async."""

        def run() -> tuple[Any, int]:
            value, position = inputs, start
            while position < len(self._steps) and not self._steps[position].is_async:
                value = _call(self._steps[position], value)
                position += 1
                if inspect.isawaitable(value):
                    break
            return value, position

        return await self._worker.run(run)


def _call(step: _Step, value: Any) -> Any:
    try:
        return step.call(value)
    except RequestError:
        raise
    except BaseException as error:
        # SystemExit too: a script that calls exit() must not end the server.
        raise StepFailedError(step.component, error) from error


async def _finish(step: _Step, value: Any) -> Any:
    try:
        return await value
    except (Exception, SystemExit) as error:
        raise StepFailedError(step.component, error) from error


def _is_async(call: Any) -> bool:
    # An object with an async __call__ is as good as an async method.
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        type(call).__call__
    )
