"""Conversion of any Python value to plain values, from which JSON and tensors are made.

Plain values are lists, dicts with string keys, strings, integers, floats, ``True``,
``False``, ``None`` and bytes. A value is converted without loss or refused; the error
names its place, as in ``inputs[3]["when"]``. These types are converted:

==================================  ==================================================
arrays, series, tensors             lists, each number exactly as stored
frames and tables                   a list of objects, one per row
``NaT``, ``pd.NA``, masked          ``None``
dates, times, timestamps, spans     ISO 8601 text
``Decimal``                         text with all digits
``UUID``                            text
members of an ``Enum``              their values
data classes, structs               objects
sets, iterators, ranges             lists
bytes                               unchanged; Base64 text in JSON
==================================  ==================================================
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from math import fsum, isfinite
from typing import Any, Literal, get_args

from hopsartifacts.foreign import (
    Column,
    columns_of,
    kept_number,
    kept_text,
    key_text,
    scalar,
    step,
)
from hopsartifacts.names import is_unicode
from hopsartifacts.times import NoPlainFormError

Fractions = Literal["all", "no infinity", "finite"]
"""Which floats are accepted. ``all``: every float. ``no infinity``: infinities are
refused, and NaN becomes None, since it marks a missing value in frames. ``finite``:
infinities and NaN are refused."""

ONLY_FINITE = "only finite numbers can be compared; leave it out"
"""The hint for a metric that is NaN or infinite."""
_NO_JSON = ", which JSON cannot represent"
_NUMBERS = frozenset({int, float, bool})
_LOOKED_AT_BYTES = 16 * 1024 * 1024
_DEEP = 4
"""How many dimensions of a nested list are flattened in C to check their types."""


def plain(value: Any, where: str, fractions: Fractions = "all") -> Any:
    """Convert *value* to plain values.

    Args:
        value: anything.
        where: the name of the value in messages (``inputs``).
        fractions: which floats are accepted; see ``Fractions``.

    Raises:
        TypeError: a part of it cannot be converted; the message names the place.
    """
    try:
        return _READINGS[fractions].read(value)
    except NoPlainFormError as refused:
        words = f"{where}{''.join(refused.path)} {refused}"
        raise TypeError(words) from refused.__cause__
    except RecursionError as error:
        raise TypeError(f"{where} is nested too deeply, or contains itself") from error


def frame_columns(value: Any, where: str) -> list[Column] | None:
    """Return the columns of a frame or table; None if *value* is neither.

    Raises:
        TypeError: two columns have the same label, or a label is neither a string nor
            a number.
    """
    try:
        return columns_of(value)
    except NoPlainFormError as refused:
        raise TypeError(f"{where} {refused}") from None


def misspelt(body: bytes, where: str) -> str | None:
    """Explain which value makes *body* invalid JSON; None if no value is the reason.

    Python's ``json`` module, among others, writes NaN, infinities and lone surrogates.
    Strict JSON parsers report only the position of the unexpected byte.

    Args:
        body: a body that failed to parse as JSON; one over 16 MiB is not examined.
        where: the name of the body in messages.
    """
    words = (b"NaN", b"Infinity", b"\\ud", b"\\uD")
    if len(body) > _LOOKED_AT_BYTES or not any(word in body for word in words):
        return None
    # Imported late: it is needed only for invalid input.
    import json  # noqa: PLC0415 - see above

    try:
        _READINGS["finite"].read(json.loads(body))
    except NoPlainFormError as refused:
        place, flaw = [where, *refused.path], str(refused)
        is_metric = any(name in place[:-1] for name in ("metrics", '["metrics"]'))
        if is_metric and _NO_JSON in flaw:
            # A metric must be a number, so a string cannot replace it.
            flaw = f"{flaw.partition(_NO_JSON)[0]}: {ONLY_FINITE}"
        return f"{''.join(place)} {flaw}"
    except (ValueError, RecursionError):
        pass
    return None


def first_row(frame: Any) -> Any:
    """Return the first row of a frame or table, as a frame or table."""
    return frame.head(1) if hasattr(frame, "head") else frame.slice(0, 1)


def by_name(values: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Return *values* with their keys as JSON names; the values are unchanged.

    Raises:
        TypeError: two keys have the same name, or a key is neither a string nor a
            number.
    """
    try:
        return dict(zip(_names(values), values.values(), strict=True))
    except NoPlainFormError as refused:
        raise TypeError(f"{where} {refused}") from None


def _names(values: Mapping[Any, Any]) -> list[str]:
    names = [
        key if type(key) is str and key.isascii() else key_text(key) for key in values
    ]
    if len(set(names)) < len(names):
        twin = max(names, key=names.count)
        raise NoPlainFormError(
            f"has two keys that are both {twin!r} in JSON: rename one"
        )
    return names


class _Reading:
    """A converter with one rule for floats; see ``Fractions``."""

    def __init__(self, fractions: Fractions) -> None:
        self._fractions = fractions
        self._readers: dict[type, Callable[[Any], Any]] = {
            str: kept_text,
            int: kept_number,
            float: self._fraction,
            list: self._items,
            tuple: self._items,
            dict: self._object,
        }
        for kind in (bool, bytes, type(None)):
            self._readers[kind] = lambda value: value

    def read(self, value: Any) -> Any:
        reader = self._readers.get(type(value))
        return self._other(value) if reader is None else reader(value)

    def _fraction(self, value: float) -> float | None:
        if self._fractions == "all" or isfinite(value):
            return value
        if value == value:  # noqa: PLR0124 - not NaN
            raise NoPlainFormError(
                f"is {value!r}{_NO_JSON}: give a string instead; "
                "predictions over gRPC and binary tensors of V2 support it"
            )
        if self._fractions == "finite":
            raise NoPlainFormError(
                f"is NaN{_NO_JSON}: give None or a string instead, or leave it out"
            )
        return None

    def _items(self, values: Sequence[Any]) -> list[Any]:
        if type(values) is list and self._is_simple(values):
            return values
        read, found = self.read, []
        try:
            for value in values:
                found.append(read(value))  # noqa: PERF401 - len() names the place
        except NoPlainFormError as refused:
            refused.path.insert(0, f"[{len(found)}]")
            raise
        return found

    def _is_simple(self, values: list[Any]) -> bool:
        """Return whether a list is plain already, without a Python loop over its items.

        It recognises lists of strings, numbers or booleans, nested ``_DEEP`` levels.
        """
        # Compare the set of types, which is small.
        flat, kinds = values, set(map(type, values))
        for _ in range(_DEEP):
            if kinds != {list}:
                break
            flat = [*chain.from_iterable(flat)]
            kinds = set(map(type, flat))
        if kinds == {str}:
            text = "".join(flat)
            return text.isascii() or is_unicode(text)
        if not kinds <= _NUMBERS:
            return False
        if kinds == {bool}:
            return True
        try:
            # Fails for integers beyond the range of a float, which may be too long.
            total = fsum(flat)
        except (OverflowError, ValueError):
            return False
        return self._fractions == "all" or isfinite(total)

    def _object(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        read = self.read
        for name, item in zip(_names(value), value.values(), strict=True):
            try:
                found[name] = read(item)
            except NoPlainFormError as refused:
                refused.path.insert(0, f'["{name}"]')
                raise
        return found

    def _other(self, value: Any) -> Any:
        """Convert a value whose type is not one of JSON's own."""
        found = scalar(value)
        if found is not value:
            return self.read(found)
        columns = columns_of(value)
        if columns is not None:
            return self._frame(columns)
        found = step(value)
        return self._object(found) if isinstance(found, Mapping) else self.read(found)

    def _frame(self, columns: list[Column]) -> list[dict[str, Any]]:
        # Column by column: as a row, values of several types would get a common type.
        read = []
        for column in columns:
            try:
                read.append(self.read(column.values))
            except NoPlainFormError as refused:
                refused.path.insert(1, f'["{column.label}"]')
                raise
        labels = [column.label for column in columns]
        return [dict(zip(labels, row, strict=True)) for row in zip(*read, strict=True)]


_READINGS = {kind: _Reading(kind) for kind in get_args(Fractions)}
