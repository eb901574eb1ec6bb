"""Where this user keeps, on this machine, what belongs to no project."""

import os
from pathlib import Path

STATE_DIR_VARIABLE = "HOPSARTIFACTS_STATE_DIR"


def state_folder() -> Path:
    """Return the folder; it need not exist."""
    if folder := os.environ.get(STATE_DIR_VARIABLE):
        return Path(folder)
    # Imported late: it is needed by the first save or start, not by the import.
    from platformdirs import user_state_path  # noqa: PLC0415 - see above

    return user_state_path("hopsartifacts")
