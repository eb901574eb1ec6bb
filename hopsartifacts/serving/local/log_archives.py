"""The logs of runs that are kept: which there are, and reading any part of one.

A place in a log is a ``position``, as ``LogLine`` has it: the file, its number, and the
offset after the line. It stays the same while the log grows and is rotated.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hopsartifacts.errors import InvalidInputError, NotFoundError
from hopsartifacts.serving.contract import (
    COMPONENTS,
    Component,
    LogArchive,
    LogLine,
    LogLines,
)
from hopsartifacts.serving.local.log_files import (
    MOST_TAIL_BYTES,
    STAMP,
    aside,
    files_of,
    is_written,
    newest_number,
    tail_position,
)

_CHUNK_BYTES = 1024 * 1024


def archives(folders: Iterable[Path]) -> list[LogArchive]:
    """Return the logs of all runs in *folders*, newest first."""
    found: dict[str, LogArchive] = {}
    for folder in folders:
        for path in folder.glob(f"*_{COMPONENTS[0]}.log"):
            archive = _archive(path)
            if archive is not None:
                found.setdefault(archive.id, archive)
    return sorted(found.values(), key=lambda it: it.id, reverse=True)


def archived_log(
    folders: Iterable[Path], archive: str, component: Component
) -> "ArchivedLog":
    """Return one log of the run with the id *archive*.

    Raises:
        NotFoundError: there is no such run, or it has no log of this component.
    """
    places = [*folders]
    if archive not in {it.id for it in archives(places)}:
        raise NotFoundError(
            f"there is no log archive {archive!r}: it was deleted, as only the newest "
            "runs are kept, or never existed; list the archives of the deployment"
        )
    for folder in places:
        path = folder / f"{archive}_{component}.log"
        if path.exists():
            return ArchivedLog(path)
    raise NotFoundError(
        f"log archive {archive!r} has no log of a {component}: see its components"
    )


class _Part(NamedTuple):
    """One file of a log, as long as it was when it was looked at."""

    path: Path
    number: int
    size: int


class _Place(NamedTuple):
    """An offset in the file with this number."""

    number: int
    offset: int


class ArchivedLog:
    """The log of one component in one run; see ``StoredLog``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # First whether it is written, then how long it is: a log that is not written
        # any more is whole.
        self._is_written = is_written(path)
        self._parts: list[_Part] = [*_parts(path)]

    @property
    def size_bytes(self) -> int:
        """Its size when this object was made."""
        return sum(part.size for part in self._parts)

    def chunks(self, start: int) -> Iterator[bytes]:
        """Yield its bytes from an offset on, up to ``size_bytes``."""
        for part in self._parts:
            left = part.size - start
            if left > 0:
                with self._opened(part) as file:
                    file.seek(start)
                    while left > 0 and (data := file.read(min(left, _CHUNK_BYTES))):
                        left -= len(data)
                        yield data
            start = max(0, start - part.size)

    def _opened(self, part: _Part) -> BinaryIO:
        """Open a file, which may have another name since the log was rotated."""
        file = part.path.open("rb")
        is_newest = part.path == self._path
        if is_newest and newest_number(self._path) != part.number:
            file.close()
            return aside(self._path, part.number).open("rb")
        return file

    def lines(self, count: int, *, before: str = "", after: str = "") -> LogLines:
        """Return *count* lines, or as many as fit into 8 MiB.

        Args:
            count: how many.
            before: a position: the lines up to it. If neither is given: the last ones.
            after: a position: the lines from it on.

        Raises:
            InvalidInputError: a position is not one of this log, or both are given.
            NotFoundError: the part of the log at the position was deleted.
        """
        if before and after:
            raise InvalidInputError("before and after: give one of them")
        while True:
            found = self._found(count, before, after)
            newest = self._parts[-1].number if self._parts else 1
            if newest_number(self._path) == newest:
                return found
            # The log was rotated meanwhile, so a file may have been another one.
            self._parts = [*_parts(self._path)]

    def _found(self, count: int, before: str, after: str) -> LogLines:
        if not self._parts:
            return LogLines(lines=[], earlier=None, later=None)
        last = self._parts[-1]
        if after:
            start, lines = self._from(self._place(after), count)
        else:
            end = self._place(before) if before else _Place(last.number, last.size)
            start, lines = self._up_to(end, count)
        end = _Place(*self._split(lines[-1].position)) if lines else start
        return LogLines(
            lines=lines,
            earlier=self._position(start) if self._has_before(start) else None,
            later=self._position(end) if self._has_after(end) else None,
        )

    def _up_to(self, end: _Place, count: int) -> tuple[_Place, list[LogLine]]:
        """Return the last *count* lines before *end*, and where they begin."""
        start, found, left = end, list[LogLine](), MOST_TAIL_BYTES
        for part in reversed(self._parts):
            if part.number > end.number:
                continue
            stop = end.offset if part.number == end.number else part.size
            with part.path.open("rb") as file:
                stop = self._whole(file.fileno(), part, stop)
                first = tail_position(file, count - len(found), end=stop, most=left)
                file.seek(first)
                data = file.read(stop - first)
            found = [*self._lines(data, _Place(part.number, first)), *found]
            start, left = _Place(part.number, first), left - len(data)
            if len(found) >= count or left <= 0 or first > 0:
                break
        return start, found

    def _from(self, start: _Place, count: int) -> tuple[_Place, list[LogLine]]:
        """Return the first *count* lines after *start*, and where they begin."""
        found, left = list[LogLine](), MOST_TAIL_BYTES
        for part in self._parts:
            if part.number < start.number or left <= 0 or len(found) >= count:
                continue
            first = start.offset if part.number == start.number else 0
            with part.path.open("rb") as file:
                stop = self._whole(file.fileno(), part, part.size)
                file.seek(first)
                data = file.read(max(0, min(stop - first, left)))
            if len(data) < stop - first and b"\n" in data:
                data = data[: data.rindex(b"\n") + 1]
            left -= len(data)
            lines = self._lines(data, _Place(part.number, first))
            found += lines[: count - len(found)]
        return start, found

    def _whole(self, file: int, part: _Part, stop: int) -> int:
        """Return *stop*, or where the last whole line before it ends.

        The last line of a log that is still written may be unfinished.
        """
        if not self._is_written or part is not self._parts[-1] or stop < part.size:
            return stop
        first = max(0, stop - _CHUNK_BYTES)
        found = os.pread(file, stop - first, first).rfind(b"\n")
        return first + found + 1 if found >= 0 or first == 0 else stop

    def _lines(self, data: bytes, place: _Place) -> list[LogLine]:
        lines, start = list[LogLine](), 0
        while start < len(data):
            end = data.find(b"\n", start) + 1 or len(data)
            position = self._position(place._replace(offset=place.offset + end))
            text = data[start:end].removesuffix(b"\n").decode(errors="replace")
            lines.append(LogLine(text=text, position=position))
            start = end
        return lines

    def _has_before(self, place: _Place) -> bool:
        return place.offset > 0 or place.number > self._parts[0].number

    def _has_after(self, place: _Place) -> bool:
        last = self._parts[-1]
        return place < (last.number, last.size)

    def _position(self, place: _Place) -> str:
        return f"{self._path.name}/{place.number}:{place.offset}"

    def _place(self, position: str) -> _Place:
        place = _Place(*self._split(position))
        for part in self._parts:
            if part.number == place.number and place.offset <= part.size:
                return place
        raise NotFoundError(
            f"position {position!r}: that part of the log was deleted, as only the "
            "newest files of a long log are kept"
        )

    def _split(self, position: str) -> tuple[int, int]:
        name, _, end = position.rpartition("/")
        number, _, offset = end.partition(":")
        is_fit = all(it.isascii() and it.isdecimal() for it in (number, offset))
        if name != self._path.name or not is_fit:
            raise InvalidInputError(
                f"position {position!r}: it is not of this log; use the position of a "
                "line, or 'earlier' or 'later' of an answer"
            )
        return int(number[:18]), int(offset[:18])


def _archive(path: Path) -> LogArchive | None:
    name = path.name.removesuffix(f"_{COMPONENTS[0]}.log")
    stamp, _, rest = name.partition("_")
    try:
        started = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None  # the user's own file
    sizes: dict[Component, int] = {}
    for component in COMPONENTS:
        own = path.with_name(f"{name}_{component}.log")
        if own.exists():
            sizes[component] = sum(part.size for part in _parts(own))
    return LogArchive(
        id=name,
        deployment_id=rest.rpartition("_")[0],
        started=started,
        is_written=is_written(path),
        components=sizes,
    )


def _parts(path: Path) -> Iterator[_Part]:
    """Yield the files of a log, oldest first."""
    for number, file in files_of(path):
        with suppress(FileNotFoundError):
            yield _Part(file, number, file.stat().st_size)
