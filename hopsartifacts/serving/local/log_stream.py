"""Following a log while it is written."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from hopsartifacts.serving.contract import LogLine
from hopsartifacts.serving.local.log_files import aside, newest_number, tail_position

_PAUSE_S = 0.1
_MOST_BYTES = 1024 * 1024
"""The most bytes to read at once; a longer line is returned in parts."""


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
        is_over: tells whether the log is complete.
        tail: how many of the existing lines to yield first.
        after: the ``mark`` of a line: start behind it, instead of with *tail*, if it is
            of the log that *newest* returns and its file still exists.
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
    mark = f"{path.name}/{place.number}:{place.position}"
    return LogLine(text=line.decode(errors="replace"), mark=mark)


def _place_of(path: Path | None, mark: str) -> _Place:
    """Return the place behind the line of *mark*, or that of the tail if not found."""
    if path is None:
        return _Place(1, 0)
    name, _, end = mark.rpartition(":")
    name, _, number = name.rpartition("/")
    if path.name == name and all(map(_is_number, [number, end])):
        wanted = _Place(int(number[:20]), int(end[:20]))
        place, file = _found(path, wanted)
        if place == wanted and file.exists() and wanted.position <= file.stat().st_size:
            return place
    return _Place(newest_number(path), -1)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
