"""Checks of users' arguments about a model, made before anything is stored."""

from typing import Any

import msgspec

from hopsartifacts.digests import digest_of
from hopsartifacts.errors import InvalidInputError, InvalidModelError
from hopsartifacts.names import plain_text, version_number
from hopsartifacts.registry.documents import EmbeddedFile
from hopsartifacts.values import plain

MOST_REASON = 1000
"""The most characters of a reason for a change."""


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
    """Return *description*; if it is None, a default that contains *model*.

    Raises:
        InvalidModelError: it is not text.
    """
    if description is None and model:
        return f"A collection of models for {model}"
    text = plain_text(description)
    if text is None:
        raise InvalidModelError(
            f"description {description!r} is not valid text: use a string"
        )
    return text


def checked_reason(why: object) -> str:
    """Return *why* as a plain ``str``.

    Raises:
        InvalidInputError: it is not text, or too long. Each later entry of a model's
            log repeats the reasons of its aliases.
    """
    text = plain_text(why)
    if text is None:
        raise InvalidInputError(f"why={why!r} is not valid text: use a string")
    if len(text) > MOST_REASON:
        raise InvalidInputError(
            f"why has {len(text)} characters: use at most {MOST_REASON}, and a tag for "
            "more"
        )
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
