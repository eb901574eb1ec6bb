"""The logs of runs: writing and rotating their files, reading the end, and following.

Workers and their descendants write to a pipe, and the keeper writes to the file. So a
full file can be rotated without losing a byte, and without the writers noticing.

A script may print anything, even a line that never ends. So there is a limit to how
much of a log is read, and how much of it is quoted.
"""

import fcntl
import glob
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hopsartifacts.serving.contract import COMPONENTS, LogLine
from hopsartifacts.serving.runtime.failures import sayable

MOST_TAIL_BYTES = 8 * 1024 * 1024
"""The most bytes to read from the end of a log file."""
FILE_BYTES = 32 * 1024 * 1024
"""A file that has reached this size is rotated."""
KEPT_FILES = 3
"""The most files per log: the newest one, and rotated ones."""
KEPT_RUNS = 10
"""The number of runs of a deployment whose logs are kept."""
STAMP = "%Y%m%d-%H%M%S"
"""The form of the time at which the name of a log begins."""
_LINES_IN_ERRORS = 15
_BLOCK_BYTES = 64 * 1024
_BLOCKS_AT_ONCE = 64
_QUOTED_CHARACTERS = 1000
_NEWEST = "_predictor.log"
_PAUSE_S = 0.1
_MOST_BYTES = 1024 * 1024
"""The most bytes to read at once; a longer line is returned in parts."""


def log_name(stamp: str, deployment_id: str, revision: str) -> str:
    """Return the file name for the log of a run that began at *stamp*."""
    return f"{stamp}_{deployment_id}_{revision}{_NEWEST}"


def newest_log(folders: Iterable[Path], deployment_id: str) -> Path | None:
    """Return the deployment's newest log in any of *folders*.

    Names begin with the time. Logs of other deployments that had the same name are in
    the same folder.
    """
    pattern = log_name("*", glob.escape(deployment_id), "*")
    found = (path for folder in folders for path in folder.glob(pattern))
    return max(found, key=lambda path: path.name, default=None)


def aside(path: Path, number: int) -> Path:
    """Return the path of file number *number* of the log *path* after its rotation."""
    return path.with_name(f"{path.name}.{number}")


def newest_number(path: Path) -> int:
    """Return the number of the file *path*; the files of a log are numbered from 1."""
    endings = (it.name.rpartition(".")[2] for it in path.parent.glob(f"{path.name}.*"))
    return 1 + max((int(it) for it in endings if it.isdecimal()), default=0)


def files_of(path: Path) -> Iterator[tuple[int, Path]]:
    """Yield number and path of each file of a log, oldest first; some may be gone."""
    newest = newest_number(path)
    for number in range(max(1, newest - KEPT_FILES), newest):
        yield number, aside(path, number)
    yield newest, path


def drop_old_runs(folder: Path) -> None:
    """Delete the logs of old runs, so that ``KEPT_RUNS`` remain after a start.

    Runs that are still written are kept: they are of another deployment that had the
    name, or of a process with another state folder.
    """
    runs = sorted(path.name for path in folder.glob(f"*{_NEWEST}"))
    for run in runs[: max(0, len(runs) - KEPT_RUNS + 1)]:
        if is_written(folder / run):
            continue
        for path in folder.glob(f"{run.removesuffix(_NEWEST)}_*.log*"):
            with suppress(OSError):  # another user's
                path.unlink()


def is_written(path: Path) -> bool:
    """Return whether a keeper holds the lock on its log."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # locks are not supported, or it is another user's file
        return False
    return False


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


def last_lines(path: Path, count: int) -> str:
    """Return the last *count* lines; "" if the file does not exist.

    The lines may begin in a rotated file. At most ``MOST_TAIL_BYTES`` are read of each
    file; if that is not enough, an extra line says so.
    """
    lines: list[str] = []
    newest = newest_number(path)
    files = [path, *(aside(path, number) for number in range(newest - 1, 0, -1))]
    for file in files[:KEPT_FILES]:
        before = _last_lines(file, count - len(lines))
        if before is None:
            break
        lines = [*before, *lines]
        if len(lines) >= count:
            break
    return "\n".join(lines)


def _last_lines(path: Path, count: int) -> list[str] | None:
    try:
        with path.open("rb") as file:
            position = tail_position(file, count)
            is_within = _is_within_a_line(file, position)
            file.seek(position)
            # Limited, since the file may grow faster than it is read.
            text = file.read(MOST_TAIL_BYTES)
    except FileNotFoundError:
        return None
    lines = text.decode(errors="replace").splitlines()
    found = lines[-count:] if count > 0 else []
    is_cut = is_within or (position > 0 and len(lines) < count)
    if is_cut and found:
        found.insert(
            0, f"… (the log is longer: the first {position} bytes are left out)"
        )
    return found


def log_end(path: Path) -> str:
    """Return how a log ends, for an error message."""
    return f"Its log ends with:\n{quoted(path, _LINES_IN_ERRORS)}"


def way_to_logs(detail: str) -> str:
    """Return where to find the traceback if *detail* begins with a component."""
    for component in COMPONENTS:
        if detail.startswith(f"{component}: "):
            return f'; get_logs("{component}") prints where'
    return ""


def quoted(path: Path, count: int) -> str:
    """Return the last *count* lines for a message, each cut to a readable length."""
    lines = last_lines(path, count).split("\n")
    return "\n".join(sayable(line, _QUOTED_CHARACTERS) for line in lines)


def tail_position(
    file: BinaryIO, count: int, end: int | None = None, most: int | None = None
) -> int:
    """Return the offset at which the last *count* lines before *end* begin.

    It is at most *most* bytes before *end*, which may be inside a line; by default
    ``MOST_TAIL_BYTES``. Without *end*, the end of the file is meant.
    """
    if end is None:
        end = file.seek(0, os.SEEK_END)
    if count <= 0:
        return end
    first = max(0, end - (MOST_TAIL_BYTES if most is None else most))
    position = end
    # One line break more than lines: the last line usually ends with one.
    wanted = count + 1
    if end > 0:
        file.seek(end - 1)
        wanted -= file.read(1) != b"\n"
    while position > first:
        size = min(_BLOCK_BYTES, position - first)
        position = file.seek(position - size)
        block = file.read(size)
        breaks = block.count(b"\n")
        if breaks >= wanted:
            return position + _nth_last(block, wanted) + 1
        wanted -= breaks
    return first


def _nth_last(block: bytes, number: int) -> int:
    """Return the offset of the *number*-th last line break."""
    at = len(block)
    for _ in range(number):
        at = block.rfind(b"\n", 0, at)
    return at


def _is_within_a_line(file: BinaryIO, position: int) -> bool:
    if position == 0:
        return False
    file.seek(position - 1)
    return file.read(1) != b"\n"


class _Place(NamedTuple):
    """The position up to which a log was read."""

    number: int
    """The number of the file; see ``newest_number``."""
    position: int
    """The offset in that file; -1 means the beginning of its last lines."""


def follow(
    newest: Callable[[], Path | None],
    is_over: Callable[[], bool],
    tail: int,
    *,
    after: str = "",
    is_wanted: Callable[[], bool] = lambda: True,
) -> Iterator[LogLine]:
    """Yield the last *tail* lines, then each new line until the log is complete.

    Args:
        newest: returns the file that is currently written; if it changes, the new file
            is followed from its beginning.
        is_over: returns whether the log is complete.
        tail: how many of the existing lines to yield first.
        after: the ``position`` of a line: start after it, instead of with *tail*, if it
            is in the log that *newest* returns and its file still exists.
        is_wanted: called from time to time; following stops when it returns False.
    """
    path = newest()
    reader = _Reader(path, _place_of(path, after), tail)
    while is_wanted():
        # Check this first, so that the lines written before the end are read after it.
        ends = is_over()
        yield from reader.read()
        if reader.has_more:
            continue
        following = newest()
        if following != reader.path:
            reader = _Reader(following, _Place(1, 0), tail)
        elif ends:
            break
        else:
            time.sleep(_PAUSE_S)
    yield from reader.end()


class _Reader:
    """Reads one log from *place*, block by block.

    Attributes:
        path: the newest file of the log.
        has_more: whether more can be read at once.
    """

    def __init__(self, path: Path | None, place: _Place, tail: int) -> None:
        self.path = path
        self.has_more = False
        self._place = place
        self._tail = tail
        self._rest = b""

    def read(self) -> Iterator[LogLine]:
        """Yield the lines that end in the next block."""
        self.has_more = False
        if self.path is None or not self.path.exists():
            return
        self._place, path = _found(self.path, self._place)
        written, position = _read(path, self._place.position, self._tail)
        if path == self.path and aside(path, self._place.number).exists():
            # The file was rotated meanwhile, so the block may be from the next one.
            self.has_more = True
            return
        self._place = self._place._replace(position=position)
        at = self._place.position - len(written) - len(self._rest)
        *lines, self._rest = (self._rest + written).split(b"\n")
        for line in lines:
            at += len(line) + 1
            yield _line(self.path, line, self._place._replace(position=at))
        if len(self._rest) >= _MOST_BYTES:
            yield from self.end()
        self.has_more = len(written) == _MOST_BYTES
        if path != self.path and not self.has_more:
            # This file was rotated and is read completely; continue with the next one.
            self._place = _Place(self._place.number + 1, 0)
            self.has_more = True

    def end(self) -> Iterator[LogLine]:
        """Yield the part of an unfinished line that was read."""
        if self._rest and self.path is not None:
            yield _line(self.path, self._rest, self._place)
        self._rest = b""


def _read(path: Path, position: int, tail: int) -> tuple[bytes, int]:
    """Return the bytes after *position*, and the position after them."""
    with path.open("rb") as file:
        file.seek(tail_position(file, tail) if position < 0 else position)
        written = file.read(_MOST_BYTES)
        return written, file.tell()


def _found(path: Path, place: _Place) -> tuple[_Place, Path]:
    """Return the file that *place* is in; if that is deleted, the oldest one."""
    newest = newest_number(path)
    for number in range(place.number, newest):
        file = aside(path, number)
        if file.exists():
            return place if number == place.number else _Place(number, 0), file
    return place if place.number == newest else _Place(newest, 0), path


def _line(path: Path, line: bytes, place: _Place) -> LogLine:
    position = f"{path.name}/{place.number}:{place.position}"
    return LogLine(text=line.decode(errors="replace"), position=position)


def _place_of(path: Path | None, position: str) -> _Place:
    """Return the place after the line at *position*; that of the tail if unknown."""
    if path is None:
        return _Place(1, 0)
    name, _, end = position.rpartition(":")
    name, _, number = name.rpartition("/")
    if path.name == name and all(map(_is_number, [number, end])):
        wanted = _Place(int(number[:20]), int(end[:20]))
        place, file = _found(path, wanted)
        if place == wanted and file.exists() and wanted.position <= file.stat().st_size:
            return place
    return _Place(newest_number(path), -1)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
