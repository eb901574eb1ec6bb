"""Errors of the operating system, translated into errors of this package."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hopsartifacts.errors import (
    HopsArtifactsError,
    ServingError,
    StorageError,
    UnsupportedHereError,
)
from hopsartifacts.machine.state_folder import STATE_DIR_VARIABLE

_STANDARD = 3
_OF_PLACE = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOLCK,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.ENOTSUP,
        errno.EPERM,
        errno.EROFS,
    }
)
"""Errors that another folder may avoid."""


@contextmanager
def in_our_words(what: str, root: Path) -> Iterator[None]:
    """Turn errors of the operating system into errors of this package.

    Args:
        what: the attempted action, for the message: ``start deployment 'd'``.
        root: the folder of the run files.

    Raises:
        UnsupportedHereError: a package that this needs is not installed.
        ServingError: says what failed, where, and what to do.
    """
    try:
        # Imported late: registry users need neither the packages nor the time.
        import psutil  # noqa: PLC0415 - see above
        import urllib3  # noqa: F401, PLC0415 - see above
    except ModuleNotFoundError as error:
        raise UnsupportedHereError(
            f"running deployments here needs {error.name}; run: "
            'pip install "hopsartifacts[serving]"'
        ) from error
    try:
        yield
    except HopsArtifactsError:
        raise
    except psutil.Error as error:
        raise ServingError(f"cannot {what}: {error}") from error
    except OSError as error:
        where = f": {os.fsdecode(error.filename)!r}" if error.filename else ""
        hint = ""
        if error.errno in _OF_PLACE:
            hint = (
                f". Run files are kept in {str(root)!r}: set {STATE_DIR_VARIABLE} to a "
                "folder that this user can write to, on a disk of this machine"
            )
        raise ServingError(
            f"cannot {what}: {error.strerror or error}{where}{hint}"
        ) from error


def has_no_place(error: HopsArtifactsError) -> bool:
    """Return whether *error* means that this user cannot have run files here."""
    cause = error.__cause__
    if isinstance(error, StorageError | UnsupportedHereError):
        return True
    return isinstance(cause, OSError) and cause.errno in _OF_PLACE


def take_standard_descriptors() -> None:
    """Ensure that no descriptor opened from now on is 0, 1 or 2.

    If a program was started without stdin, stdout or stderr, the next file or socket
    would get that number, and a child process would lose it, since there these numbers
    are stdin and the log.
    """
    opened = os.open(os.devnull, os.O_RDWR)
    while opened < _STANDARD:
        opened = os.open(os.devnull, os.O_RDWR)
    os.close(opened)
