"""Taking turns on this machine: who lost a race for a log waits for the others there.

Mere courtesy: nothing is right because of it. Whoever cannot have a turn, as its holder
hangs or this user can keep no files here, goes on without one.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.state_folder import state_folder

_FOLDER = "turns"
_LOCK_DIGITS = 2
_LONGEST_WAIT_S = 1.0
_POLL_S = 0.005


@contextmanager
def turn(storage: Storage, path: str) -> Iterator[None]:
    """Have the turn at the log at *path* in the block, if it comes soon enough."""
    with ExitStack() as held:
        if storage.capabilities.is_shared:
            _wait(held, f"{storage.url}\0{path}")
        yield


def _wait(held: ExitStack, place: str) -> None:
    # Imported late: asyncio comes with it.
    from filelock import FileLock, Timeout  # noqa: PLC0415 - see above

    key = hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()
    try:
        folder = state_folder() / _FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Few locks for all logs, since a lock file must not be deleted.
        lock = FileLock(folder / f"{key[:_LOCK_DIGITS]}.lock", mode=0o600)
        held.enter_context(lock.acquire(_LONGEST_WAIT_S, poll_interval=_POLL_S))
    except (OSError, Timeout):
        return
