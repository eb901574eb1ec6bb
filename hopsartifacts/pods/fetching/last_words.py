"""The end of the init container: one line that says why, for the status of its pod."""

import os
import re
from typing import NoReturn

from hopsartifacts.errors import without_secrets
from hopsartifacts.pods.termination import say_last

_SECRET = re.compile(
    r"secret|token|passw|credential|key|connection_string|sas", re.IGNORECASE
)
"""The names of variables whose values are not shown."""
_SHORTEST_SECRET = 6
"""Shorter values are words like ``anon``, which would be removed from any text."""


def end(message: str, code: int) -> NoReturn:
    """Report *message* as the reason of the end, and end the process at once.

    The message is shown in one line and without secrets. Threads that wait for a store
    do not delay the end.
    """
    say_last(" ".join(_without_values(without_secrets(message)).split()))
    os._exit(code)


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
