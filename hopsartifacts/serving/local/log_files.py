"""Finding the log of the newest run, and reading its end within bounds.

A script may print anything, also a line without an end: what is read of a log, and what
is quoted of it, has a bound.
"""

import os
from pathlib import Path
from typing import BinaryIO

MOST_TAIL_BYTES = 8 * 1024 * 1024
"""How much of the end of a log is read at the most."""
_BLOCK_BYTES = 64 * 1024
_QUOTED_CHARACTERS = 2000


def newest_log(folder: Path) -> Path | None:
    """Return the newest log in the folder: their names begin with the time."""
    return max(folder.glob("*_predictor.log"), default=None)


def last_lines(path: Path, count: int) -> str:
    """Return the last *count* lines; "" when there is no such file.

    Of more than ``MOST_TAIL_BYTES`` the first are left out, and a line before says so.
    """
    try:
        with path.open("rb") as file:
            position = tail_position(file, count)
            is_within = _is_within_a_line(file, position)
            file.seek(position)
            # No more than there was: it may grow faster than it is read.
            text = file.read(MOST_TAIL_BYTES)
    except FileNotFoundError:
        return ""
    lines = text.decode(errors="replace").splitlines()
    found = lines[-count:] if count > 0 else []
    is_cut = is_within or (position > 0 and len(lines) < count)
    if is_cut and found:
        found.insert(0, f"… (the log is longer: {position} bytes before are left out)")
    return "\n".join(found)


def quoted(path: Path, count: int) -> str:
    """Return the last *count* lines for a message, each cut to a length for people."""
    return "\n".join(map(_cut, last_lines(path, count).split("\n")))


def tail_position(file: BinaryIO, count: int) -> int:
    """Return where the last *count* lines begin.

    It is no more than ``MOST_TAIL_BYTES`` from the end, which may be within a line.
    """
    end = file.seek(0, os.SEEK_END)
    if count <= 0:
        return end
    first = max(0, end - MOST_TAIL_BYTES)
    position = end
    # One break more than lines: the last line usually ends with one.
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
    """Return where the line break is that has number - 1 behind it."""
    at = len(block)
    for _ in range(number):
        at = block.rfind(b"\n", 0, at)
    return at


def _is_within_a_line(file: BinaryIO, position: int) -> bool:
    if position == 0:
        return False
    file.seek(position - 1)
    return file.read(1) != b"\n"


def _cut(line: str) -> str:
    more = len(line) - _QUOTED_CHARACTERS
    return line if more <= 0 else f"{line[:-more]}… ({more} more characters)"
