"""Conversion of numpy, pandas, polars, Arrow and other types, one step at a time.

Each function turns a value into one that is closer to plain JSON values. Types are
recognised by their attributes: importing numpy or pandas for an ``isinstance`` check
would cost every model server half a second.
"""

import dataclasses
from collections import UserString
from collections.abc import (
    Callable,
    ItemsView,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
    ValuesView,
)
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from hopsartifacts.names import is_unicode
from hopsartifacts.times import (
    NoPlainFormError,
    iso,
    may_hold_nanoseconds,
    of_numpy,
    one_step_to_plain,
    span,
)

CONTAINERS = (Sequence, AbstractSet, Iterator, KeysView, ValuesView, ItemsView)
"""Python's own collection types that become lists."""

_MISSING = frozenset({"NaTType", "NAType"})
_STEPS = ("to_list", "to_pylist", "as_py", "toarray", "model_dump", "numpy")
"""Methods that return a value closer to plain values: of series, arrays and scalars of
polars and Arrow; of sparse matrices; of pydantic models; of tensors."""

_NOTHING = object()
MOST_BITS = 14_284
"""Integers of up to this many bits have at most 4300 digits, Python's limit."""


class Column(NamedTuple):
    """One column of a frame or table."""

    label: str
    values: Any
    """A series or an array of the frame's library."""
    kind: object
    """The data type, as an object of that library."""


def kept_text(value: str) -> str:
    """Return *value* unchanged.

    Raises:
        NoPlainFormError: it cannot be encoded as UTF-8.
    """
    if value.isascii() or is_unicode(value):
        return value
    raise NoPlainFormError(
        f"is {value!r}: it contains a lone surrogate, which JSON cannot represent"
    )


def kept_number(value: int) -> int:
    """Return *value* unchanged.

    Raises:
        NoPlainFormError: it has more digits than Python converts to text.
    """
    if value.bit_length() > MOST_BITS:
        raise NoPlainFormError(
            f"is an integer of {value.bit_length()} bits, which has more than 4300 "
            "digits: give a string"
        )
    return value


def key_text(key: Any) -> str:
    """Return *key* as text, since JSON keys are always strings.

    Raises:
        NoPlainFormError: it is neither a string nor a number.
    """
    found = scalar(key)
    if type(found) is str:
        return kept_text(found)
    if hasattr(found, "__array_interface__"):
        found = _from_numpy(found)
    if type(found) is int:
        return str(kept_number(found))
    if type(found) is float and isfinite(found):
        return str(found)
    raise NoPlainFormError(
        f"has the key {key!r} of the type {_kind(key)}: use a string, as JSON does"
    )


def scalar(value: Any) -> Any:
    """Convert a scalar to a plain type; return any other value unchanged."""
    if isinstance(value, Enum):
        return value.value
    kind = type(value)
    if kind.__name__ in _MISSING and kind.__module__.startswith("pandas."):
        return None
    for base, convert in _SCALARS:
        if isinstance(value, base) and kind not in {base, bool}:
            return convert(value)
    for base, convert in _WRITTEN:
        if isinstance(value, base):
            return convert(value)
    return value


def _decimal(value: Decimal) -> Any:
    if value.is_snan():
        raise NoPlainFormError(
            f"is {value!r}, which a float cannot represent: give Decimal('NaN') or None"
        )
    return str(value) if value.is_finite() else float(value)


_SCALARS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes),
)
"""Conversions of a subclass instance to its plain base type."""
_WRITTEN: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (date, iso),
    (time, iso),
    (timedelta, span),
    (Decimal, _decimal),
    (UUID, str),
    (UserString, str),
    (bytearray, bytes),
    (memoryview, bytes),
)


def step(value: Any) -> Any:
    """Convert *value*, which is neither a scalar nor a frame, by one step.

    Raises:
        NoPlainFormError: the type has no conversion, or the conversion failed.
    """
    if isinstance(value, range | Iterator):
        # An exception from the user's own iterator is passed on as it is.
        return [*value]
    try:
        found = _converted(value)
    except NoPlainFormError:
        raise
    except Exception as error:
        # A foreign type may raise any exception while it is converted.
        raise NoPlainFormError(
            f"is of the type {_kind(value)} and cannot be read: "
            f"{type(error).__name__}: {error}"
        ) from error
    if found is not _NOTHING:
        return found
    if isinstance(value, CONTAINERS):
        return [*value]
    raise NoPlainFormError(_hint(value))


def _converted(value: Any) -> Any:
    """Return *value* converted by its own type, or ``_NOTHING``."""
    if hasattr(value, "__array_interface__") and hasattr(value, "dtype"):
        return _from_numpy(value)
    if may_hold_nanoseconds(value):
        return one_step_to_plain(value)
    fields = _of_fields(value)
    if fields is not None:
        return fields
    if hasattr(value, "tolist"):
        return _listed(value)
    name = next((name for name in _STEPS if hasattr(value, name)), None)
    return getattr(value, name)() if name else _NOTHING


def _hint(value: Any) -> str:
    if hasattr(value, "collect"):
        return (
            f"is of the type {_kind(value)}, which has no values yet: call its "
            "collect()"
        )
    return (
        f"is of the type {_kind(value)}, which has no form in JSON: use lists, "
        "dicts, strings, numbers, arrays or frames"
    )


def _kind(value: Any) -> str:
    kind = type(value)
    module = kind.__module__
    return kind.__name__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def _of_fields(value: Any) -> Mapping[str, Any] | None:
    """Return the fields of a mapping, struct, data class or attrs object, else None."""
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "__struct_fields__"):
        return _of_struct(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
    elif hasattr(value, "__attrs_attrs__"):
        names = [field.name for field in value.__attrs_attrs__]
    else:
        return None
    return {name: getattr(value, name) for name in names}


def _of_struct(value: Any) -> Mapping[str, Any]:
    """Return the fields of a msgspec struct under their JSON names."""
    config = value.__struct_config__
    found = {config.tag_field: config.tag} if config.tag_field else {}
    names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
    for name, written in names:
        item = getattr(value, name)
        if item is not msgspec.UNSET:
            found[written] = item
    return found


def _from_numpy(value: Any) -> Any:
    """Return a numpy array as lists, or a numpy scalar as a Python value."""
    if value.dtype.names:
        return _records(value)
    kind = value.dtype.kind
    if kind == "S":
        # Fixed-width byte strings usually hold text.
        try:
            value = value.astype("U")
        except UnicodeDecodeError:
            return value.tolist()
    if kind in "Mm":
        return of_numpy(value)
    return _listed(value)


def _records(value: Any) -> Any:
    """Return the values of a structured numpy array as dicts."""
    names = [*value.dtype.names]
    if not value.shape:
        return {name: value[name] for name in names}
    return [_records(item) for item in value]


def _listed(value: Any) -> Any:
    """Return the result of ``value.tolist()`` as plain values."""
    listed = value.tolist()
    if type(listed) is not type(value):
        return listed
    # For numbers that Python lacks, such as 80-bit floats, tolist() returns itself.
    number = float(listed)
    if number != listed and listed == listed:  # noqa: PLR0124 - not NaN
        raise NoPlainFormError(
            f"is {value!r}, which 64 bits cannot represent: round it with float()"
        )
    return number


def columns_of(value: Any) -> list[Column] | None:
    """Return the columns of a frame or table; None if *value* is neither.

    Raises:
        NoPlainFormError: two columns have the same label, or a label is neither a
            string nor a number.
    """
    labels: Sequence[Any]
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        labels = value.columns.tolist()
        found = [value.iloc[:, at] for at in range(len(labels))]
        kinds = [column.dtype for column in found]
    elif hasattr(value, "get_columns") and hasattr(value, "to_dicts"):
        found = value.get_columns()
        labels, kinds = value.columns, [column.dtype for column in found]
    elif hasattr(value, "column_names") and hasattr(value, "to_pylist"):
        labels = value.column_names
        found = [value.column(at) for at in range(len(labels))]
        kinds = [column.type for column in found]
    else:
        return None
    return [*map(Column, _labels(labels), found, kinds)]


def _labels(labels: Sequence[Any]) -> list[str]:
    found = [_label(label) for label in labels]
    for label in found:
        if found.count(label) > 1:
            raise NoPlainFormError(
                f"has two columns with the label {label!r}: rename one of them"
            )
    return found


def _label(label: Any) -> str:
    try:
        return key_text(label)
    except NoPlainFormError:
        raise NoPlainFormError(
            f"has a column with the label {label!r}, which is not valid text: rename "
            'it, as in frame.columns = ["a", "b"]'
        ) from None
