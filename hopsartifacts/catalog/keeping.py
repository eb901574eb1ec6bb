"""The catalog as a Parquet file of the project: one file, so that nothing disagrees.

It is a projection: anybody may write it again, and whatever cannot be read is taken for
not there. How far the logs were when it was read travels in its metadata.
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
"""Goes up with the columns; a file with another number is built anew."""

_KEY = b"hopsartifacts.catalog"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A catalog, and how far the logs were when it was read."""

    table: pa.Table
    heads: Heads


class _Stamp(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    heads: Heads


NOTHING = Kept(table=SCHEMA.empty_table(), heads=Heads())


def load(storage: Storage) -> Kept:
    """Return the kept catalog; an empty one if there is none that can be read."""
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
    return Kept(table=bare, heads=stamp.heads)


def keep(storage: Storage, kept: Kept) -> None:
    """Write the catalog where that is allowed; who may only read goes without."""
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
