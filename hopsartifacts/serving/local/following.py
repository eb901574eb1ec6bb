"""Following a log that is being written."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from hopsartifacts.serving.contract import LogLine
from hopsartifacts.serving.local.log_files import aside, newest_number, tail_position

_PAUSE_S = 0.1
_MOST_BYTES = 1024 * 1024
"""How much is read at once; a line that is longer comes in parts."""


class _Place(NamedTuple):
    """How far a log was read."""

    number: int
    """Of the file; see ``newest_number``."""
    position: int
    """In that file; -1: where its last lines begin."""


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
        after: the ``mark`` of a line: go on behind it, instead of with *tail*, if it is
            of a log that *newest* returns and its file still lies there.
        is_wanted: asked now and then; it ends when this says no.
    """
    path = newest()
    reader = _Reader(path, _place_of(path, after), tail)
    while is_wanted():
        # Asked first: what was written before the end is read after it.
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
    """Reads one log, block by block, from *place*.

    Attributes:
        path: its newest file.
        has_more: there is more to read at once.
    """

    def __init__(self, path: Path | None, place: _Place, tail: int) -> None:
        self.path = path
        self.has_more = False
        self._place = place
        self._tail = tail
        self._rest = b""

    def read(self) -> Iterator[LogLine]:
        """Yield the lines that the next block ends."""
        self.has_more = False
        if self.path is None or not self.path.exists():
            return
        self._place, path = _found(self.path, self._place)
        written, position = _read(path, self._place.position, self._tail)
        if path == self.path and aside(path, self._place.number).exists():
            # It was put aside meanwhile: that may have been read of the next one.
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
            # This file was put aside and is read to its end: the next one goes on.
            self._place = _Place(self._place.number + 1, 0)
            self.has_more = True

    def end(self) -> Iterator[LogLine]:
        """Yield what was read of a line that has not ended."""
        if self._rest and self.path is not None:
            yield _line(self.path, self._rest, self._place)
        self._rest = b""


def _read(path: Path, position: int, tail: int) -> tuple[bytes, int]:
    """Return what was written behind *position*, and the position behind that."""
    with path.open("rb") as file:
        file.seek(tail_position(file, tail) if position < 0 else position)
        written = file.read(_MOST_BYTES)
        return written, file.tell()


def _found(path: Path, place: _Place) -> tuple[_Place, Path]:
    """Return the file that *place* is in; the oldest one if that is gone."""
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
    """Return the place behind the line of *mark*; that of a tail if it is not there."""
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
