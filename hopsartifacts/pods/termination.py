"""The last words of a container, which Kubernetes shows in the status of its pod."""

import os
import re
import sys
from contextlib import suppress

from hopsartifacts.errors import without_secrets

PATH_VARIABLE = "HOPSARTIFACTS_TERMINATION_LOG"
DEFAULT_PATH = "/dev/termination-log"
LIMIT_BYTES = 4096
"""Kubernetes cuts longer messages."""

_SECRET = re.compile(
    r"secret|token|passw|credential|key|connection_string|sas", re.IGNORECASE
)
"""The names of variables whose values are not shown."""
_SHORTEST_SECRET = 6
"""Shorter values are words like ``anon``, which would be removed from any text."""


def end(message: str, code: int) -> None:
    """Report *message* as the reason of the end, and end the process at once.

    The message is written to the termination log and to stderr, in one line and without
    secrets. Threads that wait for a store do not delay the end.
    """
    report(message)
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code)


def report(message: str) -> None:
    """Write *message* to the termination log and to stderr; see ``end``."""
    line = " ".join(_without_values(without_secrets(message)).split())
    data = line.encode(errors="replace")[:LIMIT_BYTES].decode(errors="ignore").encode()
    given = os.environ.get(PATH_VARIABLE)
    # Kubernetes makes the default file. Elsewhere it must not be made in /dev.
    flags = os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | (os.O_CREAT if given else 0)
    with suppress(OSError):
        file = os.open(given or DEFAULT_PATH, flags, 0o644)
        with os.fdopen(file, "wb") as log:
            log.write(data)
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _without_values(text: str) -> str:
    """Return *text* without the values of secret variables of this process."""
    values = (
        value
        for name, value in os.environ.items()
        if _SECRET.search(name) and len(value) >= _SHORTEST_SECRET
    )
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "***")
    return text
