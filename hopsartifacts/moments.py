"""Points in time that users give: which forms they may have, and what those mean."""

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from hopsartifacts.errors import InvalidInputError


def moment(given: Any, what: str) -> datetime:
    """Return the point in time that *given* means, in UTC.

    Args:
        given: a datetime, also one of pandas or numpy; a date, which means its first
            moment; or either as text in the form of ISO 8601. Without a zone it is
            local time, as everywhere in Python. What is finer than a microsecond is
            dropped, since nothing is recorded that precisely.
        what: the argument's name, for messages.

    Raises:
        InvalidInputError: it is none of these.
    """
    found = given
    with suppress(ValueError, TypeError, OverflowError):
        if isinstance(given, str):
            found = datetime.fromisoformat(given)
        elif hasattr(given, "to_pydatetime"):
            found = given.to_pydatetime(warn=False)
        elif getattr(getattr(given, "dtype", None), "kind", None) == "M":
            found = given.astype("M8[us]").item()
        if isinstance(found, date) and not isinstance(found, datetime):
            found = datetime(found.year, found.month, found.day)  # noqa: DTZ001 - local
        # What pandas has for a missing time is a datetime that equals nothing.
        if isinstance(found, datetime) and found == found:  # noqa: PLR0124 - see above
            return found.astimezone(UTC)
    raise InvalidInputError(
        f"{what} is {given!r}: give a datetime, a date, or a text like "
        "'2026-01-31T12:00', or leave it out"
    )
