"""Validation of local paths that users pass as arguments."""

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from hopsartifacts.errors import InvalidInputError, quoted

_FLAWS: dict[type[Exception], str] = {
    TypeError: "give a string or a pathlib.Path",
    UnicodeError: "it contains a lone surrogate, which is not valid Unicode",
    ValueError: "it contains a NUL character",
}
_NAME_LIMIT_BYTES = 255
_FLAWS_OF_SYSTEM = {
    errno.EACCES: "a folder in it cannot be accessed (permission denied)",
    errno.ENAMETOOLONG: "it is too long, or one of the names in it is",
}


def user_path(given: str | os.PathLike[str]) -> Path:
    """Return *given* as a path, with ``~`` expanded; the path need not exist.

    Raises:
        InvalidInputError: it is not a path, or not a possible path on this machine.
    """
    try:
        path = Path(given).expanduser()
        if max(map(len, map(os.fsencode, path.parts)), default=0) > _NAME_LIMIT_BYTES:
            # The system reports this only if the parent folder exists.
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))  # noqa: TRY301 - told below
        os.lstat(path)
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        if flaw := _flaw(error):
            raise InvalidInputError(
                f"{quoted(given)} is not a path on this machine: {flaw}"
            ) from error
    return path


def file_path(given: str | os.PathLike[str]) -> Path:
    """Return ``user_path(given)``; raise ``InvalidInputError`` if it is a folder."""
    path = user_path(given)
    if path.is_dir():
        raise InvalidInputError(f"{str(path)!r} is a folder: give the name of a file")
    return path


def refuse_special(target: Path) -> None:
    """Raise ``InvalidInputError`` if *target* is a device, a pipe or a socket."""
    with suppress(OSError):
        mode = target.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise InvalidInputError(
                f"{str(target)!r} is a device, a pipe or a socket: give the name of a "
                "file"
            )


def local_folder(given: str | os.PathLike[str] | None, *parts: str) -> Path:
    """Return ``user_path(given)``; for None, a new temporary path ending in *parts*."""
    if given is not None:
        return user_path(given)
    return Path(tempfile.gettempdir(), uuid4().hex, *parts)


def _flaw(error: Exception) -> str | None:
    """Explain what is wrong with the path itself; None if *error* has another cause."""
    if isinstance(error, RuntimeError):
        return f"{str(error).rstrip('.')}: give the folder itself instead of '~'"
    if isinstance(error, OSError):
        return _FLAWS_OF_SYSTEM.get(error.errno or 0)
    # UnicodeError is a subclass of ValueError, so it comes first.
    return next(words for kind, words in _FLAWS.items() if isinstance(error, kind))
