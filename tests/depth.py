"""How much the longest tests do: a part of their work in each run, or all of it.

``HOPSARTIFACTS_TEST_DEPTH=all`` asks for all. A number asks for that part. Without the
variable it is the number of the day, so that all parts are done in turn. The header of
a run names the part, with which a failure is repeated.
"""

import os
from datetime import UTC, datetime
from typing import TypeVar

VARIABLE = "HOPSARTIFACTS_TEST_DEPTH"
_ALL = "all"
Amount = TypeVar("Amount")


def set_depth() -> str:
    """Choose the part if nothing is chosen, also for child processes; return it."""
    return os.environ.setdefault(VARIABLE, str(datetime.now(UTC).toordinal()))


def is_all() -> bool:
    """Tell whether all the work is asked for."""
    return set_depth() == _ALL


def part() -> int:
    """Return the number of the part to do."""
    return 0 if is_all() else int(set_depth())


def usually(some: Amount, everything: Amount) -> Amount:
    """Return *everything* if all the work is asked for, else *some*."""
    return everything if is_all() else some
