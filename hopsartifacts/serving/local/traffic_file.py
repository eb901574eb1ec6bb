"""The file in which a keeper counts the requests of a deployment, by minute and hour.

The file has two rings of records of a fixed size: one for each minute of a day, and one
for each hour of a month. So it never grows, a count is one small write, and the last
hour is one or two small reads. It belongs to the deployment, not to a run: it outlives
restarts, and is deleted with the deployment.

A keeper that is killed loses what it has not written, at most a second. A damaged or
torn record has an impossible time or sum, and counts as missing.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hopsartifacts.serving.traffic import (
    CLASSES,
    HOUR_S,
    MINUTE_S,
    CountedStep,
    Counts,
    Period,
    Tally,
    Traffic,
    total,
)

_HEADER = struct.Struct("<8sd")
_MAGIC = b"hopstrf1"
_RECORD = struct.Struct(f"<q{3 + CLASSES}I")
_MOST = 2**32 - 1


class _Ring(NamedTuple):
    """One ring of the file: the length of a record's period, and where it lies."""

    unit_s: int
    records: int
    offset: int

    @property
    def lasts_s(self) -> int:
        """How far back the ring reaches."""
        return self.unit_s * self.records

    def position(self, unit: int) -> int:
        """Return the offset of the record of a minute or hour, by its number."""
        return self.offset + unit % self.records * _RECORD.size


_MINUTES = _Ring(MINUTE_S, 24 * 60, _HEADER.size)
_HOURS = _Ring(HOUR_S, 31 * 24, _MINUTES.position(0) + 24 * 60 * _RECORD.size)
_RINGS = (_MINUTES, _HOURS)


class TrafficWriter:
    """Adds counts to the file *path*, which is created if it does not exist.

    A disk that is full or cannot be written costs counts, never a request.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._tally = Tally()

    def count(self, counts: Counts) -> None:
        """Remember *counts* until the next ``write``."""
        self._tally.add(counts)

    def write(self, now_s: float) -> None:
        """Add what was counted to the minute and the hour of *now_s*."""
        if self._tally.is_empty:
            return
        counts = self._tally.take()
        with suppress(OSError):
            file = self._open(now_s)
            for ring in _RINGS:
                unit = int(now_s) // ring.unit_s
                before = _counts_of(_read(file, ring, unit, 1), unit)
                _write(file, ring, unit, total([before, counts]))

    def begin(self, now_s: float) -> None:
        """Create the file if it does not exist, with counts known from *now_s* on."""
        with suppress(OSError):
            self._open(now_s)

    def _open(self, now_s: float) -> int:
        if self._file is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
        if _since(os.pread(self._file, _HEADER.size, 0)) is None:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, _HEADER.pack(_MAGIC, now_s), 0)
        return self._file


def read_traffic(path: Path, period: Period, now_s: float) -> Traffic:
    """Return the counts of a period.

    Minutes are known for the last day, hours for the last 31 days. The hours are used
    if the steps are hours, and the minutes otherwise.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Traffic()
    try:
        since_s = _since(os.pread(file, _HEADER.size, 0))
        if since_s is None:
            return Traffic()
        ring = _HOURS if _is_in_hours(period) else _MINUTES
        oldest = int(now_s) // ring.unit_s * ring.unit_s - ring.lasts_s + ring.unit_s
        since_s = max(since_s, oldest)
        return Traffic(since_s=since_s, steps=[*_steps(file, ring, period, since_s)])
    finally:
        os.close(file)


def _is_in_hours(period: Period) -> bool:
    return not (period.step_s % HOUR_S or period.start_s % HOUR_S)


def _steps(
    file: int, ring: _Ring, period: Period, since_s: float
) -> Iterator[CountedStep]:
    first, last = period.start_s // ring.unit_s, -(-period.end_s // ring.unit_s)
    first = max(first, int(since_s) // ring.unit_s)
    records = dict(_records(file, ring, first, max(last, first)))
    for start_s in period.starts():
        if start_s + period.step_s <= since_s:
            continue
        units = range(start_s // ring.unit_s, (start_s + period.step_s) // ring.unit_s)
        yield CountedStep(
            start_s, total(records[unit] for unit in units if unit in records)
        )


def _records(
    file: int, ring: _Ring, first: int, last: int
) -> Iterator[tuple[int, Counts]]:
    """Yield number and counts of the records from *first* to before *last*."""
    last = min(last, first + ring.records)
    turn = (first // ring.records + 1) * ring.records
    for begin, end in ((first, min(last, turn)), (min(last, turn), last)):
        data = _read(file, ring, begin, end - begin)
        for index, unit in enumerate(range(begin, end)):
            part = data[index * _RECORD.size : (index + 1) * _RECORD.size]
            counts = _counts_of(part, unit)
            if counts.requests:
                yield unit, counts


def _read(file: int, ring: _Ring, unit: int, records: int) -> bytes:
    return os.pread(file, records * _RECORD.size, ring.position(unit))


def _write(file: int, ring: _Ring, unit: int, counts: Counts) -> None:
    times = [counts.times.get(number, 0) for number in range(CLASSES)]
    numbers = [counts.requests, counts.errors, counts.server_errors, *times]
    data = _RECORD.pack(unit, *(min(number, _MOST) for number in numbers))
    os.pwrite(file, data, ring.position(unit))


def _counts_of(data: bytes, unit: int) -> Counts:
    """Return the counts in a record; none if it is of another time, or damaged."""
    if len(data) < _RECORD.size:
        return Counts()
    found, requests, errors, server_errors, *times = _RECORD.unpack(data)
    if found != unit or not server_errors <= errors <= requests >= sum(times):
        return Counts()
    return Counts(
        requests=requests,
        errors=errors,
        server_errors=server_errors,
        times={number: many for number, many in enumerate(times) if many},
    )


def _since(header: bytes) -> float | None:
    if len(header) < _HEADER.size:
        return None
    magic, since_s = _HEADER.unpack(header)
    return float(since_s) if magic == _MAGIC else None
