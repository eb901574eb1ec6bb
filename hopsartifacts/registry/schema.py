"""Model schemas: what goes into a model and what comes out, as Hopsworks writes it.

Frames and arrays are recognised by what they offer (``dtypes``, ``shape``), so that
no data-science package is imported for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidModelError

_ACCEPTED = (
    "a DataFrame, a Series, an array, a list of columns like "
    "{'name': 'age', 'type': 'int'}, or a list of tensors like "
    "{'shape': [1, 2], 'type': 'float32'}"
)


class Schema:
    """Schema of one side of a model, inferred from *object* or spelled out.

    Args:
        object: a pandas DataFrame or Series (columns), a NumPy array (tensor), a
            list of dicts with ``type`` and optional ``name`` and ``description``
            (columns), or a list of dicts with ``shape`` and ``type`` (tensors).
            Another Schema is copied.

    Raises:
        InvalidModelError: none of these, or a dict without its required keys. An
            empty list is refused; Hopsworks takes it for a tensor.
    """

    def __init__(self, object: Any = None) -> None:  # noqa: A002 - Hopsworks' name
        self._document = _document(object)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as plain values: all of them strings, as in Hopsworks."""
        return self._document

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self._document == other._document

    def __hash__(self) -> int:
        return hash(str(self._document))

    def __repr__(self) -> str:
        return f"Schema({self._document!r})"


class ModelSchema:
    """Schemas of a model's inputs and outputs; either may be missing.

    Args:
        input_schema: what ``predict`` takes.
        output_schema: what it returns.
    """

    def __init__(
        self,
        input_schema: Schema | None = None,
        output_schema: Schema | None = None,
    ) -> None:
        if input_schema is None and output_schema is None:
            raise InvalidModelError(
                "a model schema needs an input_schema, an output_schema, or both"
            )
        for name, side in (
            ("input_schema", input_schema),
            ("output_schema", output_schema),
        ):
            if side is not None and not isinstance(side, Schema):
                raise InvalidModelError(
                    f"{name} is a {type(side).__name__}: wrap it, as in Schema(...)"
                )
        self.input_schema = input_schema
        self.output_schema = output_schema

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"input_schema": …, "output_schema": …}`` with what there is."""
        sides = {"input_schema": self.input_schema, "output_schema": self.output_schema}
        return {name: side.to_dict() for name, side in sides.items() if side}

    def json(self) -> str:
        """Return the text of ``model_schema.json``: sorted keys, two spaces."""
        return _json(self.to_dict())

    def __repr__(self) -> str:
        return f"ModelSchema({self.to_dict()!r})"


def schema_text(schema: "ModelSchema | Mapping[str, Any] | None") -> str | None:
    """Return the file text for what a user passed as ``model_schema``."""
    if schema is None:
        return None
    if isinstance(schema, ModelSchema):
        return schema.json()
    if isinstance(schema, Mapping):
        return _json(dict(schema))
    raise InvalidModelError(
        f"model_schema is a {type(schema).__name__}: give a ModelSchema"
    )


def _json(document: dict[str, Any]) -> str:
    try:
        data = msgspec.json.encode(document, order="sorted")
    except (TypeError, ValueError) as error:
        raise InvalidModelError(
            f"the model schema cannot be written as JSON ({error})"
        ) from error
    return msgspec.json.format(data, indent=2).decode()


def _document(value: Any) -> dict[str, Any]:
    if isinstance(value, Schema):
        return value.to_dict()
    if hasattr(value, "dtypes") and hasattr(value, "columns"):
        return {"columnar_schema": _columns_of_frame(value)}
    if hasattr(value, "dtype") and hasattr(value, "index"):
        return {"columnar_schema": [_column(value.name, value.dtype)]}
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        tensor = {"shape": str(tuple(value.shape)), "type": str(value.dtype)}
        return {"tensor_schema": tensor}
    if isinstance(value, list | tuple) and value:
        return _spelled_out(value)
    raise InvalidModelError(
        f"cannot infer a schema from {_words(value)}: give {_ACCEPTED}"
    )


def _columns_of_frame(frame: Any) -> list[dict[str, str]]:
    return [_column(name, frame[name].dtype) for name in frame.columns]


def _column(name: object, kind: object) -> dict[str, str]:
    named = {} if name is None else {"name": str(name)}
    return {**named, "type": str(kind)}


def _spelled_out(items: Sequence[Any]) -> dict[str, Any]:
    if not all(isinstance(item, Mapping) for item in items):
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


def _words(value: object) -> str:
    empty = isinstance(value, list | tuple) and not value
    return "an empty list" if empty else f"a {type(value).__name__}"
