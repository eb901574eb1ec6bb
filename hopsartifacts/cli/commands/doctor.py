"""The command ``hopsartifacts doctor``."""

import click

from hopsartifacts.cli.session import Session, project_argument


@click.command("doctor")
@project_argument
def command(session: Session) -> None:
    """Test whether a back end gives the guarantees that a project needs.

    Lets real writers race at URL, prints the results and the consequences of each
    failure, and stores the verdict in the project. Small objects are created and
    deleted again. The exit code is 0 only if a project can be kept there.
    """
    session.report(session.project(may_be_new=True).doctor())
