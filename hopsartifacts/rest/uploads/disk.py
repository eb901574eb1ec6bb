"""The server's own disk: its room, its failures, and folders for single requests."""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hopsartifacts.errors import HopsArtifactsError, StorageError
from hopsartifacts.rest.errors import UPLOAD_FULL, RefusedError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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

    def check_room(self, size_bytes: int) -> None:
        """Check that there is room for *size_bytes* more.

        Raises:
            RefusedError: there is not (507).
        """
        check_room(self._folder, size_bytes, self._min_free_bytes)
