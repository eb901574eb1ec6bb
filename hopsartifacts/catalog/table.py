"""The catalog as one table: its columns and rows, its other forms, and its cache.

There is a row for each model version. The cache is a Parquet file in the project, and a
projection of the logs: any process may replace it, and a file that cannot be read is
treated as missing. Its metadata contains the newest entries of the logs that it was
built from; as both are in one file, they always match.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.catalog.newest_entries import NewestEntries
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import DeploymentVersion
from hopsartifacts.documents import decode, encode
from hopsartifacts.errors import FormatError, PathNotFoundError, StorageError
from hopsartifacts.registry.documents import VersionRecord
from hopsartifacts.storage.contract import Storage

Row = dict[str, Any]

_TIME = pa.timestamp("us", tz="UTC")

ARTIFACT = pa.struct(
    [
        pa.field("version", pa.int64()),
        pa.field("identity", pa.string()),
        pa.field("files", pa.list_(pa.string())),
        pa.field("size_bytes", pa.int64()),
    ]
)
DEPLOYMENT = pa.struct(
    [
        pa.field("name", pa.string()),
        pa.field("version", pa.int64()),
        pa.field("active", pa.bool_()),
        pa.field("artifact_version", pa.int64()),
        pa.field("model_server", pa.string()),
        pa.field("serving_tool", pa.string()),
        pa.field("created", _TIME),
        pa.field("creator", pa.string()),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("model", pa.string()),
        pa.field("version", pa.int64()),
        pa.field("id", pa.string()),
        pa.field("framework", pa.string()),
        pa.field("description", pa.string()),
        pa.field("created", _TIME),
        pa.field("creator", pa.string()),
        pa.field("files", pa.int64()),
        pa.field("size_bytes", pa.int64()),
        pa.field("manifest", pa.string()),
        pa.field("metrics", pa.map_(pa.string(), pa.float64())),
        pa.field("tags", pa.string()),
        pa.field("aliases", pa.list_(pa.string())),
        pa.field("artifacts", pa.list_(ARTIFACT)),
        pa.field("deployments", pa.list_(DEPLOYMENT)),
    ]
)
CATALOG_FORMAT = 1
"""Increased when the columns change; a file with another number is rebuilt."""

_KEY = b"hopsartifacts.catalog"


def version_part(
    model: str, number: int, version: VersionRecord, aliases: list[str]
) -> Row:
    """Return the columns that come from the model's log."""
    return {
        "model": model,
        "version": number,
        "id": version.id,
        "framework": version.framework,
        "description": version.description,
        "created": datetime.fromisoformat(version.created),
        "creator": version.creator,
        "files": version.files,
        "size_bytes": version.size_bytes,
        "manifest": version.sha256,
        "metrics": [(name, _double(value)) for name, value in version.metrics.items()],
        "tags": encode(version.tags).decode(),
        "aliases": aliases,
    }


def artifact_items(versions: Mapping[int, ArtifactVersion]) -> list[Row]:
    """Return the items of ``artifacts``, without version 0, which always exists."""
    return [
        {
            "version": number,
            "identity": artifact.identity,
            "files": [file.path for file in artifact.files],
            "size_bytes": sum(file.digest.size_bytes for file in artifact.files),
        }
        for number, artifact in versions.items()
        if number
    ]


def deployment_items(state: Deployed) -> dict[tuple[str, int], list[Row]]:
    """Return the items of ``deployments``, by the model version that they pin."""
    found: dict[tuple[str, int], list[Row]] = {}
    for version in state.versions.values():
        pin = version.specification.model
        item = _deployment_item(version, is_active=version.version == state.active)
        found.setdefault((pin.name, pin.version), []).append(item)
    return found


def table_of(rows: list[Row]) -> pa.Table:
    """Return *rows* as a table."""
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def of_model(table: pa.Table, model: str) -> pa.Table:
    """Return the rows of *table*, a table of the catalog, that are of one model."""
    return table.filter(pc.equal(table.column("model"), model))


def plain_row(row: Row) -> Row:
    """Return a row of a table with its metrics and tags as dictionaries."""
    if "metrics" not in row:
        return row
    tags = msgspec.json.decode(row["tags"])
    return {**row, "metrics": dict(row["metrics"]), "tags": tags}


def csv_of(table: pa.Table) -> bytes:
    """Return *table* as CSV, with nested values as JSON."""
    for number, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            values = table.column(number).to_pylist()
            if pa.types.is_map(field.type):
                values = map(dict, values)
            texts = pa.array([encode(it).decode() for it in values], pa.string())
            table = table.set_column(number, field.name, texts)
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink)
    return _bytes_of(sink)


def parquet_of(table: pa.Table) -> bytes:
    """Return *table* as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return _bytes_of(sink)


def arrow_of(table: pa.Table) -> bytes:
    """Return *table* as a stream in Arrow's IPC format."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return _bytes_of(sink)


def _bytes_of(sink: pa.BufferOutputStream) -> bytes:
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _deployment_item(version: DeploymentVersion, *, is_active: bool) -> Row:
    specification = version.specification
    return {
        "name": specification.name,
        "version": version.version,
        "active": is_active,
        "artifact_version": specification.artifact.version,
        "model_server": specification.model_server,
        "serving_tool": specification.serving_tool,
        "created": datetime.fromisoformat(version.created),
        "creator": version.creator,
    }


def _double(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:  # an integer beyond the range of a double
        return None


class KeptCatalog(msgspec.Struct, frozen=True, kw_only=True):
    """A catalog, and the newest of the logs that it was built from."""

    table: pa.Table
    newest: NewestEntries


class _Stamp(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    newest: NewestEntries


NOTHING = KeptCatalog(table=SCHEMA.empty_table(), newest=NewestEntries())


def load(storage: Storage) -> KeptCatalog:
    """Return the cached catalog, or an empty one if none can be read."""
    try:
        data = storage.read(layout.CATALOG)
        table = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
        metadata = table.schema.metadata or {}
        stamp = decode(metadata.get(_KEY, b""), _Stamp, layout.CATALOG)
    except (PathNotFoundError, FormatError, pa.ArrowException, OSError, ValueError):
        return NOTHING
    bare = table.replace_schema_metadata(None)
    if stamp.format != CATALOG_FORMAT or not bare.schema.equals(SCHEMA):
        return NOTHING
    return KeptCatalog(table=bare, newest=stamp.newest)


def keep(storage: Storage, kept: KeptCatalog) -> None:
    """Write the catalog; ignore errors, as the user may have read access only."""
    stamp = encode(_Stamp(format=CATALOG_FORMAT, newest=kept.newest))
    sink = pa.BufferOutputStream()
    pq.write_table(
        kept.table.replace_schema_metadata({_KEY: stamp}),
        sink,
        compression="zstd",
        write_page_checksum=True,
    )
    with suppress(StorageError):
        storage.write(layout.CATALOG, [_bytes_of(sink)])
