"""Finding the log of the newest run, and reading its end."""

from pathlib import Path

_BLOCK_BYTES = 64 * 1024


def newest_log(folder: Path) -> Path | None:
    """Return the newest log in the folder: their names begin with the time."""
    return max(folder.glob("*_predictor.log"), default=None)


def last_lines(path: Path, count: int) -> str:
    """Return the last *count* lines; "" when there is no such file."""
    try:
        with path.open("rb") as file:
            position = file.seek(0, 2)
            text = b""
            # One break more than lines: the last line usually ends with one.
            while position > 0 and text.count(b"\n") <= count:
                size = min(_BLOCK_BYTES, position)
                position = file.seek(position - size)
                text = file.read(size) + text
    except FileNotFoundError:
        return ""
    lines = text.decode(errors="replace").splitlines()
    return "\n".join(lines[-count:] if count > 0 else [])
