"""Model schemas: the types of a model's inputs and outputs, in Hopsworks' format.

Frames and arrays are recognised by their attributes (``dtypes``, ``shape``), so that no
data-science package needs to be imported.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.registry.documents import EmbeddedFile
from hopsartifacts.values import frame_columns, plain

_ACCEPTED = (
    "a frame, a series, an array (rows as numpy.array(rows)), a dict like "
    "{'age': 'int'}, a list of columns like {'name': 'age', 'type': 'int'}, or a list "
    "of tensors like {'shape': [1, 2], 'type': 'float32'}"
)


class Schema(FixedAttributes):
    """The schema of a model's inputs or outputs, inferred from data or given.

    Args:
        object: for columns: a frame or table of any library (also a polars LazyFrame),
            a series, a dict of names and types like ``{"age": "int"}``, or a list of
            dicts with ``type`` and optionally ``name`` and ``description``. For
            tensors: an array or tensor of any library, or a list of dicts with
            ``shape`` and ``type``. Another Schema, or the result of its ``to_dict``,
            is copied.

    Raises:
        InvalidModelError: it is none of these, or a dict lacks a required key. An empty
            list is refused; Hopsworks takes it for a tensor.
    """

    def __init__(self, object: Any = None) -> None:  # noqa: A002 - Hopsworks' name
        self._document = _document(object)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as a dict; all its values are strings, as in Hopsworks."""
        return self._document

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self._document == other._document

    def __hash__(self) -> int:
        return hash(str(self._document))

    def __repr__(self) -> str:
        return f"Schema({self._document!r})"


class ModelSchema(FixedAttributes):
    """The schemas of a model's inputs and outputs; one of them may be missing.

    Args:
        input_schema: the schema of the inputs of ``predict``.
        output_schema: the schema of its results.

    Raises:
        InvalidModelError: both are missing, or one is not a ``Schema``.
    """

    input_schema: Schema | None
    output_schema: Schema | None

    def __init__(
        self, input_schema: Schema | None = None, output_schema: Schema | None = None
    ) -> None:
        if input_schema is None and output_schema is None:
            raise InvalidModelError(
                "a model schema needs an input_schema, an output_schema, or both"
            )
        self.input_schema = input_schema
        self.output_schema = output_schema
        for name, side in self._sides().items():
            if not isinstance(side, Schema):
                raise InvalidModelError(
                    f"{name} is a {type(side).__name__}: wrap it, as in Schema(...)"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"input_schema": …, "output_schema": …}``, without a missing one."""
        return {name: side.to_dict() for name, side in self._sides().items()}

    def _sides(self) -> dict[str, Schema]:
        sides = {"input_schema": self.input_schema, "output_schema": self.output_schema}
        return {name: side for name, side in sides.items() if side is not None}

    def json(self) -> str:
        """Return the text of ``model_schema.json``: sorted keys, indented by two."""
        return _json(self.to_dict())

    def __repr__(self) -> str:
        return f"ModelSchema({self.to_dict()!r})"


def schema_text(schema: "ModelSchema | Mapping[str, Any] | None") -> str | None:
    """Return the text of ``model_schema.json`` for a user's argument; None for None.

    Raises:
        InvalidModelError: it is neither a ModelSchema nor a mapping, or is not JSON.
    """
    if schema is None:
        return None
    if isinstance(schema, ModelSchema):
        return schema.json()
    if isinstance(schema, Mapping):
        return _json(schema)
    raise InvalidModelError(
        f"model_schema is a {type(schema).__name__}: give a ModelSchema"
    )


def input_columns(schema: EmbeddedFile | None) -> tuple[str, ...]:
    """Return the names of a model's input columns, in order.

    It is empty if there is no schema, the inputs are tensors, or a column has no name.
    """
    if schema is None:
        return ()
    try:
        document = msgspec.json.decode(schema.text)
        names = [it["name"] for it in document["input_schema"]["columnar_schema"]]
    except (KeyError, TypeError, msgspec.DecodeError):
        # A schema given as a dict may have any form.
        return ()
    return tuple(names) if all(it and isinstance(it, str) for it in names) else ()


def _json(document: Mapping[str, Any]) -> str:
    try:
        kept = plain(document, "the model schema", "finite")
    except TypeError as error:
        raise InvalidModelError(str(error)) from error
    data = msgspec.json.encode(kept, order="sorted")
    return msgspec.json.format(data, indent=2).decode()


def _document(value: Any) -> dict[str, Any]:
    if isinstance(value, Schema):
        return value.to_dict()
    if isinstance(value, Mapping) and value:
        return _of_mapping(value)
    columns = _columns(value)
    if columns:
        return {"columnar_schema": columns}
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        # The name of an array's data type, without the library's prefix.
        kind = getattr(value.dtype, "name", None)
        kind = (
            kind if isinstance(kind, str) else str(value.dtype).removeprefix("torch.")
        )
        return {"tensor_schema": {"shape": str(tuple(value.shape)), "type": kind}}
    if isinstance(value, list | tuple) and value:
        return _spelled_out(value)
    empty = "an empty " if isinstance(value, list | tuple) else "a "
    raise InvalidModelError(
        f"cannot infer a schema from {empty}{type(value).__name__}: give {_ACCEPTED}"
    )


def _of_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the schema that a dict spells out."""
    if value.keys() in ({"columnar_schema"}, {"tensor_schema"}):
        (kind,) = value
        parts = value[kind]
        found = _spelled_out([parts] if isinstance(parts, Mapping) else parts)
        # A single tensor is not in a list, as for an array.
        return {kind: found[kind][0]} if isinstance(parts, Mapping) else found
    if not all(isinstance(kind, str | type) for kind in value.values()):
        raise InvalidModelError(
            "cannot infer a schema from a dict whose values are not types: give "
            f"{_ACCEPTED}"
        )
    columns = [
        _column(name, kind.__name__ if isinstance(kind, type) else kind)
        for name, kind in value.items()
    ]
    return {"columnar_schema": columns}


def _columns(value: Any) -> list[dict[str, str]]:
    """Return the columns of a frame or a series; empty if *value* is neither."""
    if hasattr(value, "collect_schema"):
        return [_column(name, it) for name, it in value.collect_schema().items()]
    try:
        columns = frame_columns(value, "the frame")
    except TypeError as error:
        raise InvalidModelError(str(error)) from error
    if columns is not None:
        return [_column(column.label, column.kind) for column in columns]
    # A series has a name, which may be None; an array has no such attribute.
    if hasattr(value, "dtype") and (
        hasattr(value, "iloc") or hasattr(value, "to_list")
    ):
        return [_column(value.name or None, value.dtype)]
    return []


def _column(name: object, kind: object) -> dict[str, str]:
    named = {} if name is None else {"name": str(name)}
    return {**named, "type": str(kind)}


def _spelled_out(items: Sequence[Any]) -> dict[str, Any]:
    if not items or not all(isinstance(item, Mapping) for item in items):
        raise InvalidModelError(f"cannot infer a schema from a list: give {_ACCEPTED}")
    if all("shape" in item for item in items):
        return {"tensor_schema": [_part(item, ("shape", "type")) for item in items]}
    keys = ("name", "type", "description")
    return {"columnar_schema": [_part(item, keys) for item in items]}


def _part(item: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, str]:
    if "type" not in item:
        raise InvalidModelError(f"schema part {dict(item)!r} lacks 'type'")
    if unknown := item.keys() - set(keys):
        raise InvalidModelError(
            f"schema part {dict(item)!r} has {', '.join(sorted(map(str, unknown)))}, "
            f"but takes {', '.join(keys)} (columns and tensors do not mix)"
        )
    return {key: _text(item[key]) for key in keys if key in item}


def _text(value: object) -> str:
    return str(tuple(value)) if isinstance(value, list | tuple) else str(value)
