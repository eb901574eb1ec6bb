"""Where this user keeps, on this machine, what belongs to no project."""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

_FORGOTTEN_S = 30 * 24 * 3600
_LOCK_DIGITS = 3

STATE_DIR_VARIABLE = "HOPSARTIFACTS_STATE_DIR"


def state_folder() -> Path:
    """Return the folder; it need not exist."""
    if folder := os.environ.get(STATE_DIR_VARIABLE):
        return Path(folder)
    # Imported late: it is needed by the first save or start, not by the import.
    from platformdirs import user_state_path  # noqa: PLC0415 - see above

    return user_state_path("hopsartifacts")


def key_of(*names: str) -> str:
    """Return the name that a file about all of *names* has here."""
    return hashlib.sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()


def locked(
    folder: str, key: str, *, wait_s: float = 0, poll_s: float = 0.05
) -> "BaseFileLock | None":
    """Take the lock that *key* falls to in *folder* of the state folder.

    There are few, since a lock file must not be deleted: two keys may fall to one.

    Returns:
        The lock, to be released; None if it is not to be had in *wait_s*, or this user
        can keep no files on this machine.
    """
    # Imported late: asyncio comes with it.
    from filelock import FileLock, Timeout  # noqa: PLC0415 - see above

    try:
        place = state_folder() / folder
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(place / f"{key[:_LOCK_DIGITS]}.lock")
        lock.acquire(wait_s, poll_interval=poll_s)
    except (OSError, RuntimeError, Timeout):
        # A RuntimeError: there is no home.
        return None
    return lock


def forget_old(folder: Path, pattern: str, keep: Path) -> None:
    """Delete the files of *folder* that nobody came back for, but *keep*."""
    before = time.time() - _FORGOTTEN_S
    with suppress(OSError):
        for path in folder.glob(pattern):
            if path != keep and path.stat().st_mtime < before:
                path.unlink()
