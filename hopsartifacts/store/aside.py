"""Files for the user on this machine: written aside, named once whole and durable."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from hopsartifacts.errors import AlreadyExistsError, HopsArtifactsError, StorageError
from hopsartifacts.store.identity import new_token
from hopsartifacts.store.local_paths import refuse_special


def check_free(target: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a name that is taken.

    Raises:
        AlreadyExistsError: *target* exists, and is not to be replaced.
        InvalidInputError: *target* is a device, a pipe or a socket.
    """
    refuse_special(target)
    if target.exists() and not overwrite:
        raise _taken(target)


@contextmanager
def written_aside(target: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """Give a file that gets the name *target* once it is whole and durable.

    Raises:
        AlreadyExistsError: *target* exists, and is not to be replaced.
        StorageError: it cannot be written.
    """
    temporary = target.with_name(f".{new_token()}.part")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _give_name(temporary, target, overwrite=overwrite)
    except HopsArtifactsError:
        raise
    except OSError as error:
        raise StorageError(f"cannot write {str(target)!r}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _give_name(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if not overwrite:
        try:
            # A link is refused where something is; a new name would replace it.
            target.hardlink_to(temporary)
        except FileExistsError as error:
            raise _taken(target) from error
        except OSError as error:  # no links on a USB stick
            if target.exists():
                raise _taken(target) from error
            temporary.replace(target)
    else:
        temporary.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _taken(target: Path) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"{str(target)!r} exists: choose another name, or overwrite=True to replace it"
    )
