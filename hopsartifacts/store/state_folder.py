"""Where this user keeps, on this machine, what belongs to no project."""

import os
import time
from contextlib import suppress
from pathlib import Path

_FORGOTTEN_S = 30 * 24 * 3600

STATE_DIR_VARIABLE = "HOPSARTIFACTS_STATE_DIR"


def state_folder() -> Path:
    """Return the folder; it need not exist."""
    if folder := os.environ.get(STATE_DIR_VARIABLE):
        return Path(folder)
    # Imported late: it is needed by the first save or start, not by the import.
    from platformdirs import user_state_path  # noqa: PLC0415 - see above

    return user_state_path("hopsartifacts")


def forget_old(folder: Path, pattern: str, keep: Path) -> None:
    """Delete the files of *folder* that nobody came back for, but *keep*."""
    before = time.time() - _FORGOTTEN_S
    with suppress(OSError):
        for path in folder.glob(pattern):
            if path != keep and path.stat().st_mtime < before:
                path.unlink()
