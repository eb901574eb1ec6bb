"""From what a script returns to the tensors of the V2 protocol."""

from collections.abc import Iterable, Mapping
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
    if not isinstance(outputs, Mapping):
        if _datatype_of_array(outputs) is not None:
            return [_tensor(_UNNAMED, outputs)]
        outputs = plain(outputs)
        if isinstance(outputs, list) and any(isinstance(row, dict) for row in outputs):
            outputs = _columns(outputs)
        if not isinstance(outputs, dict):
            return [_tensor_of_plain(_UNNAMED, outputs)]
        return [_tensor_of_plain(str(name), outputs[name]) for name in outputs]
    return [_tensor(str(name), value) for name, value in outputs.items()]


def _datatype_of_array(value: Any) -> str | None:
    """Return the datatype of an array with one; None for all else."""
    if not (hasattr(value, "tobytes") and hasattr(value, "ravel")):
        return None
    return _OF_ARRAYS.get(str(value.dtype))


def _tensor(name: str, value: Any) -> Tensor:
    datatype = _datatype_of_array(value)
    if datatype is not None:
        return Tensor(name, datatype, [*value.shape] or [1], Elements(value))
    return _tensor_of_plain(name, plain(value))


def _tensor_of_plain(name: str, value: Any) -> Tensor:
    values = value if isinstance(value, list | tuple) else [value]
    try:
        shape, flat = flatten(values)
    except ValueError as error:
        raise TypeError(f"output {name!r} is no tensor: {error}") from error
    datatype, flat = _infer(name, flat)
    return Tensor(name, datatype, shape, flat)


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


def _columns(rows: Iterable[Any]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    keys: Any = None
    for number, row in enumerate(rows):
        if keys is None and isinstance(row, dict):
            keys = row.keys()
            columns = {str(key): [] for key in keys}
        if not isinstance(row, dict) or row.keys() != keys:
            raise TypeError(
                f"row {number} of the outputs has other keys than row 0: as tensors, "
                "all rows need the same"
            )
        for key, value in row.items():
            columns[str(key)].append(value)
    return columns
