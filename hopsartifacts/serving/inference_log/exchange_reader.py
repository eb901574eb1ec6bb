"""Reading an inference log as exchanges: the newest ones page by page, and how many.

A log may have millions of rows, and a file of it does not say by its name when its
exchanges took place. So files are read newest first, as far as a budget allows, and
what is known about a file is remembered: files of a log never change. An answer says
how far it goes, and the next one continues there.
"""

import heapq
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.serving.contract import DeploymentKey
from hopsartifacts.serving.inference_log.data_set import (
    RowFilter,
    days,
    foreign,
    table_of,
)
from hopsartifacts.serving.inference_log.exchanges import (
    Exchanges,
    KnownFiles,
    LoggedExchange,
    Mark,
    Span,
)
from hopsartifacts.serving.traffic import CountedStep, Period, Tally, Traffic
from hopsartifacts.storage.contract import FileInfo, Storage

BUDGET_BYTES = 64 * 1024 * 1024
"""The most bytes of a log to read for one answer."""
_COUNTED_BYTES = 32 * 1024
"""What reading a file without its payloads counts as, on a local disk."""
_NEAR_CLOCK_MS, _FAR_CLOCK_MS = 2_000, 60_000
"""How far the clock of the storage may be behind that of the worker."""
_TIME, _STATUS, _KIND = "requestTimestamp", "responseHttpCode", "messageType"
_SERVING = "servingId"


class _Reader:
    """Reads files of one log within a budget."""

    def __init__(
        self, storage: Storage, deployment: DeploymentKey, known: KnownFiles
    ) -> None:
        self._storage = storage
        self._deployment = deployment
        self._known = known
        self._is_near = storage.local_path("") is not None
        self.left_bytes = BUDGET_BYTES

    @property
    def is_spent(self) -> bool:
        """Whether the budget is spent."""
        return self.left_bytes <= 0

    def files(self, day: str) -> Iterator[FileInfo]:
        """Yield the files of a day."""
        folder = layout.inference_log_day(self._deployment.name, day)
        for entry in self._storage.list(folder):
            if layout.inference_log_version_of(entry.name) is not None:
                yield entry

    def span(self, file: FileInfo) -> Span | None:
        """Return when the exchanges of *file* took place, if that is known."""
        return self._known.find(file.path)

    def upper_ms(self, file: FileInfo, day: str) -> int:
        """Return a time that no exchange in *file* is later than."""
        span = self.span(file)
        if span is not None:
            return span.last_ms
        end_ms = (_day_s(day) + 24 * 3600) * 1000
        if file.modified is None:
            return end_ms
        slack_ms = _NEAR_CLOCK_MS if self._is_near else _FAR_CLOCK_MS
        return min(end_ms, round(file.modified * 1000) + slack_ms)

    def times(self, file: FileInfo) -> pa.Table:
        """Return the rows of *file* without their payloads."""
        columns = [_SERVING, _TIME, _STATUS, _KIND]
        local = self._storage.local_path(file.path)
        if local is None:
            table = self.rows(file).select(columns)
        else:
            self.left_bytes -= min(file.size_bytes, _COUNTED_BYTES)
            try:
                table = pq.read_table(str(local), columns=columns, partitioning=None)
            except (pa.ArrowException, OSError, KeyError, ValueError) as error:
                raise foreign(file.path, error) from error
        self._note(file, table)
        return table

    def rows(self, file: FileInfo) -> pa.Table:
        """Return the rows of *file*."""
        self.left_bytes -= file.size_bytes
        table = table_of(self._storage.read(file.path), file.path)
        self._note(file, table)
        return table

    def exchanges(self, file: FileInfo) -> list[LoggedExchange]:
        """Return the exchanges in *file*."""
        found: dict[tuple[int, str], LoggedExchange] = {}
        listed: list[LoggedExchange] = []
        for row, message in enumerate(self.rows(file).to_pylist()):
            if message[_SERVING] != self._deployment.id:
                continue
            time_ms = round(message[_TIME].timestamp() * 1000)
            key = time_ms, message["inferenceId"]
            before = found.get(key)
            name = "request" if message[_KIND] == "request" else "answer"
            if before is not None and getattr(before, name) is None:
                # The second message of the exchange before.
                payload = {name: message["payload"]}
                listed[-1] = replace(before, **payload)
                del found[key]
                continue
            exchange = _exchange(Mark(time_ms, file.name, row), message, name)
            listed.append(exchange)
            found = {key: exchange}
        return listed

    def _note(self, file: FileInfo, table: pa.Table) -> None:
        if len(table):
            ends = pc.min_max(table[_TIME]).as_py()
            first, last = (round(ends[it].timestamp() * 1000) for it in ("min", "max"))
            self._known.note(file.path, Span(first, last))
        else:
            self._known.note(file.path, Span(0, 0))


def newest(
    storage: Storage,
    deployment: DeploymentKey,
    known: KnownFiles,
    limit: int,
    before: Mark | None = None,
) -> Exchanges:
    """Return up to *limit* exchanges, newest first, that took place before a mark.

    There may be fewer although *next* is not None, if the budget was spent.

    Raises:
        IntegrityError: a file in the folder does not belong there, or is damaged.
        StorageError: the project does not answer.
    """
    reader = _Reader(storage, deployment, known)
    found: list[LoggedExchange] = []
    until = None if before is None else _moment(before.time_ms)
    for day in _days(storage, deployment, RowFilter(until=until)):
        # The file whose last exchange may be the newest comes first.
        heap = [(-reader.upper_ms(it, day), it.name, it) for it in reader.files(day)]
        heapq.heapify(heap)
        while heap:
            upper_ms, name, file = heapq.heappop(heap)
            if len(found) > limit and found[limit].mark.time_ms > -upper_ms:
                break
            certain = Mark(1 - upper_ms)
            # Otherwise the next answer would begin where this one did.
            is_progress = before is None or certain < before
            if reader.is_spent and is_progress:
                return _page(found, limit, certain)
            span = reader.span(file)
            if span is None:
                reader.times(file)
                heapq.heappush(heap, (-reader.upper_ms(file, day), name, file))
                continue
            if before is not None and span.first_ms > before.time_ms:
                continue
            listed = reader.exchanges(file)
            found += [it for it in listed if before is None or it.mark < before]
            found.sort(key=lambda it: it.mark, reverse=True)
            del found[2 * limit + 2 :]
        if len(found) > limit:
            break
    return _page(found, limit)


def counts(
    storage: Storage, deployment: DeploymentKey, period: Period, known: KnownFiles
) -> Traffic:
    """Return how many requests were logged in each step of *period*, newest first read.

    ``since_s`` says how far back the answer goes: it is the start of the period, unless
    the budget was spent before. The log does not have the durations of requests.

    Raises:
        IntegrityError: a file in the folder does not belong there, or is damaged.
        StorageError: the project does not answer.
    """
    reader = _Reader(storage, deployment, known)
    tallies = {start: Tally() for start in period.starts()}
    since_ms = period.start_s * 1000
    until = _moment(period.end_s * 1000 - 1)
    wanted = RowFilter(since=_moment(since_ms), until=until)
    files = [
        (-reader.upper_ms(it, day), it.name, it)
        for day in _days(storage, deployment, wanted)
        for it in reader.files(day)
    ]
    for upper_ms, _, file in sorted(files, key=lambda it: it[:2]):
        if -upper_ms < since_ms:
            break
        if reader.is_spent:
            since_ms = -upper_ms
            break
        _count(reader.times(file), deployment, period, tallies)
    steps = [
        CountedStep(start, tally.take())
        for start, tally in tallies.items()
        if start * 1000 >= since_ms
    ]
    return Traffic(since_s=since_ms / 1000, steps=steps)


def _count(
    table: pa.Table,
    deployment: DeploymentKey,
    period: Period,
    tallies: dict[int, Tally],
) -> None:
    table = table.filter(pc.field(_SERVING) == deployment.id)
    # A version logs requests, answers or both; a file is of one version.
    if "request" in table[_KIND].unique().to_pylist():
        table = table.filter(pc.field(_KIND) == "request")
    first_ms, end_ms = period.start_s * 1000, period.end_s * 1000
    table = table.set_column(
        table.schema.get_field_index(_TIME), _TIME, table[_TIME].cast(pa.int64())
    )
    time = pc.field(_TIME)
    table = table.filter((time >= first_ms) & (time < end_ms))
    ahead_ms = pc.subtract(table[_TIME], first_ms)
    numbers = pc.divide(ahead_ms, period.step_s * 1000)
    grouped = pa.table({"step": numbers, "status": table[_STATUS]})
    groups = grouped.group_by(["step", "status"]).aggregate([([], "count_all")])
    for group in groups.to_pylist():
        start = period.start_s + group["step"] * period.step_s
        tallies[start].count(group["status"], many=group["count_all"])


def _page(
    found: list[LoggedExchange], limit: int, certain: Mark | None = None
) -> Exchanges:
    """Return the first exchanges; of those before *certain* some may be missing."""
    items = [it for it in found if certain is None or it.mark >= certain]
    if len(items) > limit:
        return Exchanges(items=items[:limit], next=items[limit - 1].mark)
    return Exchanges(items=items, next=certain)


def _exchange(mark: Mark, message: dict[str, Any], name: str) -> LoggedExchange:
    payloads = {"request": None, "answer": None, name: message["payload"]}
    return LoggedExchange(
        mark=mark,
        id=message["inferenceId"],
        deployment_version=message["deploymentVersion"],
        model_version=message["modelVersion"],
        status=message[_STATUS],
        **payloads,
    )


def _days(
    storage: Storage, deployment: DeploymentKey, wanted: RowFilter
) -> Iterator[str]:
    for day in days(storage, deployment.name, wanted):
        with suppress(ValueError):  # a folder of another name
            _day_s(day)
            yield day


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def _day_s(day: str) -> int:
    return round(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp())
