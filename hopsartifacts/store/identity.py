"""Who writes, when, and under which token."""

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from uuid import uuid4

_ACTING: ContextVar[str] = ContextVar("hopsartifacts-acting", default="")


def new_token() -> str:
    """Return a name nobody else will ever use."""
    return uuid4().hex


def now() -> str:
    """Return the time as RFC 3339 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def user() -> str:
    """Return who does what is done here: the user of the process, or who is served."""
    return _ACTING.get() or process_user()


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Have somebody else be named in what is made within the block.

    Threads that are started within it have to be given the context.
    """
    token = _ACTING.set(name)
    try:
        yield
    finally:
        _ACTING.reset(token)


@cache
def process_user() -> str:
    """Return the name of the user this process runs as."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return str(os.getuid())


def writer() -> str:
    """Return who this process is: ``user@host:pid``."""
    return f"{user()}@{socket.gethostname()}:{os.getpid()}"
