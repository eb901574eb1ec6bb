"""Lists beside damaged logs: they show what can be read, and name what cannot."""

import logging
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from hopsartifacts.errors import FormatError, IntegrityError, warn
from hopsartifacts.machine.workers import Stop, each_result
from hopsartifacts.storage.contract import Storage

Result = TypeVar("Result")
Damaged = dict[str, IntegrityError | FormatError]
"""Names whose logs cannot be read, and why."""
Kind = Literal["model", "deployment"]

_LOGGER = logging.getLogger(__name__)


class DamagedLogWarning(UserWarning):
    """A list lacks something, since its log cannot be read."""


def read_each_sound(
    storage: Storage, names: Sequence[str], read: Callable[[str], Result]
) -> tuple[dict[str, Result], Damaged]:
    """Read what several names stand for, and leave out what is damaged.

    Args:
        storage: where they are; it says how many are read at the same time.
        names: sorted.
        read: returns what a name stands for.

    Returns:
        The results by name, and the names that *read* cannot read, as the log is
        damaged or was written by a later release; both sorted.
    """

    def attempt(name: str, _: Stop) -> Result | IntegrityError | FormatError:
        try:
            return read(name)
        except (IntegrityError, FormatError) as error:
            return error

    results = each_result(attempt, names, storage.capabilities.workers)
    found, damaged = dict[str, Result](), Damaged()
    for name, result in zip(names, results, strict=True):
        if isinstance(result, IntegrityError | FormatError):
            damaged[name] = result
        else:
            found[name] = result
    return found, damaged


def warn_of_damage(kind: Kind, damaged: Damaged) -> None:
    """Issue a ``DamagedLogWarning`` for each name that a list lacks.

    Args:
        kind: of what the list is.
        damaged: what it lacks.
    """
    for message in _messages(kind, damaged):
        warn(message, DamagedLogWarning)


def log_damage(kind: Kind, damaged: Damaged) -> None:
    """Write to the program's log what a list lacks, for a server.

    Args:
        kind: of what the list is.
        damaged: what it lacks.
    """
    for message in _messages(kind, damaged):
        _LOGGER.warning("%s", message)


def _messages(kind: Kind, damaged: Damaged) -> list[str]:
    return [
        f"{kind} {name!r} is not listed: {error}; project.verify() says all that is "
        "damaged"
        for name, error in damaged.items()
    ]
