"""A model's inputs according to its schema, as tensors of the V2 protocol."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from hopsartifacts.registry.documents import EmbeddedFile
from hopsartifacts.serving.contract import ModelInput

_UNKNOWN = -1
"""The length of an axis of any length."""
_TENSOR_NAME = "input-0"
"""The name of a schema's only tensor, which has none; requests may use any name."""

_DATATYPES = {
    **dict.fromkeys(("bool", "boolean"), "BOOL"),
    **dict.fromkeys(("int8", "tinyint"), "INT8"),
    **dict.fromkeys(("int16", "smallint"), "INT16"),
    "int32": "INT32",
    **dict.fromkeys(("int64", "int", "bigint", "long"), "INT64"),
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **dict.fromkeys(("float16", "halffloat", "half"), "FP16"),
    "float32": "FP32",
    **dict.fromkeys(("float64", "double", "float"), "FP64"),
    "bfloat16": "BF16",
    **dict.fromkeys(
        ("str", "string", "large_string", "string_view", "utf8"),
        "BYTES",
    ),
}
"""The V2 datatype of each type that libraries write into schemas, in lower case. Types
of any content, such as ``object``, and those that V2 cannot express are left out."""
_STORED = re.compile(r"\[(?:python|pyarrow|pyarrow_numpy)\]$")
"""The storage that pandas names in its types of texts."""
_SHAPE = re.compile(r"[(\[]\s*((?:-?\d+|None)(?:\s*,\s*(?:-?\d+|None))*)\s*,?\s*[)\]]")


class _Column(msgspec.Struct, frozen=True):
    type: str
    name: str | None = None


class _Tensor(msgspec.Struct, frozen=True):
    type: str
    shape: str


class _Side(msgspec.Struct, frozen=True):
    columnar_schema: tuple[_Column, ...] = ()
    tensor_schema: _Tensor | tuple[_Tensor, ...] = ()


class _Document(msgspec.Struct, frozen=True):
    """The inputs in ``model_schema.json``; the rest is not read."""

    input_schema: _Side | None = None


def model_inputs(schema: EmbeddedFile | None) -> tuple[ModelInput, ...]:
    """Return the tensors that a request must have: one for each column, or only one.

    The result is empty if there is no schema, or if the protocol cannot express a part
    of it: a type without a datatype, a column without a name, several tensors.
    """
    if schema is None:
        return ()
    try:
        side = msgspec.json.decode(schema.text, type=_Document).input_schema
    except msgspec.DecodeError:
        # A user may have stored a dict of any form.
        return ()
    if side is None:
        return ()
    if side.columnar_schema:
        found = [_of_column(column) for column in side.columnar_schema]
    else:
        given = side.tensor_schema
        tensors: Sequence[_Tensor] = (given,) if isinstance(given, _Tensor) else given
        found = [_of_tensor(it) for it in tensors] if len(tensors) == 1 else []
    known = tuple(it for it in found if it is not None)
    names = {it.name for it in known}
    return known if len(names) == len(found) else ()


def _of_column(column: _Column) -> ModelInput | None:
    datatype = _datatype(column.type)
    if not column.name or datatype is None:
        return None
    return ModelInput(name=column.name, datatype=datatype, shape=(_UNKNOWN,))


def _of_tensor(tensor: _Tensor) -> ModelInput | None:
    datatype, axes = _datatype(tensor.type), _SHAPE.fullmatch(tensor.shape.strip())
    if datatype is None or axes is None:
        return None
    lengths = [_length(it.strip()) for it in axes[1].split(",")]
    # The first axis is the rows; a request may have any number of them.
    shape = (_UNKNOWN, *lengths[1:])
    return ModelInput(name=_TENSOR_NAME, datatype=datatype, shape=shape)


def _length(text: str) -> int:
    return _UNKNOWN if text == "None" or text.startswith("-") else int(text)


def _datatype(kind: Any) -> str | None:
    return _DATATYPES.get(_STORED.sub("", str(kind).strip().lower()))
