"""The server's own folder on local disk: its place, its lock, its files, and its room.

It holds keys, the certificate, unfinished uploads, and files of requests in progress.
"""

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from hopsartifacts.errors import HopsArtifactsError, InUseError, StorageError
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.machine.state_folder import lasting_state_folder
from hopsartifacts.rest.errors import UPLOAD_FULL, RefusedError

_NAME_LENGTH = 16
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
    # It may be released by another thread than the one that took it.
    lock = FileLock(
        folder / "server.lock", mode=0o600, blocking=False, thread_local=False
    )
    try:
        lock.acquire()
    except Timeout as error:
        raise InUseError(
            f"another server uses the folder {str(folder)!r}: stop it, or choose "
            "another folder with --state-dir"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def on_disk(doing: str) -> Iterator[None]:
    """Convert errors of the operating system; *doing* names the failed action.

    Raises:
        RefusedError: the disk is full.
        StorageError: there was another error.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full() from error
        if isinstance(error, HopsArtifactsError):
            raise
        raise StorageError(
            f"the server cannot {doing}: {error.strerror or error}"
        ) from error


def check_room(folder: Path, size_bytes: int, min_free_bytes: int) -> None:
    """Check that *min_free_bytes* stay free if *size_bytes* are written to *folder*.

    Raises:
        RefusedError: they do not (507).
        StorageError: the folder cannot be used.
    """
    with on_disk("measure the free space of its disk"):
        free = shutil.disk_usage(folder).free
    if free - size_bytes < min_free_bytes:
        raise _disk_full()


def _disk_full() -> RefusedError:
    """Return the error for an upload that does not fit on the server's disk."""
    return RefusedError(
        "the server's disk has no room for this upload: free some space there, or "
        "upload less",
        507,
        UPLOAD_FULL,
    )


class RequestBodies:
    """The files of requests in progress, on the server's own disk.

    Args:
        folder: only for these files. Files that a killed server left are deleted.
        min_free_bytes: how much must stay free on the disk.

    Raises:
        StorageError: the folder cannot be used.
    """

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        shutil.rmtree(folder, ignore_errors=True)
        with on_disk("use its folder for uploads"):
            folder.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Provide a new, empty folder, which is deleted after the block.

        Raises:
            RefusedError: the disk is full.
            StorageError: the folder cannot be made.
        """
        self.check_room(0)
        with on_disk("receive an upload"):
            held = tempfile.TemporaryDirectory(
                dir=self._folder, ignore_cleanup_errors=True
            )
        with held as name:
            yield Path(name)

    def room(self) -> tuple[int, int]:
        """Return the free bytes of the disk, and how many of them have to stay free.

        Raises:
            StorageError: the folder cannot be used.
        """
        with on_disk("measure the free space of its disk"):
            return shutil.disk_usage(self._folder).free, self._min_free_bytes

    def check_room(self, size_bytes: int) -> None:
        """Check that there is room for *size_bytes* more.

        Raises:
            RefusedError: there is not (507).
        """
        check_room(self._folder, size_bytes, self._min_free_bytes)
