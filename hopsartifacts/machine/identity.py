"""Tokens, timestamps and user names, as they are recorded in documents."""

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
    """Return a globally unique token."""
    return uuid4().hex


def now() -> str:
    """Return the current UTC time as RFC 3339 text, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def user() -> str:
    """Return the user to record: as set by ``acting_as``, or the process's user."""
    return _ACTING.get() or process_user()


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Record *name* as the user for everything that is written inside the block.

    Threads do not inherit this: run them in a copy of the context.
    """
    token = _ACTING.set(name)
    try:
        yield
    finally:
        _ACTING.reset(token)


@cache
def process_user() -> str:
    """Return the name of the user that this process runs as."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a user ID without a name
        return str(os.getuid())


def writer() -> str:
    """Return the name of this writer: ``user@host:pid``."""
    return f"{user()}@{socket.gethostname()}:{os.getpid()}"
