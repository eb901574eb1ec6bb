"""Whether rows of lists are a rectangle, as arrays need them.

Scripts get the rows that were sent, whatever their lengths; only what makes an array of
them asks for a rectangle.
"""

from collections import Counter
from typing import Any

from hopsartifacts.serving.runtime.protocol import RequestError

_WAY_OUT = "rows of differing length need a predictor script, which gets them as sent"


def check_rectangular(name: str, rows: list[Any]) -> None:
    """Refuse *rows* that are lists of differing shapes; *name* is what they are of.

    Raises:
        RequestError: names two rows or items that differ (400).
    """
    if list not in set(map(type, rows)):
        return
    shapes = [_shape(row, (number,)) for number, row in enumerate(rows)]
    if shapes.count(shapes[0]) == len(shapes):
        return
    usual, _ = Counter(shapes).most_common(1)[0]
    for number, shape in enumerate(shapes):
        if shape != usual:
            alike = shapes.index(usual)
            raise RequestError(
                400,
                f"the rows of {name} differ: row {alike} is {_words(usual)}, "
                f"row {number} is {_words(shape)}; {_WAY_OUT}",
            )


def _shape(value: Any, where: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the lengths of nested lists; None for what is not a list."""
    if not isinstance(value, list):
        return None
    # Rows of numbers, the usual case, are looked at in C.
    kinds = set(map(type, value))
    if list not in kinds:
        return (len(value),)
    inner = {_shape(item, (*where, at)) for at, item in enumerate(value)}
    if len(inner) > 1:
        row, *items = where
        words = ", ".join([f"row {row}", *(f"item {item}" for item in items)])
        shapes = " and ".join(sorted(_words(shape) for shape in inner))
        raise RequestError(400, f"the items of {words} differ: {shapes}; {_WAY_OUT}")
    return (len(value), *(inner.pop() or ()))


def _words(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "not a list"
    if len(shape) == 1:
        return f"a list of length {shape[0]}"
    return f"a list of shape {' x '.join(map(str, shape))}"
