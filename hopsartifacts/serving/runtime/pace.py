"""Whether a prediction is made at once or in a thread: by how long the last ones took.

The way to a thread and back costs as much as half a prediction of a small model. Only
our own predictors are asked on the event loop: a script may wait, or need its thread.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")

_QUICK_S = 0.001
"""How long the event loop may be held up."""
_ENOUGH = 8
"""So many quick ones in a row let the next be taken for quick."""
_FEW_ROWS = 32


class Pace:
    """How quick a predictor was lately."""

    def __init__(self) -> None:
        self._quick = 0

    def is_quick(self, inputs: Any) -> bool:
        """Tell whether *inputs* are few and the last predictions were quick."""
        return self._quick >= _ENOUGH and _is_few(inputs)

    def timed(self, call: Callable[[], Result], inputs: Any) -> Result:
        """Return what *call*, a prediction for *inputs*, returns."""
        began = time.perf_counter()
        result = call()
        if time.perf_counter() - began > _QUICK_S:
            # A busy machine looks the same: it takes some more to be taken for quick.
            self._quick = 0
        elif _is_few(inputs):
            self._quick += 1
        return result


def _is_few(inputs: Any) -> bool:
    return isinstance(inputs, list) and len(inputs) <= _FEW_ROWS
