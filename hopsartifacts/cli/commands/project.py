"""The commands for a whole project: its own files, tables, bundles and checks."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
import msgspec

from hopsartifacts.cli.output import progress, size, table
from hopsartifacts.cli.session import (
    YES,
    Session,
    confirm,
    project_argument,
    project_options,
)
from hopsartifacts.cli.values import model_choice, seconds
from hopsartifacts.guard.gc import GRACE_S
from hopsartifacts.machine.atomic_write import check_free, written_aside
from hopsartifacts.machine.local_paths import file_path

PATH = click.argument("path")
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace existing files.")
OVERWRITE_FILE = click.option(
    "--overwrite", is_flag=True, help="Replace an existing file."
)
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
BUNDLE = click.argument("file")


@click.group("files")
def files() -> None:
    """List, copy and delete your own files; managed folders can only be read."""


@files.command("list")
@click.argument("path", default="")
@project_options
def list_files(session: Session, path: str) -> None:
    """List the files and folders in a folder of the project."""
    found = session.project().get_dataset_api().list(path)
    session.show(found, "\n".join(found))


@files.command()
@click.argument("local_path")
@click.option("--to", default="Resources", show_default=True, help="Target folder.")
@OVERWRITE
@project_options
def upload(session: Session, local_path: str, to: str, *, overwrite: bool) -> None:
    """Copy a file or folder into a folder of the project."""
    api = session.project(may_be_new=True).get_dataset_api()
    path = api.upload(local_path, to, overwrite=overwrite)
    session.show({"path": path}, path)


@files.command()
@PATH
@click.option("--to", help="Target; by default the working directory.")
@OVERWRITE
@project_options
def download(session: Session, path: str, to: str | None, *, overwrite: bool) -> None:
    """Copy one file to this machine."""
    api = session.project().get_dataset_api()
    target = api.download(path, to, overwrite=overwrite)
    session.show({"path": target}, target)


@files.command()
@PATH
@YES
@project_options
def remove(session: Session, path: str, *, yes: bool) -> None:
    """Delete a file or folder of your own."""
    api = session.project().get_dataset_api()
    confirm(f"Delete {path}?", yes=yes)
    api.remove(path)
    session.show({"path": path}, f"Deleted {path}")


@click.command("catalog")
@click.option("--kind", type=click.Choice(KINDS), default="models", show_default=True)
@click.option(
    "--csv", metavar="FILE", help="Write a CSV file, with nested values as JSON."
)
@click.option("--parquet", metavar="FILE", help="Write a Parquet file.")
@OVERWRITE_FILE
@project_argument
def catalog(
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
    found = session.project().catalog(kind)
    # Imported late, so that --help works without pyarrow and does not wait for it.
    from hopsartifacts.catalog.table import (  # noqa: PLC0415 - see above
        csv_of,
        parquet_of,
        plain_row,
    )

    if target:
        data = parquet_of(found) if csv is None else csv_of(found)
        with written_aside(target, overwrite=overwrite) as file:
            file.write(data)
        document = {"file": str(target), "rows": found.num_rows}
        rows_text = "1 row" if found.num_rows == 1 else f"{found.num_rows} rows"
        session.show(document, f"{target}: {rows_text}")
        return
    rows = [plain_row(row) for row in found.to_pylist()]
    session.show(rows, _text(kind, found.column_names, rows))


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


@click.group("bundle")
def bundle() -> None:
    """Transfer models, artifacts and deployments to another site as one file."""


@bundle.command("export")
@BUNDLE
@click.option(
    "--model",
    "models",
    type=model_choice,
    multiple=True,
    metavar="NAME[:VERSION]",
    help="A model with all its versions, or one version. May be repeated.",
)
@click.option(
    "--deployment",
    "deployments",
    multiple=True,
    metavar="NAME",
    help="A deployment, with its model and artifact. May be repeated.",
)
@click.option(
    "--no-artifacts",
    is_flag=True,
    help="Include only the artifacts that the deployments run.",
)
@OVERWRITE_FILE
@project_options
def export_bundle(
    session: Session,
    file: str,
    models: tuple[str | tuple[str, int], ...],
    deployments: tuple[str, ...],
    *,
    no_artifacts: bool,
    overwrite: bool,
) -> None:
    """Export to FILE (.tar, or .tar.gz for gzip); by default the whole project."""
    report = session.project().export_bundle(
        file,
        models=models or None,
        deployments=deployments or None,
        artifacts=not no_artifacts,
        overwrite=overwrite,
    )
    session.show(report, report)


@bundle.command("import")
@BUNDLE
@click.option(
    "--strict-numbers", is_flag=True, help="Refuse if a version cannot keep its number."
)
@click.option(
    "--digest", help="The digest that the export printed; refuse any other bundle."
)
@project_options
def import_bundle(
    session: Session, file: str, *, strict_numbers: bool, digest: str | None
) -> None:
    """Store the content of a bundle; what exists already is not changed."""
    report = session.project(may_be_new=True).import_bundle(
        file, strict_numbers=strict_numbers, digest=digest
    )
    renumbered = [
        {"name": name, "old": old, "version": version}
        for (name, old), version in report.renumbered.items()
    ]
    document = {**msgspec.to_builtins(report), "renumbered": renumbered}
    session.show(document, report)


AT_PATH = click.option(
    "--path",
    default="",
    metavar="PATH",
    help="Only this file or folder of the project, like Models/iris/1.",
)


@click.command("verify")
@AT_PATH
@project_argument
def verify(session: Session, path: str) -> None:
    """Compare every managed file with its sealed digest.

    The exit code is 1 if anything differs.
    """
    project = session.project()
    with progress("Checking") as bar:
        report = project.verify(callback=bar, path=path)
    session.report(report)


@click.command("repair")
@click.option("--bundle", metavar="FILE", help="A bundle to restore missing data from.")
@AT_PATH
@click.option("--dry-run", is_flag=True, help="Only print what would be done.")
@project_argument
def repair(session: Session, bundle: str | None, path: str, *, dry_run: bool) -> None:
    """Undo every change of managed files that can be undone.

    Replaced and extra files are moved aside, never deleted. The exit code is 1 if
    anything still differs.
    """
    project = session.project()
    with progress("Checking") as bar:
        report = project.repair(bundle=bundle, callback=bar, path=path, dry_run=dry_run)
    session.report(report)


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only print what would be freed.")
@click.option(
    "--grace",
    "grace_s",
    type=seconds,
    default=f"{GRACE_S / 3600:g}h",
    show_default=True,
    metavar="TIME",
    help="Keep unfinished data that is younger, as its writer may still be working: "
    "seconds, or like 30m, 24h, 7d.",
)
@project_argument
def gc(session: Session, *, dry_run: bool, grace_s: float) -> None:
    """Delete data that no version needs any more.

    This is data of deleted versions and of crashed writers. It is safe to run while
    other processes write.

    Data that cannot be deleted because it belongs to another user is listed, and
    everything else is deleted. The exit code is then 1.
    """
    report = session.project().gc(dry_run=dry_run, grace_s=grace_s)
    session.report(report, size_bytes=report.size_bytes)


@click.command("doctor")
@project_argument
def doctor(session: Session) -> None:
    """Test whether a back end gives the guarantees that a project needs.

    Lets real writers race at URL, prints the results and the consequences of each
    failure, and stores the verdict in the project. Small objects are created and
    deleted again. The exit code is 0 only if a project can be kept there.
    """
    session.report(session.project(may_be_new=True).doctor())
