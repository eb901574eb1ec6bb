"""Creating one object for good, also when the storage's answer is lost on the way."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from hopsartifacts.errors import (
    CommitUncertainError,
    StorageError,
    StorageRefusedError,
)

_TRIES = 5
_LONGEST_PAUSE_S = 0.25

Found = TypeVar("Found")


def create_once(
    create: Callable[[], bool], look: Callable[[], Found | None], what: str, token: str
) -> Found | None:
    """Create an object that nobody has created yet.

    Args:
        create: tries to; tells whether it did.
        look: reads what is there, None if nothing is.
        what: names the object in the message of an error.
        token: is in the object, so that its writer can be told from others.

    Returns:
        None if *create* said that it did. Else what is there: our own object if an
        answer was lost, or somebody else's.

    Raises:
        StorageRefusedError: the storage refused, and nothing was created.
        CommitUncertainError: the storage failed and the outcome is unknown.
    """
    failure: StorageError | None = None
    for attempt in range(_TRIES):
        try:
            if create():
                return None
            found = look()
        except StorageRefusedError as error:
            if failure is None:
                raise StorageRefusedError(f"nothing was stored: {error}") from error
            # An earlier attempt may have done it: only that counts.
            found = _look_if_possible(look)
        except StorageError as error:
            # Done or not? What is there tells; if that cannot be read, or nothing is,
            # the same attempt under the same token is safe.
            failure = error
            found = _look_if_possible(look)
        if found is not None:
            return found
        time.sleep(pause_s(attempt))
    raise CommitUncertainError(
        f"{what}: the storage failed while it was committed and it is unknown whether "
        f"it was ({failure}); look for token {token} in it",
        token,
    ) from failure


def lose_a_race(attempt: int) -> None:
    """Wait a little, with jitter, so that many writers do not collide in step."""
    time.sleep(random.uniform(0, pause_s(attempt)))  # noqa: S311 - not a secret


def pause_s(attempt: int) -> float:
    """Return how long to wait at most after *attempt*, counted from 0."""
    return float(min(_LONGEST_PAUSE_S, 0.002 * 2 ** min(attempt, 10)))


def _look_if_possible(look: Callable[[], Found | None]) -> Found | None:
    try:
        return look()
    except StorageError:
        return None
