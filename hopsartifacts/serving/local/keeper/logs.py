"""A log of a run: a pipe, and log files that are rotated.

Workers and their descendants write to the pipe, and the keeper writes to the file. So a
full file can be rotated without losing a byte, and without the writers noticing.
"""

import fcntl
import os
import select
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hopsartifacts.serving.local.log_files import KEPT_FILES, aside, newest_number

FILE_BYTES = 32 * 1024 * 1024
"""A file that has reached this size is rotated."""
_BLOCK_BYTES = 64 * 1024
_BLOCKS_AT_ONCE = 64


class RunLog:
    """One log, written by a separate thread until the process ends.

    Args:
        path: the newest file; rotated ones are beside it, with a number as suffix.
        also: descriptors of this process to redirect to the newest file, always.

    Attributes:
        writing: the descriptor to write to, for child processes.
    """

    def __init__(self, path: Path, also: Sequence[int] = ()) -> None:
        self._path = path
        self._also = also
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._lock = threading.Lock()
        self._lost_bytes = 0
        self._is_within_line = False
        self._file = self._open()
        threading.Thread(target=self._work, name="log", daemon=True).start()

    def take(self) -> None:
        """Write the data in the pipe: on return the file has all earlier output.

        If there is too much to write at once, the rest is written later.
        """
        with self._lock, suppress(BlockingIOError):
            for _ in range(_BLOCKS_AT_ONCE):
                self._write(os.read(self._reading, _BLOCK_BYTES))

    def _work(self) -> None:
        while True:
            select.select([self._reading], [], [])
            self.take()

    def _write(self, block: bytes) -> None:
        try:
            if self._lost_bytes:
                lost = f"keeper: {self._lost_bytes} bytes could not be written here\n"
                os.write(self._file, lost.encode())
                self._lost_bytes = 0
            if os.fstat(self._file).st_size >= FILE_BYTES:
                # First the rest of the current line, if it ends in this block.
                end = block.find(b"\n") + 1 if self._is_within_line else 0
                _write_all(self._file, block[:end])
                block = block[end:]
                self._turn()
            _write_all(self._file, block)
            self._is_within_line = not block.endswith(b"\n")
        except OSError:
            # A full disk must not block a script that prints.
            self._lost_bytes += len(block)

    def _turn(self) -> None:
        """Rotate the file and continue with a new one."""
        number = newest_number(self._path)
        self._path.rename(aside(self._path, number))
        aside(self._path, number - KEPT_FILES + 1).unlink(missing_ok=True)
        full, self._file = self._file, self._open()
        os.close(full)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        file = os.open(self._path, flags, 0o666)
        # Other runs, when they start, see by the lock that this one still writes.
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        for descriptor in self._also:
            os.dup2(file, descriptor)
        return file


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
