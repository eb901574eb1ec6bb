"""Atomic writes of local files: a temporary file, a rename, and optionally fsync."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from hopsartifacts.errors import AlreadyExistsError, HopsArtifactsError, StorageError
from hopsartifacts.machine.local_paths import refuse_special
from hopsartifacts.machine.posix import sync_folder

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


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
def written_aside(
    target: Path, *, overwrite: bool = True, is_durable: bool = True, mode: int = 0o666
) -> Iterator[IO[bytes]]:
    """Open a temporary file that is renamed to *target* when the block succeeds.

    If the block raises, the file is deleted.

    Args:
        target: the path of the file.
        overwrite: whether an existing file is replaced.
        is_durable: whether the file and its name are flushed to the disk. Otherwise a
            crash of the machine, but not of the process, may damage the file.
        mode: the permissions of the new file, from which the umask takes some.

    Raises:
        AlreadyExistsError: *target* exists, and *overwrite* is false.
        StorageError: it cannot be written.
    """
    temporary = target.with_name(f".{uuid4().hex}.part")
    try:
        with os.fdopen(os.open(temporary, _NEW, mode), "wb") as file:
            yield file
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        _give_name(temporary, target, overwrite=overwrite)
        if is_durable:
            sync_folder(target.parent)
    except HopsArtifactsError:
        raise
    except OSError as error:
        failed = StorageError(f"cannot write {str(target)!r}: {error.strerror}")
        failed.errno = error.errno
        raise failed from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _give_name(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if not overwrite:
        # Linking fails if the target exists; a rename would replace it.
        with suppress(OSError):
            target.hardlink_to(temporary)
            return
        # Some file systems (USB sticks) have no hard links.
        if os.path.lexists(target):
            raise _taken(target)
    temporary.replace(target)


def _taken(target: Path) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"{str(target)!r} exists: choose another name, or overwrite=True to replace it"
    )
