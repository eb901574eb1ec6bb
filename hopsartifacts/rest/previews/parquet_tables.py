"""Rows and schema of Parquet files."""

from time import monotonic
from typing import Any

from hopsartifacts.rest.previews.csv_tables import MOST_COLUMNS, MOST_OUT, cut
from hopsartifacts.rest.previews.documents import Table, TableColumn
from hopsartifacts.rest.previews.file_bytes import (
    FileBytes,
    ReadableFile,
    UnreadableError,
)

_BUFFER_BYTES = 64 * 1024
_LONGEST_S = 5.0


def parquet_table(file: FileBytes, offset: int, rows: int, notes: list[str]) -> Table:
    """Return the schema, and at most *rows* rows from row *offset* on.

    Adds to *notes* what was left out.

    Raises:
        UnreadableError: pyarrow is not installed, or it cannot read the file.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional
        from pyarrow import parquet  # noqa: PLC0415 - optional
    except ImportError as error:
        raise UnreadableError(
            "pyarrow, which reads Parquet, is not installed on the server: "
            "pip install 'hopsartifacts[catalog]'"
        ) from error
    try:
        opened = parquet.ParquetFile(
            pa.PythonFile(ReadableFile(file), mode="r"),
            pre_buffer=False,
            buffer_size=_BUFFER_BYTES,
        )
        return _table(opened, offset, rows, notes)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise UnreadableError(f"pyarrow cannot read it: {cut(str(error))}") from error


def _table(opened: Any, offset: int, most: int, notes: list[str]) -> Table:
    schema, metadata = opened.schema_arrow, opened.metadata
    shown = list(schema)[:MOST_COLUMNS]
    if len(shown) < len(schema):
        notes.append(f"the first {len(shown)} of {len(schema)} columns are shown")
    found: list[list[str | None]] = []
    try:
        _collect(opened, [it.name for it in shown], offset, most, found)
    except UnreadableError as error:
        notes.append(f"rows are missing: {error}")
    following = offset + len(found)
    return Table(
        format="parquet",
        columns=[
            TableColumn(cut(it.name), cut(str(it.type)), is_number=_is_number(it.type))
            for it in shown
        ],
        rows=found,
        rows_in_file=metadata.num_rows,
        columns_in_file=len(schema),
        next=following if found and following < metadata.num_rows else None,
    )


def _collect(
    opened: Any,
    names: list[str],
    offset: int,
    most: int,
    found: list[list[str | None]],
) -> None:
    """Add rows to *found*, as long as there is time and room."""
    end = monotonic() + _LONGEST_S
    size = 0
    groups = range(opened.metadata.num_row_groups)
    for group in groups:
        count = opened.metadata.row_group(group).num_rows
        if offset >= count:
            offset -= count
            continue
        for batch in opened.iter_batches(
            batch_size=1000, row_groups=[group], columns=names, use_threads=False
        ):
            if monotonic() > end:
                raise UnreadableError("they are too far into the file to be found soon")
            for row in batch.slice(min(offset, len(batch))).slice(0, most).to_pylist():
                cells = [_text(row.get(name)) for name in names]
                size += sum(len(it or "") + 4 for it in cells)
                if len(found) == most or (found and size > MOST_OUT):
                    return
                found.append(cells)
            offset = max(0, offset - len(batch))
        if len(found) == most:
            return


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return cut(value[:1000].hex())
    return cut(value if isinstance(value, str) else str(value))


def _is_number(kind: object) -> bool:
    return str(kind).startswith(("int", "uint", "float", "double", "half", "decimal"))
