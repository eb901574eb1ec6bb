"""Parsing of points in time that users pass as arguments."""

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from hopsartifacts.errors import InvalidInputError


def moment(given: Any, what: str) -> datetime:
    """Convert *given* to a datetime in UTC.

    Args:
        given: a datetime, including those of pandas and numpy; a date, which means the
            start of that day; or either as ISO 8601 text. Without a time zone it is
            local time, as everywhere in Python. Digits below a microsecond are
            dropped, since no time is recorded more precisely.
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
        # pandas' missing time, NaT, is a datetime that does not equal itself.
        if isinstance(found, datetime) and found == found:  # noqa: PLR0124 - see above
            return found.astimezone(UTC)
    raise InvalidInputError(
        f"{what} is {given!r}: give a datetime, a date, or a string like "
        "'2026-01-31T12:00', or leave it out"
    )
