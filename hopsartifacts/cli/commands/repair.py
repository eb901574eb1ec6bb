"""``hopsartifacts repair``."""

import click

from hopsartifacts.cli.progress import progress
from hopsartifacts.cli.session import Session, project_argument


@click.command("repair")
@click.option(
    "--bundle", metavar="FILE", help="A bundle to restore from what is nowhere else."
)
@project_argument
def command(session: Session, bundle: str | None) -> None:
    """Undo every edit of managed files that can be undone.

    What is replaced or found too much is moved aside, never deleted. The exit code is
    1 if something differs still.
    """
    project = session.project()
    with progress("Checking") as bar:
        report = project.repair(bundle=bundle, callback=bar)
    session.report(report)
