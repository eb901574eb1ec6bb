"""Following a log that is being written."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hopsartifacts.serving.contract import LogLine
from hopsartifacts.serving.local.log_files import tail_position

_PAUSE_S = 0.1
_MOST_BYTES = 1024 * 1024
"""How much is read at once; a line that is longer comes in parts."""


def follow(
    newest: Callable[[], Path | None],
    is_over: Callable[[], bool],
    tail: int,
    *,
    after: str = "",
    is_wanted: Callable[[], bool] = lambda: True,
) -> Iterator[LogLine]:
    """Yield the last *tail* lines, and each that comes, until nobody writes any more.

    Args:
        newest: returns the file that is being written; another one is followed from
            its beginning.
        is_over: tells whether nothing more will be written.
        tail: how many lines there are of what is there already.
        after: the ``mark`` of a line: go on behind it, instead of with *tail*, if the
            file that is being written is still the one that it stands in.
        is_wanted: asked now and then; it ends when this says no.
    """
    path = newest()
    position, rest = _position(path, after), b""
    while is_wanted():
        # Asked first: what was written before the end is read after it.
        ends = is_over()
        if path is not None and path.exists():
            with path.open("rb") as file:
                position = file.seek(
                    tail_position(file, tail) if position < 0 else position
                )
                written = file.read(_MOST_BYTES)
            at = position - len(rest)
            position += len(written)
            *lines, rest = (rest + written).split(b"\n")
            for line in lines:
                at += len(line) + 1
                yield _line(path, line, at)
            if len(rest) >= _MOST_BYTES:
                yield _line(path, rest, position)
                rest = b""
            if len(written) == _MOST_BYTES:
                continue  # there is more
        following = newest()
        if following != path:
            path, position = following, 0
        elif ends:
            break
        else:
            time.sleep(_PAUSE_S)
    if rest and path is not None:
        yield _line(path, rest, position)


def _line(path: Path, line: bytes, end: int) -> LogLine:
    return LogLine(text=line.decode(errors="replace"), mark=f"{path.name}:{end}")


def _position(path: Path | None, after: str) -> int:
    """Return where the line *after* ends in *path*, -1 if it is not of that file."""
    name, _, end = after.rpartition(":")
    is_here = path is not None and path.name == name and path.exists()
    if not is_here or not end.isascii() or not end.isdecimal():
        return -1
    position = int(end[:20])
    return position if path and position <= path.stat().st_size else -1
