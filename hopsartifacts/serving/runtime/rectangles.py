"""Check that rows have the same shape, as arrays and our own predictors require.

Scripts get rows unchecked: lists of tokens and time series differ in length.
"""

from collections import Counter
from itertools import chain
from typing import Any


class UnevenError(ValueError):
    """Lists that cannot form an array; the message says where they differ."""


def check_alike(rows: list[Any], what: str = "the rows") -> None:
    """Refuse rows that are lists of differing shapes.

    Args:
        rows: the rows of a request.
        what: what they are called in the message.

    Raises:
        UnevenError: two rows differ, or the items of one row do.
    """
    kinds = set(map(type, rows))
    if list not in kinds or (kinds == {list} and _are_flat_and_alike(rows)):
        return
    shapes = [_shape(row, (number,)) for number, row in enumerate(rows)]
    if shapes.count(shapes[0]) == len(shapes):
        return
    usual, _ = Counter(shapes).most_common(1)[0]
    for number, shape in enumerate(shapes):
        if shape != usual:
            alike = shapes.index(usual)
            raise UnevenError(
                f"{what} differ: row {alike} is {_words(usual)}, row {number} is "
                f"{_words(shape)}; rows of differing length can be sent as objects: "
                '{"values": [...]}'
            )


def _are_flat_and_alike(rows: list[list[Any]]) -> bool:
    """Check without a Python loop for the usual case of flat rows of one length."""
    is_one_length = len(set(map(len, rows))) == 1
    return is_one_length and list not in set(map(type, chain.from_iterable(rows)))


def _shape(value: Any, where: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the lengths of nested lists; None if *value* is not a list."""
    if not isinstance(value, list):
        return None
    kinds = set(map(type, value))
    if list not in kinds:
        return (len(value),)
    inner = {_shape(item, (*where, at)) for at, item in enumerate(value)}
    if len(inner) > 1:
        row, *items = where
        words = ", ".join([f"row {row}", *(f"item {item}" for item in items)])
        raise UnevenError(
            f"the items of {words} differ: "
            + " and ".join(sorted(_words(shape) for shape in inner))
            + '; lists of differing length can be sent as objects: {"values": [...]}'
        )
    return (len(value), *(inner.pop() or ()))


def _words(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "not a list"
    if len(shape) == 1:
        return f"a list of length {shape[0]}"
    return f"a list of shape {' x '.join(map(str, shape))}"
