"""Taking turns on this machine: who lost a race for a log waits for the others there.

Mere courtesy: nothing is right because of it. Whoever cannot have a turn, as its holder
hangs or this user can keep no files here, goes on without one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.state_folder import key_of, locked

_FOLDER = "turns"
_LONGEST_WAIT_S = 1.0
_POLL_S = 0.005


@contextmanager
def turn(storage: Storage, path: str) -> Iterator[None]:
    """Have the turn at the log at *path* in the block, if it comes soon enough."""
    lock = None
    if storage.capabilities.is_shared:
        key = key_of(storage.url, path)
        lock = locked(_FOLDER, key, wait_s=_LONGEST_WAIT_S, poll_s=_POLL_S)
    try:
        yield
    finally:
        if lock:
            lock.release()
