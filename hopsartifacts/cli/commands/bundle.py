"""The commands ``hopsartifacts bundle``."""

import click
import msgspec

from hopsartifacts.cli.session import Session, project_options
from hopsartifacts.cli.values import model_choice

FILE = click.argument("file")


@click.group("bundle")
def command() -> None:
    """Transfer models, artifacts and deployments to another site as one file."""


@command.command("export")
@FILE
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
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
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


@command.command("import")
@FILE
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
