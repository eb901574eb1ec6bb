"""Races of writers with other writers and with garbage collection."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TypeVar

from hopsartifacts.errors import (
    CommitUncertainError,
    ConflictError,
    StorageError,
    StorageRefusedError,
)
from hopsartifacts.machine.state_folder import key_of, locked
from hopsartifacts.machine.workers import pause_s
from hopsartifacts.storage.contract import Storage

_TRIES = 5
_PAUSES = 1 / 20
"""How long pauses are, compared with those after failed reads."""
_TURNS = "turns"
_LONGEST_WAIT_S = 1.0
_POLL_S = 0.005

Found = TypeVar("Found")


def create_once(
    create: Callable[[], bool], look: Callable[[], Found | None], what: str, token: str
) -> Found | None:
    """Create an object if it is absent; retry when the storage fails.

    Args:
        create: tries to create the object, and returns whether it did.
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
        found: Found | None = None
        try:
            if create():
                return None
            found = look()
        except StorageError as error:
            if not isinstance(error, StorageRefusedError):
                failure = error
            elif failure is None:
                raise StorageRefusedError(f"nothing was stored: {error}") from error
            # The outcome is unknown: read the object. If it is absent or cannot be
            # read, a retry with the same token is safe.
            with suppress(StorageError):
                found = look()
        if found is not None:
            return found
        back_off(attempt)
    raise CommitUncertainError(
        f"{what}: the storage failed during the commit, so its outcome is unknown "
        f"({failure}); it succeeded if that object contains the token {token}",
        token,
    ) from failure


def back_off(attempt: int) -> None:
    """Sleep after a lost race or a failure; *attempt* counts from 0."""
    time.sleep(pause_s(attempt, _PAUSES))


@contextmanager
def turn(storage: Storage, path: str) -> Iterator[None]:
    """Hold a local lock for the log at *path* in the block, if it is free within 1 s.

    Writers that lost a race so wait for each other. Correctness does not depend on it:
    if its holder hangs, or no lock file can be created, the block runs without it.
    """
    lock = None
    if storage.capabilities.is_shared:
        key = key_of(storage.url, path)
        lock = locked(_TURNS, key, wait_s=_LONGEST_WAIT_S, poll_s=_POLL_S)
    try:
        yield
    finally:
        if lock:
            lock.release()


def move_in(storage: Storage, staging: str, folder: str) -> bool:
    """Move the folder *staging* to *folder*; return False if *folder* exists.

    Raise ``ConflictError`` if garbage collection removed the staging folder.
    """
    try:
        return storage.move_tree(staging, folder)
    except StorageError as error:
        if storage.stat(staging) is None and storage.stat(folder) is None:
            raise _swept(staging, folder) from error
        raise


def check_arrived(storage: Storage, folder: str, sizes: Mapping[str, int]) -> None:
    """Raise ``ConflictError`` if *folder* lacks a file of these *sizes* (by its path).

    Garbage collection moves away the files of a writer that seems to have stopped.
    """
    found = {
        entry.path.removeprefix(f"{folder}/"): entry.size_bytes
        for entry in storage.find(folder)
    }
    for path, size_bytes in sizes.items():
        if found.get(path) != size_bytes:
            raise _swept(path, folder)


def _swept(path: str, folder: str) -> ConflictError:
    return ConflictError(
        f"{path!r} was deleted while {folder!r} was being saved; garbage collection "
        "does this to a save that seems abandoned: save again"
    )
