"""The server's own folder on local disk: keys, certificate, unfinished uploads."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from hopsartifacts.errors import InUseError, StorageError
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.machine.state_folder import lasting_state_folder

_NAME_LENGTH = 16


def own_folder(url: str) -> Path:
    """Return the folder of the server for the project at *url*; it may not exist."""
    digest = hashlib.sha256(url.encode()).hexdigest()
    return lasting_state_folder() / "servers" / digest[:_NAME_LENGTH]


def make_private(folder: Path) -> Path:
    """Create *folder*, accessible only to this user, and return it.

    Raises:
        StorageError: it cannot be created.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the server's folder {str(folder)!r}: {error.strerror}; "
            "choose another with --state-dir"
        ) from error
    return folder


def write_private(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write *data* to *path* atomically: a crash leaves the old or the new content.

    Raises:
        StorageError: it cannot be written.
    """
    with written_aside(path, mode=mode) as file:
        file.write(data)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the lock of *folder*, so that no other server uses it.

    Raises:
        InUseError: another server uses it.
    """
    lock = FileLock(folder / "server.lock", mode=0o600, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise InUseError(
            f"another server uses {str(folder)!r}: stop it, or choose another "
            "folder with --state-dir"
        ) from error
    try:
        yield
    finally:
        lock.release()
