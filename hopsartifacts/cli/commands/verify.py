"""The command ``hopsartifacts verify``."""

import click

from hopsartifacts.cli.progress import progress
from hopsartifacts.cli.session import Session, project_argument


@click.command("verify")
@project_argument
def command(session: Session) -> None:
    """Compare every managed file with its sealed digest.

    The exit code is 1 if anything differs.
    """
    project = session.project()
    with progress("Checking") as bar:
        report = project.verify(callback=bar)
    session.report(report)
