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


def tensors_of(outputs: Any) -> list[Tensor]:
    """Return what a script returned as tensors.

    A list or an array is one tensor, ``output-0``; a dictionary, or rows that are
    objects with the same keys, one for each key. A single value has one row.

    Raises:
        TypeError: they are no tensors; the message says what hinders.
    """
    outputs = _named(outputs)
    if isinstance(outputs, Mapping):
        return [_tensor(str(name), value) for name, value in outputs.items()]
    return [_tensor(_UNNAMED, outputs)]


def _named(outputs: Any) -> Any:
    """Return a dictionary of values by name if *outputs* amount to one."""
    if hasattr(outputs, "tobytes") or isinstance(outputs, Mapping):
        return outputs
    if not isinstance(outputs, list | tuple):
        # A frame or an object, perhaps.
        outputs = plain(outputs)
    is_list = isinstance(outputs, list | tuple)
    if is_list and any(isinstance(row, Mapping) for row in outputs):
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
    if not isinstance(value, list | tuple) or not hasattr(
        next(iter(value), 0), "dtype"
    ):
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
    keys = rows[0].keys() if isinstance(rows[0], Mapping) else None
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping) or row.keys() != keys:
            raise TypeError(
                f"row {number} of the outputs has other keys than row 0: as tensors, "
                "all rows need the same"
            )
    return {str(key): [row[key] for row in rows] for key in keys or ()}
