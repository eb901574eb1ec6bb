"""A local lock that makes writers who lost a race for a log wait for each other.

It only reduces contention; correctness does not depend on it. A writer that cannot get
the lock, because its holder hangs or no lock file can be created, continues without it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hopsartifacts.machine.state_folder import key_of, locked
from hopsartifacts.storage.contract import Storage

_FOLDER = "turns"
_LONGEST_WAIT_S = 1.0
_POLL_S = 0.005


@contextmanager
def turn(storage: Storage, path: str) -> Iterator[None]:
    """Hold the lock for the log at *path* in the block, if it is free within 1 s."""
    lock = None
    if storage.capabilities.is_shared:
        key = key_of(storage.url, path)
        lock = locked(_FOLDER, key, wait_s=_LONGEST_WAIT_S, poll_s=_POLL_S)
    try:
        yield
    finally:
        if lock:
            lock.release()
