"""The user's state folder on this machine, for data that belongs to no project."""

import hashlib
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hopsartifacts.errors import StorageError

if TYPE_CHECKING:
    from filelock import BaseFileLock

_FORGOTTEN_S = 30 * 24 * 3600
_LOCK_DIGITS = 3

STATE_DIR_VARIABLE = "HOPSARTIFACTS_STATE_DIR"


def state_folder() -> Path:
    """Return the state folder; it need not exist.

    It is ``$HOPSARTIFACTS_STATE_DIR``, or else the platform's folder for user state. If
    the user has no home, or cannot write there, it is in the temporary folder.

    Raises:
        StorageError: this user cannot have such a folder.
    """
    if os.environ.get(STATE_DIR_VARIABLE):
        return lasting_state_folder()
    with suppress(StorageError):
        folder = nearest = lasting_state_folder()
        while not os.path.lexists(nearest) and nearest != nearest.parent:
            nearest = nearest.parent
        effective = os.access in os.supports_effective_ids
        if os.access(nearest, os.W_OK | os.X_OK, effective_ids=effective):
            return folder
    return _temporary_state_folder()


def lasting_state_folder() -> Path:
    """Return the folder for state that must survive a reboot; it need not exist.

    Raise ``StorageError`` if this user has no home.
    """
    if given := os.environ.get(STATE_DIR_VARIABLE):
        # Absolute, so that processes with another working folder use the same one.
        return Path(given).absolute()
    # Imported late: it is needed by the first save or start, not by the import.
    from platformdirs import user_state_path  # noqa: PLC0415 - see above

    try:
        return user_state_path("hopsartifacts")
    except RuntimeError as error:
        raise StorageError(
            f"this user has no home folder: set {STATE_DIR_VARIABLE} to a folder that "
            "it can write to"
        ) from error


def _temporary_state_folder() -> Path:
    """Create this user's folder in the temporary folder; refuse one others can open."""
    try:
        folder = Path(tempfile.gettempdir()) / f"hopsartifacts-{os.geteuid()}"
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()
    except OSError as error:
        raise StorageError(
            f"cannot make a folder for the state of this user: {error}; set "
            f"{STATE_DIR_VARIABLE} to a folder that it can write to"
        ) from error
    is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    if not is_private or status.st_uid != os.geteuid():
        raise StorageError(
            f"{str(folder)!r} is not a folder that only this user can open: remove it, "
            f"or set {STATE_DIR_VARIABLE} to a folder that this user can write to"
        )
    return folder


def key_of(*names: str) -> str:
    """Return a file name derived from *names*, a hash."""
    return hashlib.sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()


def locked(
    folder: str, key: str, *, wait_s: float = 0, poll_s: float = 0.05
) -> "BaseFileLock | None":
    """Return the acquired lock for *key* in *folder*, a subfolder of the state folder.

    None if it is not free within *wait_s*, or if this user cannot store files on this
    machine. Several keys may share one lock: lock files must not be deleted, so there
    are few.
    """
    # Imported late: filelock imports asyncio.
    from filelock import FileLock, Timeout  # noqa: PLC0415 - see above

    try:
        place = state_folder() / folder
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(place / f"{key[:_LOCK_DIGITS]}.lock")
        lock.acquire(wait_s, poll_interval=poll_s)
    except (OSError, Timeout):
        return None
    return lock


def forget_old(folder: Path, pattern: str, keep: Path) -> None:
    """Delete files in *folder* that were not modified for 30 days, except *keep*."""
    before = time.time() - _FORGOTTEN_S
    with suppress(OSError):
        for path in folder.glob(pattern):
            if path != keep and path.stat().st_mtime < before:
                path.unlink()
