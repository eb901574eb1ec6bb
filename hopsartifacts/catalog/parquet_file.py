"""The cache of the catalog: one Parquet file in the project.

The file is a projection of the logs: any process may replace it, and a file that cannot
be read is treated as missing. Its metadata contains the marks of the logs that it was
built from; as both are in one file, they always match.
"""

from contextlib import suppress

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from hopsartifacts import layout
from hopsartifacts.catalog.heads import Heads
from hopsartifacts.catalog.rows import SCHEMA
from hopsartifacts.documents import decode, encode
from hopsartifacts.errors import FormatError, PathNotFoundError, StorageError
from hopsartifacts.storage.contract import Storage

CATALOG_FORMAT = 1
"""Increased when the columns change; a file with another number is rebuilt."""

_KEY = b"hopsartifacts.catalog"


class KeptCatalog(msgspec.Struct, frozen=True, kw_only=True):
    """A catalog, and the marks of the logs that it was built from."""

    table: pa.Table
    heads: Heads


class _Stamp(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    heads: Heads


NOTHING = KeptCatalog(table=SCHEMA.empty_table(), heads=Heads())


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
    return KeptCatalog(table=bare, heads=stamp.heads)


def keep(storage: Storage, kept: KeptCatalog) -> None:
    """Write the catalog; ignore errors, as the user may have read access only."""
    stamp = encode(_Stamp(format=CATALOG_FORMAT, heads=kept.heads))
    sink = pa.BufferOutputStream()
    pq.write_table(
        kept.table.replace_schema_metadata({_KEY: stamp}),
        sink,
        compression="zstd",
        write_page_checksum=True,
    )
    with suppress(StorageError):
        storage.write(layout.CATALOG, [sink.getvalue().to_pybytes()])
