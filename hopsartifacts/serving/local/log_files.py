"""Search for the log of the newest run, and bounded reading of its end.

A script may print anything, even a line that never ends. So there is a limit to how
much of a log is read, and how much of it is quoted.
"""

import fcntl
import glob
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from hopsartifacts.serving.runtime.failures import sayable

MOST_TAIL_BYTES = 8 * 1024 * 1024
"""The most bytes to read from the end of a log file."""
KEPT_FILES = 3
"""The most files per log: the newest one, and rotated ones."""
KEPT_RUNS = 10
"""The number of runs of a deployment whose logs are kept."""
_LINES_IN_ERRORS = 15
_BLOCK_BYTES = 64 * 1024
_QUOTED_CHARACTERS = 1000
_NEWEST = "_predictor.log"


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


def drop_old_runs(folder: Path) -> None:
    """Delete the logs of old runs, so that ``KEPT_RUNS`` remain after a start.

    Runs that are still written are kept: they are of another deployment that had the
    name, or of a process with another state folder.
    """
    runs = sorted(path.name for path in folder.glob(f"*{_NEWEST}"))
    for run in runs[: max(0, len(runs) - KEPT_RUNS + 1)]:
        if _is_written(folder / run):
            continue
        for path in folder.glob(f"{run.removesuffix(_NEWEST)}_*.log*"):
            with suppress(OSError):  # another user's
                path.unlink()


def _is_written(path: Path) -> bool:
    """Tell whether a keeper holds the lock on its log."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # locks are not supported, or it is another user's file
        return False
    return False


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


def quoted(path: Path, count: int) -> str:
    """Return the last *count* lines for a message, each cut to a readable length."""
    lines = last_lines(path, count).split("\n")
    return "\n".join(sayable(line, _QUOTED_CHARACTERS) for line in lines)


def tail_position(file: BinaryIO, count: int) -> int:
    """Return the offset at which the last *count* lines begin.

    It is at most ``MOST_TAIL_BYTES`` before the end, which may be inside a line.
    """
    end = file.seek(0, os.SEEK_END)
    if count <= 0:
        return end
    first = max(0, end - MOST_TAIL_BYTES)
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
