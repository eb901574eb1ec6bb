"""Atomic writes of local files for the user: temporary file, fsync, then rename."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from hopsartifacts.errors import AlreadyExistsError, HopsArtifactsError, StorageError
from hopsartifacts.store.identity import new_token
from hopsartifacts.store.local_paths import refuse_special


def check_free(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that exists, before any work is done.

    Raises:
        AlreadyExistsError: *target* exists, and *overwrite* is false.
        InvalidInputError: *target* is a device, a pipe or a socket.
    """
    refuse_special(target)
    if target.exists() and not overwrite:
        raise _taken(target)


@contextmanager
def written_aside(target: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """Open a temporary file that is renamed to *target* when the block succeeds.

    The file is flushed to disk before the rename. If the block raises, it is deleted.

    Raises:
        AlreadyExistsError: *target* exists, and *overwrite* is false.
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
            # Linking fails if the target exists; a rename would replace it.
            target.hardlink_to(temporary)
        except FileExistsError as error:
            raise _taken(target) from error
        except OSError as error:  # some file systems (USB sticks) have no hard links
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
