"""Who writes, when, and under which token."""

import getpass
import os
import socket
from datetime import UTC, datetime
from functools import cache
from uuid import uuid4


def new_token() -> str:
    """Return a name nobody else will ever use."""
    return uuid4().hex


def now() -> str:
    """Return the time as RFC 3339 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@cache
def user() -> str:
    """Return the name of the user this process runs as."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return str(os.getuid())


def writer() -> str:
    """Return who this process is: ``user@host:pid``."""
    return f"{user()}@{socket.gethostname()}:{os.getpid()}"
