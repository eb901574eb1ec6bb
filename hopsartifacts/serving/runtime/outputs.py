"""Conversion of values (a script's result, a client's rows) into V2 tensors."""

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import Any

from hopsartifacts.serving.runtime.tensors import (
    DATATYPES,
    Elements,
    Tensor,
    flatten,
)
from hopsartifacts.values import by_name, frame_columns, plain

_OF_ARRAYS: Mapping[str, str] = {
    "bool": "BOOL",
    **{f"int{bits}": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
}
_UNNAMED = "output-0"
_MOST_EXACT = 2**53
"""A 64-bit float represents every integer up to this one exactly."""
_PLAIN = {bool, bytes, float, int, list, str, tuple, type(None)}


def tensors_of(values: Any, what: str = "output", name: str = _UNNAMED) -> list[Tensor]:
    """Return *values*, such as the result of a script, as tensors.

    A list or an array becomes one tensor. A dictionary, a frame, or rows that are
    objects with the same keys become one tensor per key. A single value has one row.

    Args:
        values: the values to send.
        what: what a tensor is called in messages.
        name: the name of a tensor that has none.

    Raises:
        TypeError: they are not tensors; the message gives the reason.
    """
    values = _named(values, what)
    if not isinstance(values, Mapping):
        return [_tensor(what, name, values)]
    named = by_name(values, f"the {what}")
    return [_tensor(what, key, value) for key, value in named.items()]


def _named(values: Any, what: str) -> Any:
    """Return a dictionary of values by name if *values* can be read as one."""
    if isinstance(values, list | tuple):
        # Look at the types, which are few, not at every row.
        kinds = set(map(type, values))
        if kinds <= _PLAIN or any(hasattr(kind, "dtype") for kind in kinds):
            return values
    elif hasattr(values, "tobytes") or isinstance(values, Mapping):
        return values
    else:
        columns = frame_columns(values, f"the {what}")
        if columns is not None:
            return {column.label: column.values for column in columns}
        # This may be an object with fields.
        values, kinds = plain(values, f"the {what}"), {dict}
    if dict not in kinds:
        # Rows may be objects of a script's own classes.
        values = plain(values, f"the {what}")
    if isinstance(values, list) and dict in set(map(type, values)):
        return _by_key(values, what)
    return values


def _datatype_of_array(value: Any) -> str | None:
    """Return the datatype of an array that has one; None for any other value."""
    if not (hasattr(value, "tobytes") and hasattr(value, "ravel")):
        return None
    if getattr(value, "mask", None) is not None:
        # Masked elements are missing, whatever value is stored for them.
        return None
    return _OF_ARRAYS.get(str(value.dtype))


def _tensor(what: str, name: str, value: Any) -> Tensor:
    if hasattr(value, "iloc") and str(value.dtype) in _OF_ARRAYS:
        value = value.to_numpy()
    datatype = _datatype_of_array(value)
    if datatype is not None:
        return Tensor(name, datatype, [*value.shape] or [1], Elements(value))
    datatype = _datatype_of_items(value)
    value = plain(value, f"{what} {name!r}")
    try:
        shape, flat = flatten(value if isinstance(value, list) else [value])
    except ValueError as error:
        raise TypeError(f"{what} {name!r} is not a tensor: {error}") from error
    if datatype is None:
        datatype, flat = _infer(f"{what} {name!r}", flat)
    return Tensor(name, datatype, shape, flat)


def _datatype_of_items(value: Any) -> str | None:
    """Return the common datatype of a list of arrays or of their scalars, if any."""
    first = value[0] if isinstance(value, list | tuple) and value else None
    if not hasattr(first, "dtype"):
        return None
    found = {_datatype_of_array(item) for item in value}
    return found.pop() if len(found) == 1 else None


def _infer(what: str, flat: list[Any]) -> tuple[str, list[Any]]:
    """Return the datatype that holds all values, and the values converted to it."""
    kinds = set(map(type, flat))
    if float in kinds and kinds & {str, bytes, bool}:
        # In such a column pandas uses NaN for missing values.
        flat = [None if value != value else value for value in flat]  # noqa: PLR0124
        kinds = set(map(type, flat))
    if kinds == {int}:
        return _integers(what, flat)
    if kinds <= {int, float, type(None)}:
        return "FP64", _fractions(what, flat)
    some = kinds - {type(None)}
    if some == {bool}:
        return "BOOL", flat
    if some <= {str, bytes}:
        return "BYTES", flat
    words = ", ".join(sorted(kind.__name__ for kind in some))
    raise TypeError(
        f"{what} is not a tensor: its elements are of {words}; a tensor has numbers, "
        "booleans or texts"
    )


def _integers(what: str, flat: list[int]) -> tuple[str, list[int]]:
    is_signed = max(flat) <= DATATYPES["INT64"].highest
    datatype = "INT64" if is_signed else "UINT64"
    limits = DATATYPES[datatype]
    if limits.lowest <= min(flat) <= max(flat) <= limits.highest:
        return datatype, flat
    raise TypeError(f"{what} has integers of more than 64 bits")


def _fractions(what: str, flat: Iterable[int | float | None]) -> list[float]:
    """Return floats for numbers of which some are floats or missing."""
    found = []
    for value in flat:
        if type(value) is int and abs(value) > _MOST_EXACT:
            raise TypeError(
                f"{what} is not a tensor: beside fractions or missing values, the "
                f"integer {value} would lose digits; give texts, or integers alone"
            )
        found.append(nan if value is None else float(value))
    return found


def _by_key(rows: Sequence[Any], what: str) -> dict[str, list[Any]]:
    """Return the values of each key, in the order of the rows."""
    keys = rows[0].keys() if isinstance(rows[0], dict) else None
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != keys:
            raise TypeError(
                f"row {number} of the {what}s has other keys than row 0: as tensors, "
                "all rows need the same"
            )
    columns = {key: [row[key] for row in rows] for key in keys or ()}
    return by_name(columns, f"row 0 of the {what}s")
