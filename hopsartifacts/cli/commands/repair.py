"""The command ``hopsartifacts repair``."""

import click

from hopsartifacts.cli.progress import progress
from hopsartifacts.cli.session import Session, project_argument


@click.command("repair")
@click.option("--bundle", metavar="FILE", help="A bundle to restore missing data from.")
@project_argument
def command(session: Session, bundle: str | None) -> None:
    """Undo every change of managed files that can be undone.

    Replaced and extra files are moved aside, never deleted. The exit code is 1 if
    anything still differs.
    """
    project = session.project()
    with progress("Checking") as bar:
        report = project.repair(bundle=bundle, callback=bar)
    session.report(report)
