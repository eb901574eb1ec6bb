"""The command ``hopsartifacts catalog``."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
import msgspec

from hopsartifacts.cli.output import size, table
from hopsartifacts.cli.session import Session, project_argument
from hopsartifacts.documents import encode
from hopsartifacts.machine.atomic_write import check_free, written_aside
from hopsartifacts.machine.local_paths import file_path

Row = dict[str, Any]

KINDS = ("models", "metrics", "artifacts", "deployments")

_MODEL: dict[str, Callable[[Row], object]] = {
    "model": lambda row: row["model"],
    "version": lambda row: row["version"],
    "framework": lambda row: row["framework"],
    "created": lambda row: row["created"],
    "files": lambda row: row["files"],
    "size": lambda row: size(row["size_bytes"]),
    "metrics": lambda row: [f"{name}={it}" for name, it in row["metrics"].items()],
    "aliases": lambda row: row["aliases"],
    "artifacts": lambda row: [it["version"] for it in row["artifacts"]],
    "deployments": lambda row: sorted({it["name"] for it in row["deployments"]}),
}
"""The columns of the table of models for a terminal, and how to make their cells."""


@click.command("catalog")
@click.option("--kind", type=click.Choice(KINDS), default="models", show_default=True)
@click.option(
    "--csv", metavar="FILE", help="Write a CSV file, with nested values as JSON."
)
@click.option("--parquet", metavar="FILE", help="Write a Parquet file.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@project_argument
def command(
    session: Session,
    kind: str,
    csv: str | None,
    parquet: str | None,
    *,
    overwrite: bool,
) -> None:
    """Show or write a table of everything in the project."""
    if csv is not None and parquet is not None:
        raise click.UsageError("--csv and --parquet cannot be combined: give one")
    file_name = parquet if csv is None else csv
    target = None if file_name is None else file_path(file_name)
    if target:
        check_free(target, overwrite=overwrite)
    catalog = session.project().catalog(kind)
    if target:
        data = _as_parquet(catalog) if csv is None else _as_csv(catalog)
        with written_aside(target, overwrite=overwrite) as file:
            file.write(data)
        document = {"file": str(target), "rows": catalog.num_rows}
        rows_text = "1 row" if catalog.num_rows == 1 else f"{catalog.num_rows} rows"
        session.show(document, f"{target}: {rows_text}")
        return
    rows = [_plain(row) for row in catalog.to_pylist()]
    session.show(rows, _text(kind, catalog.column_names, rows))


def _plain(row: Row) -> Row:
    """Return *row* with its metrics and tags as dictionaries."""
    if "metrics" not in row:
        return row
    tags = msgspec.json.decode(row["tags"])
    return {**row, "metrics": dict(row["metrics"]), "tags": tags}


def _text(kind: str, names: list[str], rows: list[Row]) -> str:
    if kind == "models":
        names = list(_MODEL)
        rows = [{name: pick(row) for name, pick in _MODEL.items()} for row in rows]
    header = [name.upper() for name in names]
    cells = ([_cell(row[name]) for name in names] for row in rows)
    return table(header, cells, f"no {kind}")


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()[:19]
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value


def _as_csv(catalog: Any) -> bytes:
    # Imported late, so that --help works without pyarrow and does not wait for it.
    import pyarrow as pa  # noqa: PLC0415 - see above
    from pyarrow import csv  # noqa: PLC0415 - see above

    for number, field in enumerate(catalog.schema):
        if pa.types.is_nested(field.type):
            values = catalog.column(number).to_pylist()
            if pa.types.is_map(field.type):
                values = map(dict, values)
            texts = pa.array([encode(it).decode() for it in values], pa.string())
            catalog = catalog.set_column(number, field.name, texts)
    sink = pa.BufferOutputStream()
    csv.write_csv(catalog, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _as_parquet(catalog: Any) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - late, as in `_as_csv`
    from pyarrow import parquet  # noqa: PLC0415 - as above

    sink = pa.BufferOutputStream()
    parquet.write_table(catalog, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data
