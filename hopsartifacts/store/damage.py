"""Lists beside damaged logs: they show what can be read, and name what cannot."""

import logging
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from hopsartifacts.errors import FormatError, IntegrityError
from hopsartifacts.machine.workers import Stop, each_result
from hopsartifacts.notices import warn
from hopsartifacts.storage.contract import Storage

Result = TypeVar("Result")
Kind = Literal["model", "deployment"]

_LOGGER = logging.getLogger(__name__)


class DamagedLogWarning(UserWarning):
    """A list lacks something, since its log cannot be read."""


def read_each_sound(
    storage: Storage, names: Sequence[str], read: Callable[[str], Result]
) -> tuple[dict[str, Result], list[str]]:
    """Read what several names stand for, and leave out what is damaged.

    Args:
        storage: where they are; it says how many are read at the same time.
        names: sorted.
        read: returns what a name stands for.

    Returns:
        The results by name, and the names that *read* cannot read, as the log is
        damaged or was written by a later release; both sorted.
    """
    damaged: set[str] = set()

    def attempt(name: str, _: Stop) -> list[Result]:
        try:
            return [read(name)]
        except (IntegrityError, FormatError):
            damaged.add(name)
            return []

    results = each_result(attempt, names, storage.capabilities.workers)
    found = {name: it for name, its in zip(names, results, strict=True) for it in its}
    return found, sorted(damaged)


def warn_of_damage(kind: Kind, damaged: Sequence[str]) -> None:
    """Issue a ``DamagedLogWarning`` if a list lacks something.

    Args:
        kind: of what the list is.
        damaged: the names that it lacks.
    """
    if damaged:
        warn(_missing(kind, damaged), DamagedLogWarning)


def log_damage(kind: Kind, damaged: Sequence[str]) -> None:
    """Do the same for a server, as an entry of its log."""
    if damaged:
        _LOGGER.warning("%s", _missing(kind, damaged))


def _missing(kind: Kind, damaged: Sequence[str]) -> str:
    names = ", ".join(map(repr, damaged))
    if len(damaged) == 1:
        what = f"{kind} {names} is not listed, because its log"
    else:
        what = f"{kind}s {names} are not listed, because their logs"
    return f"{what} cannot be read: see project.verify() and project.repair()"
