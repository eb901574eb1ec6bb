"""From any Python value to plain ones, of which JSON and tensors are written.

Plain are lists, dictionaries with texts as keys, texts, whole numbers, fractions,
``True``, ``False``, ``None`` and bytes. A value is kept or refused, never changed; a
refusal names the place, as in ``inputs[3]["when"]``. What has a form of its own:

==================================  ==================================================
arrays, series, tensors             lists, each number as its type holds it
frames and tables                   a list of objects, one for each row
``NaT``, ``pd.NA``, masked          ``None``
dates, times, timestamps, spans     text in the form of ISO 8601
``Decimal``                         text with every digit
``UUID``                            text
members of an ``Enum``              their values
data classes, structs               objects
sets, iterators, ranges             lists
bytes                               themselves; in JSON text in Base64
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
from hopsartifacts.plain_forms import NoPlainFormError

Fractions = Literal["all", "no infinity", "finite"]
"""Which fractions are kept: ``all`` that there are; ``no infinity``: infinities are
refused and NaN becomes None, as it stands for a missing value in frames; ``finite``:
both are refused."""

_NUMBERS = frozenset({int, float, bool})
_LOOKED_AT_BYTES = 16 * 1024 * 1024
_DEEP = 4
"""So many dimensions of lists of numbers are looked at in C."""


def plain(value: Any, where: str, fractions: Fractions = "all") -> Any:
    """Return *value* as plain values.

    Args:
        value: anything.
        where: what it is called in messages (``inputs``).
        fractions: see there.

    Raises:
        TypeError: something in it has no such form; the message names the place.
    """
    try:
        return _READINGS[fractions].read(value)
    except NoPlainFormError as refused:
        words = f"{where}{''.join(refused.path)} {refused}"
        raise TypeError(words) from refused.__cause__
    except RecursionError as error:
        raise TypeError(f"{where} is nested too deeply, or holds itself") from error


def frame_columns(value: Any, where: str) -> list[Column] | None:
    """Return the columns of a frame or table; None if *value* is neither.

    Raises:
        TypeError: two columns have one label, or a label is not a text or a number.
    """
    try:
        return columns_of(value)
    except NoPlainFormError as refused:
        raise TypeError(f"{where} {refused}") from None


def misspelt(body: bytes, where: str) -> str | None:
    """Return which value of a body makes it no JSON; None if that is not the reason.

    Python's own writer of JSON, among others, writes NaN, infinities and halves of
    characters, and other readers say no more than which byte they did not expect.

    Args:
        body: what could not be read as JSON; a long one is not looked at.
        where: what it is called in messages.
    """
    words = (b"NaN", b"Infinity", b"\\ud", b"\\uD")
    if len(body) > _LOOKED_AT_BYTES or not any(word in body for word in words):
        return None
    # Imported late: it is needed for a mistake only.
    import json  # noqa: PLC0415 - see above

    try:
        plain(json.loads(body), where, "finite")
    except TypeError as error:
        return str(error)
    except (ValueError, RecursionError):
        pass
    return None


def first_row(frame: Any) -> Any:
    """Return a frame or table with the first row alone."""
    return frame.head(1) if hasattr(frame, "head") else frame.slice(0, 1)


def by_name(values: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Return *values*, which stay as they are, by the names that JSON has for the keys.

    Raises:
        TypeError: two keys have one name, or one is neither a text nor a number.
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
        raise NoPlainFormError(f"has two keys that are both {twin!r} in JSON")
    return names


class _Reading:
    """Reads values after one rule for fractions."""

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
                f"is {value!r}, which JSON cannot represent: give a text instead; "
                "predictions over gRPC and binary tensors of V2 carry it"
            )
        if self._fractions == "finite":
            raise NoPlainFormError(
                "is NaN, which JSON cannot represent: give None or a text instead, or "
                "leave it out"
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
        """Tell whether a list is plain; the usual ones are known without a loop."""
        # By type, of which there are few.
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
            # Fails at whole numbers that no fraction holds, which may be too long.
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
        """Read what is not of one of JSON's own types."""
        found = scalar(value)
        if found is not value:
            return self.read(found)
        columns = columns_of(value)
        if columns is not None:
            return self._frame(columns)
        found = step(value)
        return self._object(found) if isinstance(found, Mapping) else self.read(found)

    def _frame(self, columns: list[Column]) -> list[dict[str, Any]]:
        # Column by column: a row of several types would get one that suits all.
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
