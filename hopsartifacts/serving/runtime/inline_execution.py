"""The choice to predict on the event loop or in a thread, by recent duration.

Handing a call to a thread and back costs half as much as a prediction of a small model.
Only our own predictors run on the event loop: a script may block, or need its thread.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")

_QUICK_S = 0.001
"""How long the event loop may be blocked."""
_ENOUGH = 8
"""After this many quick predictions in a row the next is expected to be quick."""
_FEW_ROWS = 32


class Pace:
    """A record of how quick the last predictions were."""

    def __init__(self) -> None:
        self._quick = 0

    def is_quick(self, inputs: Any) -> bool:
        """Tell whether *inputs* are few and the last predictions were quick."""
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
