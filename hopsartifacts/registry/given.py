"""Checks of what users give about a model, made before anything is stored."""

import math
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from hopsartifacts.digests import digest_of
from hopsartifacts.errors import InvalidInputError, InvalidModelError, Refusals
from hopsartifacts.foreign import MOST_BITS
from hopsartifacts.names import plain_number, plain_text, version_number
from hopsartifacts.registry.documents import EmbeddedFile
from hopsartifacts.values import ONLY_FINITE, first_row, frame_columns, plain

MOST_REASON = 1000
"""The most characters of a reason for a change."""

_TIMES = frozenset({"M", "m"})
"""numpy's kinds for dates and durations, whose ``item()`` may be a plain integer."""


def positive_version(version: int) -> int:
    """Return *version* as an int if it is a version number from 1 up.

    Raises:
        InvalidNameError: it is not a version number.
        InvalidModelError: it is 0.
    """
    number = version_number(version)
    if number == 0:
        raise InvalidModelError("model versions start at 1: 0 is not a version")
    return number


def checked_description(description: object, model: str = "") -> str:
    """Return *description*, or a default for None; refuse what is not text."""
    if description is None and model:
        return f"A collection of models for {model}"
    text = plain_text(description)
    if text is None:
        raise InvalidModelError(
            f"description {description!r} is not valid text: use a string"
        ).at("description")
    return text


def checked_reason(why: object) -> str:
    """Return *why* as a plain ``str``.

    Raises:
        InvalidInputError: it is not text, or too long for the log to repeat it.
    """
    text = plain_text(why)
    if text is None:
        refused = InvalidInputError(f"why={why!r} is not valid text: use a string")
        raise refused.at("why")
    if len(text) > MOST_REASON:
        raise InvalidInputError(
            f"why has {len(text)} characters: use at most {MOST_REASON}, and a tag for "
            "more"
        ).at("why")
    return text


def embedded(text: str | None) -> EmbeddedFile | None:
    """Return *text* with its digest, as a manifest stores it; None for None."""
    if text is None:
        return None
    return EmbeddedFile(text=text, digest=digest_of(text.encode()))


def checked_tag(tag: str, value: Any) -> Any:
    """Return the value of a tag as it will be read back from JSON.

    Raises:
        InvalidModelError: a part of it cannot be written as JSON, such as NaN and
            infinities.
    """
    try:
        kept = plain(value, f"the value of tag {tag!r}", "finite")
    except TypeError as error:
        raise InvalidModelError(str(error)) from error
    # Bytes become text.
    return msgspec.json.decode(msgspec.json.encode(kept))


def example_text(example: Any) -> str | None:
    """Return the text of ``input_example.json`` for a user's *example*; None for None.

    From a frame, the first row is kept as an object with the column names, since a
    model that was fitted on a frame needs them (Hopsworks keeps a list). Everything
    else is kept with all its values.

    Raises:
        InvalidModelError: it is empty, of a wrong type, or cannot be written as JSON.
    """
    if example is None:
        return None
    try:
        is_frame = frame_columns(example, "input_example") is not None
        given = first_row(example) if is_frame else example
        value = plain(given, "input_example", "no infinity")
    except TypeError as error:
        raise InvalidModelError(str(error)).at("input_example") from error
    kind = type(example).__name__
    if not isinstance(value, list | dict):
        raise InvalidModelError(
            f"input_example is a {kind}: give a frame, an array, a dict or a list"
        ).at("input_example")
    if not value:
        raise InvalidModelError(
            f"input_example is an empty {kind}: give at least one row, or leave it out"
        ).at("input_example")
    return msgspec.json.encode(value[0] if is_frame else value).decode()


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
        ).at("metrics")
    checked: dict[str, float | int] = {}
    refusals = Refusals()
    for name, value in metrics.items():
        metric = refusals.of(partial(_metric, name, value), "metrics", str(name))
        if metric is not None:
            checked |= [metric]
    refusals.check()
    return checked


def sign_of(direction: str) -> int:
    """Return 1 for ``max`` and -1 for ``min``, in any case; refuse all else."""
    sign = {"max": 1, "min": -1}.get((plain_text(direction) or "").lower())
    if sign is None:
        raise InvalidInputError(f"direction {direction!r}: use 'max' or 'min'")
    return sign


def _metric(name: object, value: Any) -> tuple[str, float | int]:
    return _name(name), _number(name, value)


def _name(name: object) -> str:
    text = plain_text(name)
    if not text:
        raise InvalidModelError(f"metric name {name!r} is not valid text: use a string")
    return text


def _number(name: object, value: Any) -> float | int:
    try:
        if getattr(getattr(value, "dtype", None), "kind", None) in _TIMES:
            raise TypeError("a time is not a number")  # noqa: TRY301 - told below
        # A NumPy scalar becomes a Python value; an array of several elements fails.
        plain = value.item() if hasattr(value, "item") else value
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
        raise InvalidModelError(f"metric {name!r} is {_shown(value)}: {ONLY_FINITE}")
    return number


def _whole(value: Any) -> int | None:
    """Return an integer, or the text of one, as an int; None for other values."""
    with suppress(ValueError):
        return int(value) if isinstance(value, str) else plain_number(value)
    return None


def _shown(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)
