"""A log of a run: a pipe to write to, and files whose number and size have bounds.

Workers and all that they start write to the pipe, and the keeper writes to the file. So
a full file can be put aside without losing a byte, and no writer notices.
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
"""A file that has grown to this size is put aside."""
_BLOCK_BYTES = 64 * 1024
_BLOCKS_AT_ONCE = 64


class RunLog:
    """One log, written by a thread of its own until the process ends.

    Args:
        path: its newest file; older ones lie beside it, with a number behind the name.
        also: descriptors of this process that shall always lead to the newest file.

    Attributes:
        writing: the descriptor to write to, for processes that are started.
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
        """Write what has come: all that was said before the call is in the file then.

        If there is more than can be written at once, the rest is written later.
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
                # First what is left of a line, if it ends.
                end = block.find(b"\n") + 1 if self._is_within_line else 0
                _write_all(self._file, block[:end])
                block = block[end:]
                self._turn()
            _write_all(self._file, block)
            self._is_within_line = not block.endswith(b"\n")
        except OSError:
            # A full disk must not keep a script from printing.
            self._lost_bytes += len(block)

    def _turn(self) -> None:
        """Put the file aside, and go on with a new one."""
        number = newest_number(self._path)
        self._path.rename(aside(self._path, number))
        aside(self._path, number - KEPT_FILES + 1).unlink(missing_ok=True)
        full, self._file = self._file, self._open()
        os.close(full)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        file = os.open(self._path, flags, 0o666)
        # Starts of other runs see by the lock that this one still writes.
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        for descriptor in self._also:
            os.dup2(file, descriptor)
        return file


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
