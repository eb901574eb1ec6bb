"""How many requests a deployment answered, and how long they took: counts that add up.

Times are counted in classes whose limits grow by the square root of two. So counts of
several workers, minutes or hours can be added, and percentiles of the sum are known to
within a few percent of the width of a class.
"""

import math
from collections.abc import Iterable

import msgspec

FIRST_LIMIT_S = 0.00025
"""The upper limit of the first class."""
CLASSES = 38
"""The last class has no upper limit."""
MINUTE_S = 60
HOUR_S = 3600

_CLIENT_ERROR = 400
_SERVER_ERROR = 500
_DIGITS = 3
_MS = 1000


def time_class(seconds: float) -> int:
    """Return the number of the class that a duration belongs to."""
    if seconds <= FIRST_LIMIT_S:
        return 0
    return min(math.ceil(2 * math.log2(seconds / FIRST_LIMIT_S)), CLASSES - 1)


def limit_s(number: int) -> float:
    """Return the upper limit of a class."""
    return float(FIRST_LIMIT_S * 2 ** (number / 2))


class Counts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Counts of answered requests.

    Attributes:
        requests: all of them.
        errors: those with status 400 or higher.
        server_errors: those with status 500 or higher.
        times: how many took how long: number of a class to number of requests.
    """

    requests: int = 0
    errors: int = 0
    server_errors: int = 0
    times: dict[int, int] = {}

    def percentile_ms(self, share: float) -> float | None:
        """Return the time in ms within which this *share* of requests was answered.

        None if no times are known. Within a class, times are taken as evenly spread on
        a logarithmic scale.
        """
        timed = sum(self.times.values())
        if not timed:
            return None
        left = share * timed
        for number in sorted(self.times):
            here = self.times[number]
            if left <= here:
                return _rounded(_within(number, left / here) * _MS)
            left -= here
        return _rounded(limit_s(max(self.times)) * _MS)


def total(parts: Iterable[Counts]) -> Counts:
    """Return the sum of *parts*."""
    tally = Tally()
    for part in parts:
        tally.add(part)
    return tally.take()


class Tally:
    """Counts that grow; not for several threads at once."""

    def __init__(self) -> None:
        self._requests = self._errors = self._server_errors = 0
        self._times: dict[int, int] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted."""
        return not self._requests

    def count(self, status: int, seconds: float | None = None, many: int = 1) -> None:
        """Count *many* equal answers; *seconds* is None if the time is not known."""
        self._requests += many
        self._errors += many * (status >= _CLIENT_ERROR)
        self._server_errors += many * (status >= _SERVER_ERROR)
        if seconds is not None:
            number = time_class(seconds)
            self._times[number] = self._times.get(number, 0) + many

    def add(self, counts: Counts) -> None:
        """Add *counts*."""
        self._requests += counts.requests
        self._errors += counts.errors
        self._server_errors += counts.server_errors
        for number, requests in counts.times.items():
            self._times[number] = self._times.get(number, 0) + requests

    def take(self) -> Counts:
        """Return what was counted, and begin at zero again."""
        counts = Counts(
            requests=self._requests,
            errors=self._errors,
            server_errors=self._server_errors,
            times=self._times,
        )
        self.__init__()  # type: ignore[misc]
        return counts


class CountedStep(msgspec.Struct, frozen=True):
    """The counts of a part of a period; *start_s* is in seconds since the epoch."""

    start_s: int
    counts: Counts


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a period.

    Attributes:
        since_s: counts are known from this time on, in seconds since the epoch; None if
            there are none.
        steps: the parts of the period that begin at *since_s* or later, or contain it.
    """

    since_s: float | None = None
    steps: list[CountedStep] = []


class Period(msgspec.Struct, frozen=True):
    """A period in steps of equal length; all in seconds, multiples of a minute."""

    start_s: int
    end_s: int
    step_s: int

    def starts(self) -> range:
        """Return where each step starts."""
        return range(self.start_s, self.end_s, self.step_s)


def _within(number: int, share: float) -> float:
    upper = limit_s(number)
    lower = upper / 2 if number == 0 else limit_s(number - 1)
    return float(lower * (upper / lower) ** share)


def _rounded(ms: float) -> float:
    return float(f"{ms:.{_DIGITS}g}")
