"""Points in time that users give."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.times import moment

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_karachi(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Five hours before UTC, without summer time."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Karachi")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    "given",
    [
        NOON,
        NOON.astimezone(timezone(timedelta(hours=-3))),
        datetime(2026, 1, 31, 17),  # noqa: DTZ001 - local
        "2026-01-31T12:00:00Z",
        "2026-01-31T17:00",
        "2026-01-31 17:00:00",
        pd.Timestamp(NOON),
        pd.Timestamp("2026-01-31T17:00"),
        pd.Timestamp("2026-01-31T17:00:00.000000001"),
        np.datetime64("2026-01-31T17:00", "ns"),
    ],
    ids=repr,
)
def test_what_is_a_point_in_time(given: Any) -> None:
    found = moment(given, "at")
    assert (found, found.tzinfo) == (NOON, UTC)
    assert type(found) is datetime


@pytest.mark.parametrize(
    "given", [date(2026, 1, 31), "2026-01-31", np.datetime64("2026-01-31")], ids=repr
)
def test_a_date_is_its_first_moment(given: Any) -> None:
    assert moment(given, "at") == datetime(2026, 1, 30, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [5, "yesterday", "", pd.NaT, np.datetime64("NaT"), [NOON], None, np.int64(5)],
    ids=repr,
)
def test_what_is_none_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"at is .*: give a datetime, a date"):
        moment(given, "at")
