"""From what a script returns to the tensors of the V2 protocol."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from hopsartifacts.serving.runtime.encoding import plain
from hopsartifacts.serving.runtime.tensors import (
    DATATYPES,
    Elements,
    Tensor,
    flatten,
)

_OF_ARRAYS: Mapping[str, str] = {
    "bool": "BOOL",
    **{f"int{bits}": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
}
_UNNAMED = "output-0"
_PLAIN = {bool, bytes, float, int, list, str, tuple, type(None)}


def tensors_of(outputs: Any) -> list[Tensor]:
    """Return what a script returned as tensors.

    A list or an array is one tensor, ``output-0``; a dictionary, or rows that are
    objects with the same keys, one for each key. A single value has one row.

    Raises:
        TypeError: they are no tensors; the message says what hinders.
    """
    outputs = _named(outputs)
    if isinstance(outputs, list | tuple) or not isinstance(outputs, Mapping):
        return [_tensor(_UNNAMED, outputs)]
    return [_tensor(str(name), value) for name, value in outputs.items()]


def _named(outputs: Any) -> Any:
    """Return a dictionary of values by name if *outputs* amount to one."""
    if isinstance(outputs, list | tuple):
        # By type, of which there are few, not by row.
        kinds = set(map(type, outputs))
        if kinds <= _PLAIN or any(hasattr(kind, "dtype") for kind in kinds):
            return outputs
    elif hasattr(outputs, "tobytes") or isinstance(outputs, Mapping):
        return outputs
    else:
        # A frame or an object, perhaps.
        outputs, kinds = plain(outputs), {dict}
    if dict not in kinds:
        # Rows may be objects of a script's own classes.
        outputs = plain(outputs)
    if isinstance(outputs, list | tuple) and dict in set(map(type, outputs)):
        return _columns(outputs)
    return outputs


def _datatype_of_array(value: Any) -> str | None:
    """Return the datatype of an array with one; None for all else."""
    if not (hasattr(value, "tobytes") and hasattr(value, "ravel")):
        return None
    return _OF_ARRAYS.get(str(value.dtype))


def _tensor(name: str, value: Any) -> Tensor:
    datatype = _datatype_of_array(value)
    if datatype is not None:
        return Tensor(name, datatype, [*value.shape] or [1], Elements(value))
    datatype = _datatype_of_items(value)
    value = plain(value)
    try:
        shape, flat = flatten(value if isinstance(value, list | tuple) else [value])
    except ValueError as error:
        raise TypeError(f"output {name!r} is no tensor: {error}") from error
    if datatype is None:
        datatype, flat = _infer(name, flat)
    return Tensor(name, datatype, shape, flat)


def _datatype_of_items(value: Any) -> str | None:
    """Return the datatype of a list of arrays or their scalars, if all have one."""
    first = value[0] if isinstance(value, list | tuple) and value else None
    if not hasattr(first, "dtype"):
        return None
    found = {_datatype_of_array(item) for item in value}
    return found.pop() if len(found) == 1 else None


def _infer(name: str, flat: list[Any]) -> tuple[str, list[Any]]:
    """Return the datatype that holds all values, and the values as it has them."""
    kinds = set(map(type, flat))
    if kinds == {bool}:
        return "BOOL", flat
    if kinds == {int}:
        is_signed = max(flat) <= DATATYPES["INT64"].highest
        datatype = "INT64" if is_signed else "UINT64"
        limits = DATATYPES[datatype]
        if limits.lowest <= min(flat) <= max(flat) <= limits.highest:
            return datatype, flat
        raise TypeError(f"output {name!r} has integers of more than 64 bits")
    if kinds <= {int, float, type(None)}:
        return "FP64", [nan if value is None else float(value) for value in flat]
    if kinds <= {str, bytes}:
        return "BYTES", flat
    words = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise TypeError(
        f"output {name!r} is no tensor: its elements are of {words}; a tensor has "
        "numbers, booleans or strings"
    )


def _columns(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Return the values of each key, in the order of the rows."""
    keys = rows[0].keys() if isinstance(rows[0], dict) else None
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != keys:
            raise TypeError(
                f"row {number} of the outputs has other keys than row 0: as tensors, "
                "all rows need the same"
            )
    return {str(key): [row[key] for row in rows] for key in keys or ()}
