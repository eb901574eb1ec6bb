"""Training metrics: validation of names and numbers, and of a comparison direction."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from hopsartifacts.errors import InvalidInputError, InvalidModelError
from hopsartifacts.foreign import MOST_BITS
from hopsartifacts.names import plain_number, plain_text

_TIMES = frozenset({"M", "m"})
"""numpy's kinds for dates and durations, whose ``item()`` may be a plain integer."""

Direction = Literal["max", "min"]


def checked_metrics(metrics: Mapping[str, Any] | None) -> dict[str, float | int]:
    """Return *metrics* with every value converted to a finite number.

    Numeric strings and NumPy scalars become numbers. Hopsworks keeps the strings and
    then sorts them as text.

    Raises:
        InvalidModelError: it is not a mapping, a name is not text, or a value is not a
            finite number.
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise InvalidModelError(
            f"metrics is a {type(metrics).__name__}: give a dict like {{'auc': 0.9}}"
        )
    return {_name(name): _number(name, value) for name, value in metrics.items()}


def checked_direction(direction: str) -> Direction:
    """Return *direction* in lower case.

    Raises:
        InvalidInputError: it is neither ``max`` nor ``min``; Hopsworks does not check.
    """
    lower = (plain_text(direction) or "").lower()
    if lower == "max":
        return "max"
    if lower == "min":
        return "min"
    raise InvalidInputError(f"direction {direction!r}: use 'max' or 'min'")


def _name(name: object) -> str:
    text = plain_text(name)
    if not text:
        raise InvalidModelError(f"metric name {name!r} is not valid text: use a string")
    return text


def _number(name: object, value: Any) -> float | int:
    try:
        plain = _of_python(value)
        whole = _whole(plain)
        if whole is not None and whole.bit_length() <= MOST_BITS:
            return whole
        number = float(plain)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidModelError(
            f"metric {name!r} is {_shown(value)}, which is not a number: give one, or "
            "put it into a tag"
        ) from error
    if not math.isfinite(number):
        raise InvalidModelError(
            f"metric {name!r} is {_shown(value)}: only finite numbers can be compared; "
            "leave it out"
        )
    return number


def _whole(value: Any) -> int | None:
    """Return an integer, or the text of one, as an int; None for other values."""
    if not isinstance(value, str):
        return plain_number(value)
    try:
        return int(value)
    except ValueError:
        return None


def _shown(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)


def _of_python(value: Any) -> Any:
    """Convert a NumPy scalar to a Python value; fail if it has several elements."""
    if getattr(getattr(value, "dtype", None), "kind", None) in _TIMES:
        raise TypeError("a time is not a number")
    return value.item() if hasattr(value, "item") else value
