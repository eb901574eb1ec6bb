"""``hopsartifacts doctor``."""

import click

from hopsartifacts.cli.session import Session, project_argument


@click.command("doctor")
@project_argument
def command(session: Session) -> None:
    """Try on a back end what a project is built on.

    Races real writers at URL, prints what held and what follows from what did not, and
    keeps the verdict in the project. Small objects are made and deleted again. The
    exit code is 0 only if a project can be kept there.
    """
    session.report(session.project(may_be_new=True).doctor())
