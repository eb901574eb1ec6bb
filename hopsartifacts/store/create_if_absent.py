"""Create-if-absent that also works if the storage's response is lost."""

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
    """Create an object if it is absent; retry when the storage fails.

    Args:
        create: tries to create the object and tells whether it did.
        look: reads the existing object; returns None if there is none.
        what: the name of the object in error messages.
        token: the token inside the object, which identifies this attempt.

    Returns:
        None if *create* succeeded. Otherwise the existing object: our own if a response
        was lost, or another writer's.

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
            # An earlier attempt may have created the object.
            found = _look_if_possible(look)
        except StorageError as error:
            # The outcome is unknown: read the object. If it is absent or cannot be
            # read, a retry with the same token is safe.
            failure = error
            found = _look_if_possible(look)
        if found is not None:
            return found
        time.sleep(pause_s(attempt))
    raise CommitUncertainError(
        f"{what}: the storage failed during the commit, so its outcome is unknown "
        f"({failure}); it succeeded if that object contains the token {token}",
        token,
    ) from failure


def lose_a_race(attempt: int) -> None:
    """Back off after a lost race, with jitter so that writers do not retry in step."""
    time.sleep(random.uniform(0, pause_s(attempt)))  # noqa: S311 - not a secret


def pause_s(attempt: int) -> float:
    """Return the longest back-off after *attempt*, counted from 0, in seconds."""
    return float(min(_LONGEST_PAUSE_S, 0.002 * 2 ** min(attempt, 10)))


def _look_if_possible(look: Callable[[], Found | None]) -> Found | None:
    try:
        return look()
    except StorageError:
        return None
