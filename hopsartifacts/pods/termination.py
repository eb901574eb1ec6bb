"""What a container says: lines of its log, and the last words, which people are shown.

Kubernetes and KServe show the termination message of a container, which the kubelet
takes from a file.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

TERMINATION_LOG = "HOPSARTIFACTS_TERMINATION_LOG"
"""The variable that names the file, if it is not the one that Kubernetes names."""
_DEFAULT_PATH = "/dev/termination-log"
_MOST_BYTES = 4096
"""Kubernetes cuts longer messages."""


def say(words: str) -> None:
    """Write a line to the log of the container. Never raises."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"hopsartifacts: {words}\n")
        sys.stderr.flush()


def say_last(words: str) -> None:
    """Write *words* to the log and to the termination message. Never raises."""
    say(words)
    path = Path(os.environ.get(TERMINATION_LOG, _DEFAULT_PATH))
    data = words.encode(errors="backslashreplace")[:_MOST_BYTES]
    # Outside a pod there is no such file, and none is made in /dev.
    if path.exists() or TERMINATION_LOG in os.environ:
        with suppress(OSError):
            path.write_bytes(data.decode(errors="ignore").encode())
