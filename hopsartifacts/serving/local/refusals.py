"""What the operating system refuses or lacks, in words of this package."""

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
from hopsartifacts.store.state_folder import STATE_DIR_VARIABLE

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
"""Errors that another folder may not have."""


@contextmanager
def in_our_words(what: str, root: Path) -> Iterator[None]:
    """Turn errors of the operating system into ours.

    Args:
        what: what was to be done, for the message: ``start deployment 'd'``.
        root: where the run files are.

    Raises:
        UnsupportedHereError: a package that this needs is not installed.
        ServingError: says what the system refused, where, and the way out.
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
    """Tell whether *error* says that this user can have no run files here."""
    cause = error.__cause__
    if isinstance(error, StorageError | UnsupportedHereError):
        return True
    return isinstance(cause, OSError) and cause.errno in _OF_PLACE


def take_standard_descriptors() -> None:
    """Let no descriptor that is made from now on be 0, 1 or 2.

    Where a program was started without stdin, stdout or stderr, the next file or
    socket would get its number, and a child process would lose it: there these are
    the log.
    """
    opened = os.open(os.devnull, os.O_RDWR)
    while opened < _STANDARD:
        opened = os.open(os.devnull, os.O_RDWR)
    os.close(opened)
