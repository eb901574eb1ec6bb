"""The schema of an inference log, and its Parquet files.

There is one row per message, with the fields of Hopsworks' topic ``inferencelog`` and
two more. The metadata of a file gives the offset at which its part of the segment ends.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from hopsartifacts.errors import IntegrityError
from hopsartifacts.serving.inference_log.spool import Origin, Record

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
        raise _foreign(path, error) from error


def table_of(data: bytes, path: str) -> pa.Table:
    """Return the rows of a file.

    Raises:
        IntegrityError: it is not a file of an inference log.
    """
    try:
        table = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
        return table.replace_schema_metadata(None).select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise _foreign(path, error) from error


def _foreign(path: str, error: Exception) -> IntegrityError:
    return IntegrityError(
        f"{path!r} is not a file of an inference log, or is damaged ({error}): move it "
        "away"
    )


def _text(message: bytes) -> str:
    # A message that is not text was refused as JSON, and is logged nonetheless.
    return message.decode("utf-8", "backslashreplace")
