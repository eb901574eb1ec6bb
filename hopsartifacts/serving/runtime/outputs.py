"""From values, a script's answer or a client's rows, to tensors of the V2 protocol."""

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
"""Every whole number up to it is a fraction of 64 bits, too."""
_PLAIN = {bool, bytes, float, int, list, str, tuple, type(None)}


def tensors_of(values: Any, what: str = "output", name: str = _UNNAMED) -> list[Tensor]:
    """Return *values*, such as what a script returned, as tensors.

    A list or an array is one tensor; a dictionary, a frame, or rows that are objects
    with the same keys, one for each key. A single value has one row.

    Args:
        values: what is to be sent.
        what: what a tensor is called in messages.
        name: of a tensor that has none.

    Raises:
        TypeError: they are no tensors; the message says what hinders.
    """
    values = _named(values, what)
    if not isinstance(values, Mapping):
        return [_tensor(what, name, values)]
    named = by_name(values, f"the {what}")
    return [_tensor(what, key, value) for key, value in named.items()]


def _named(values: Any, what: str) -> Any:
    """Return a dictionary of values by name if *values* amount to one."""
    if isinstance(values, list | tuple):
        # By type, of which there are few, not by row.
        kinds = set(map(type, values))
        if kinds <= _PLAIN or any(hasattr(kind, "dtype") for kind in kinds):
            return values
    elif hasattr(values, "tobytes") or isinstance(values, Mapping):
        return values
    else:
        columns = frame_columns(values, f"the {what}")
        if columns is not None:
            return {column.label: column.values for column in columns}
        # An object, perhaps.
        values, kinds = plain(values, f"the {what}"), {dict}
    if dict not in kinds:
        # Rows may be objects of a script's own classes.
        values = plain(values, f"the {what}")
    if isinstance(values, list) and dict in set(map(type, values)):
        return _by_key(values, what)
    return values


def _datatype_of_array(value: Any) -> str | None:
    """Return the datatype of an array with one; None for all else."""
    if not (hasattr(value, "tobytes") and hasattr(value, "ravel")):
        return None
    if getattr(value, "mask", None) is not None:
        # Masked elements are missing, whatever lies below.
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
        raise TypeError(f"{what} {name!r} is no tensor: {error}") from error
    if datatype is None:
        datatype, flat = _infer(f"{what} {name!r}", flat)
    return Tensor(name, datatype, shape, flat)


def _datatype_of_items(value: Any) -> str | None:
    """Return the datatype of a list of arrays or their scalars, if all have one."""
    first = value[0] if isinstance(value, list | tuple) and value else None
    if not hasattr(first, "dtype"):
        return None
    found = {_datatype_of_array(item) for item in value}
    return found.pop() if len(found) == 1 else None


def _infer(what: str, flat: list[Any]) -> tuple[str, list[Any]]:
    """Return the datatype that holds all values, and the values as it has them."""
    kinds = set(map(type, flat))
    if float in kinds and kinds & {str, bytes, bool}:
        # In a column of these, pandas has NaN for what is missing.
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
        f"{what} is no tensor: its elements are of {words}; a tensor has numbers, "
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
    """Return numbers of which some are fractions or missing as fractions."""
    found = []
    for value in flat:
        if type(value) is int and abs(value) > _MOST_EXACT:
            raise TypeError(
                f"{what} is no tensor: beside fractions or missing values, the "
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
