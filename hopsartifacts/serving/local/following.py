"""Following a log that is being written."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hopsartifacts.serving.local.log_files import tail_position

_PAUSE_S = 0.1


def follow(
    newest: Callable[[], Path | None], is_over: Callable[[], bool], tail: int
) -> Iterator[str]:
    """Yield the last *tail* lines, and each that comes, until nobody writes any more.

    Args:
        newest: returns the file that is being written; another one is followed from
            its beginning.
        is_over: tells whether nothing more will be written.
        tail: how many lines there are of what is there already.
    """
    path, position, rest = newest(), -1, b""
    while True:
        # Asked first: what was written before the end is read after it.
        ends = is_over()
        if path is not None and path.exists():
            with path.open("rb") as file:
                position = file.seek(
                    tail_position(file, tail) if position < 0 else position
                )
                written = file.read()
            position += len(written)
            *lines, rest = (rest + written).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        following = newest()
        if following != path:
            path, position = following, 0
        elif ends:
            break
        else:
            time.sleep(_PAUSE_S)
    if rest:
        yield rest.decode(errors="replace")
