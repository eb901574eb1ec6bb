"""Finding the log of the newest run, and reading its end."""

from pathlib import Path
from typing import BinaryIO

_BLOCK_BYTES = 64 * 1024


def newest_log(folder: Path) -> Path | None:
    """Return the newest log in the folder: their names begin with the time."""
    return max(folder.glob("*_predictor.log"), default=None)


def last_lines(path: Path, count: int) -> str:
    """Return the last *count* lines; "" when there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(tail_position(file, count))
            text = file.read()
    except FileNotFoundError:
        return ""
    lines = text.decode(errors="replace").splitlines()
    return "\n".join(lines[-count:] if count > 0 else [])


def tail_position(file: BinaryIO, count: int) -> int:
    """Return where the last *count* lines begin."""
    end = position = file.seek(0, 2)
    text = b""
    # One break more than lines: the last line usually ends with one.
    while position > 0 and text.count(b"\n") <= count:
        size = min(_BLOCK_BYTES, position)
        position = file.seek(position - size)
        text = file.read(size) + text
    if count <= 0:
        return end
    at = len(text) - int(text.endswith(b"\n"))
    for _ in range(count):
        at = text.rfind(b"\n", 0, at)
        if at < 0:
            break
    return position + at + 1
