"""Temporary folders for the bodies of single requests."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hopsartifacts.rest.uploads.files import disk_full, on_disk


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
        with on_disk("keep uploads"):
            folder.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Provide a new, empty folder, which is deleted after the block.

        Raises:
            RefusedError: the disk is full.
            StorageError: the folder cannot be made.
        """
        self.check_room(0)
        with on_disk("take an upload"):
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
        with on_disk("take an upload"):
            free = shutil.disk_usage(self._folder).free
        if free - size_bytes < self._min_free_bytes:
            raise disk_full()
