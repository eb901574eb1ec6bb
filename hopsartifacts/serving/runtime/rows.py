"""Which requests may share a batch, and how its answer is divided among them.

A request is a list of rows, or an array whose first axis is the rows. Requests are of
one kind if a library treats their rows the same way together as apart: same shape, same
keys, same types. Inputs that are not understood here are sent alone.
"""

import sys
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from typing import Any

_LARGEST_INT64 = 2**63
_SIMPLE = frozenset([bool, int, float, str, type(None)])


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
    """Tell whether *value* is a frame or series whose index only numbers the rows."""
    if type(value).__module__.partition(".")[0] != "pandas":
        return False
    index = getattr(value, "index", None)
    return (
        type(index).__name__ == "RangeIndex"
        and getattr(index, "start", None) == 0
        and getattr(index, "step", None) == 1
        and getattr(index, "name", None) is None
    )
