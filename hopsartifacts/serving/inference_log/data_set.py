"""The data set of an inference log: its schema, its Parquet files, and reading them.

There is one row per message, with the fields of Hopsworks' topic ``inferencelog`` and
two more. The metadata of a file gives the offset at which its part of the segment ends.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hopsartifacts import layout
from hopsartifacts.errors import IntegrityError, InvalidInputError
from hopsartifacts.machine.workers import Stop, each_result
from hopsartifacts.names import plain_number
from hopsartifacts.serving.contract import DeploymentKey
from hopsartifacts.serving.inference_log.spool import Origin, Record
from hopsartifacts.storage.contract import Storage
from hopsartifacts.times import moment

MessageType = Literal["request", "response"]

SCHEMA = pa.schema(
    [
        pa.field("servingId", pa.string(), nullable=False),
        pa.field("deploymentName", pa.string(), nullable=False),
        pa.field("deploymentVersion", pa.int32(), nullable=False),
        pa.field("modelName", pa.string(), nullable=False),
        pa.field("modelVersion", pa.int32(), nullable=False),
        pa.field("requestTimestamp", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("responseHttpCode", pa.int32(), nullable=False),
        pa.field("inferenceId", pa.string(), nullable=False),
        pa.field("messageType", pa.string(), nullable=False),
        pa.field("payload", pa.string(), nullable=False),
    ]
)
ORDER = [
    ("requestTimestamp", "ascending"),
    ("inferenceId", "ascending"),
    ("messageType", "ascending"),
]

_END = b"hopsartifacts.end"


def messages(record: Record) -> Iterable[tuple[MessageType, str]]:
    """Yield the logged messages of an exchange."""
    if record.request is not None:
        yield "request", _text(record.request)
    if record.answer is not None:
        yield "response", _text(record.answer)


def row(origin: Origin, record: Record, kind: str, payload: str) -> dict[str, Any]:
    """Return one message as a row of the log."""
    return {
        "servingId": origin.deployment_id,
        "deploymentName": origin.deployment,
        "deploymentVersion": origin.deployment_version,
        "modelName": origin.model,
        "modelVersion": origin.model_version,
        "requestTimestamp": record.received_ms,
        "responseHttpCode": record.status,
        "inferenceId": record.id,
        "messageType": kind,
        "payload": payload,
    }


def date_of(record: Record) -> str:
    """Return the day, in UTC, under which a record is filed."""
    return datetime.fromtimestamp(record.received_ms / 1000, UTC).date().isoformat()


def file_of(origin: Origin, records: Sequence[Record], end: int) -> bytes:
    """Return *records* as a Parquet file, with the offset *end* in its metadata."""
    rows = [
        row(origin, record, kind, payload)
        for record in records
        for kind, payload in messages(record)
    ]
    columns = {name: [one[name] for one in rows] for name in SCHEMA.names}
    table = pa.table(columns, schema=SCHEMA.with_metadata({_END: str(end).encode()}))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return bytes(sink.getvalue().to_pybytes())


def end_of(data: bytes, path: str) -> int:
    """Return the offset in the segment at which the records of a file end.

    Raises:
        IntegrityError: it is not a file of an inference log.
    """
    try:
        metadata = pq.read_schema(pa.BufferReader(data)).metadata or {}
        return int(metadata[_END])
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise foreign(path, error) from error


def table_of(data: bytes, path: str) -> pa.Table:
    """Return the rows of a file.

    Raises:
        IntegrityError: it is not a file of an inference log.
    """
    try:
        table = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
        return table.replace_schema_metadata(None).select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise foreign(path, error) from error


def foreign(path: str, error: Exception) -> IntegrityError:
    """Return the refusal of a file that is not one of a log."""
    return IntegrityError(
        f"{path!r} is not a file of an inference log, or is damaged ({error}): move it "
        "away"
    )


def _text(message: bytes) -> str:
    # A message that is not text was refused as JSON, and is logged nonetheless.
    return message.decode("utf-8", "backslashreplace")


class RowFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The rows to return."""

    since: datetime | None = None
    until: datetime | None = None
    """Exclusive."""
    version: int | None = None
    message_type: MessageType | None = None
    limit: int | None = None
    """The most rows to return; the newest are kept."""


def row_filter(
    since: Any,
    until: Any,
    version: int | None,
    message_type: str | None,
    limit: int | None,
) -> RowFilter:
    """Return the checked arguments; ``times.moment`` lists the accepted points in time.

    Raises:
        InvalidInputError: an argument is not valid.
    """
    kinds = get_args(MessageType)
    if message_type is not None and message_type not in kinds:
        raise InvalidInputError(
            f"message_type {message_type!r}: use one of {', '.join(kinds)}"
        )
    return RowFilter(
        since=None if since is None else moment(since, "since"),
        until=None if until is None else moment(until, "until"),
        version=_positive("version", version),
        message_type=message_type,  # type: ignore[arg-type]  # checked above
        limit=_positive("limit", limit),
    )


def _positive(name: str, given: object) -> int | None:
    if given is None:
        return None
    number = plain_number(given)
    if number is None or number <= 0:
        raise InvalidInputError(
            f"{name} is {given!r}: give a positive whole number, or leave it out"
        )
    return number


def read(storage: Storage, deployment: DeploymentKey, wanted: RowFilter) -> pa.Table:
    """Return the requested rows, ordered by the time of their request.

    Rows of an earlier deployment of the same name, in the same folder, are skipped.

    Raises:
        IntegrityError: a file in the folder does not belong there, or is damaged.
        StorageError: the project does not answer.
    """
    found: list[pa.Table] = []
    rows = 0
    for day in days(storage, deployment.name, wanted):
        paths = [
            entry.path
            for entry in storage.list(layout.inference_log_day(deployment.name, day))
            if _may_hold(entry.name, wanted)
        ]

        def one(path: str, _: Stop) -> pa.Table:
            return _chosen(table_of(storage.read(path), path), deployment.id, wanted)

        tables = each_result(one, paths, max(storage.capabilities.workers, 1))
        found += tables
        rows += sum(map(len, tables))
        if wanted.limit is not None and rows >= wanted.limit:
            # Earlier days have only older rows.
            break
    table = pa.concat_tables([SCHEMA.empty_table(), *found]).sort_by(ORDER)
    if wanted.limit is not None and len(table) > wanted.limit:
        table = table.slice(len(table) - wanted.limit)
    return table.combine_chunks()


def read_drops(storage: Storage, deployment: DeploymentKey) -> int:
    """Return how many exchanges could not be logged, according to the project."""
    most: dict[str, int] = {}
    folder = layout.inference_log_drops(deployment.name, "", 0).rpartition("/")[0]
    for entry in storage.list(folder):
        if told := layout.inference_log_drops_of(entry.name):
            writer, count = told
            if not writer.startswith(f"{deployment.id}-"):
                continue
            most[writer] = max(count, most.get(writer, 0))
    return sum(most.values())


def days(storage: Storage, deployment: str, wanted: RowFilter) -> Iterator[str]:
    """Yield the days that may have requested rows, newest first."""
    folder = layout.inference_log_dir(deployment)
    found = [
        day
        for entry in storage.list(folder)
        if (day := layout.inference_log_day_of(entry.name))
    ]
    first = wanted.since.date().isoformat() if wanted.since else ""
    last = wanted.until.date().isoformat() if wanted.until else "~"
    yield from (day for day in sorted(found, reverse=True) if first <= day <= last)


def _may_hold(name: str, wanted: RowFilter) -> bool:
    version = layout.inference_log_version_of(name)
    return version is not None and wanted.version in {None, version}


def _chosen(table: pa.Table, deployment_id: str, wanted: RowFilter) -> pa.Table:
    keep = [pc.field("servingId") == deployment_id]
    time = pc.field("requestTimestamp")
    kind = SCHEMA.field("requestTimestamp").type
    if wanted.since is not None:
        # Round up to a millisecond, which is the precision of the rows.
        keep.append(time >= pa.scalar(_rounded_up(wanted.since), kind))
    if wanted.until is not None:
        keep.append(time < pa.scalar(_rounded_up(wanted.until), kind))
    if wanted.version is not None:
        keep.append(pc.field("deploymentVersion") == wanted.version)
    if wanted.message_type is not None:
        keep.append(pc.field("messageType") == wanted.message_type)
    for condition in keep:
        table = table.filter(condition)
    return table


def _rounded_up(moment: datetime) -> datetime:
    rest = moment.microsecond % 1000
    return moment if not rest else moment + timedelta(microseconds=1000 - rest)
