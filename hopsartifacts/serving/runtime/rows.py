"""Which requests may share a batch, and which part of its answer is whose.

A request is a list of rows, or an array whose first axis is the rows. Requests are of
one kind when a library makes the same of their rows together as of each alone: the same
shape, the same keys, the same types. Whatever is not understood here goes alone.
"""

import sys
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from typing import Any

_LARGEST_INT64 = 2**63
_SIMPLE = frozenset([bool, int, float, str, type(None)])


class _AloneError(Exception):
    """The rows are such that nobody can say what they become beside others."""


def kind_of(inputs: Any) -> Hashable | None:
    """Return a value that is equal for requests of one kind; None: it goes alone."""
    if type(inputs) is list and inputs:
        try:
            return _kind_of_list(inputs)
        except (_AloneError, RecursionError):
            return None
    if _is_array(inputs) and inputs.ndim and len(inputs):
        return "array", str(inputs.dtype), inputs.shape[1:]
    return None


def joined(inputs: Sequence[Any]) -> Any:
    """Return requests of one kind as one."""
    if _is_array(inputs[0]):
        return sys.modules["numpy"].concatenate(inputs)
    return [row for rows in inputs for row in rows]


def form_of(answer: Any, rows: int) -> Hashable | None:
    """Return how *answer* consists of one part for each of the *rows*; None if not.

    An answer may have that length by chance: one that has it for two numbers of rows
    in the same form has it by design.
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
    """Return the lengths of nested lists, and add the types of what is in them."""
    types = set(map(type, items))
    if types == {list}:
        return (len(items), *_alike(_shape(item, leaves) for item in items))
    if not types <= _SIMPLE:
        raise _AloneError
    if int in types and not all(
        -_LARGEST_INT64 <= item < _LARGEST_INT64 for item in items if type(item) is int
    ):
        # Arrays of such numbers have a type that depends on all of them.
        raise _AloneError
    leaves |= types
    return (len(items),)


def _promoted(leaves: set[type]) -> frozenset[type]:
    # Among fractions whole numbers become fractions, be they there or not.
    return frozenset(leaves - {int} if leaves == {int, float} else leaves)


def _alike(shapes: Any) -> Any:
    found = set(shapes)
    if len(found) != 1:
        raise _AloneError
    return found.pop()


def _is_array(value: Any) -> bool:
    # Who has an array has imported numpy; we do not.
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def _has_plain_index(value: Any) -> bool:
    """Tell whether *value* is a frame or series whose index only numbers its rows."""
    if type(value).__module__.partition(".")[0] != "pandas":
        return False
    index = getattr(value, "index", None)
    return (
        type(index).__name__ == "RangeIndex"
        and getattr(index, "start", None) == 0
        and getattr(index, "step", None) == 1
        and getattr(index, "name", None) is None
    )
