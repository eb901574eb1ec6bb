"""``hopsartifacts repair``."""

import click

from hopsartifacts.cli.session import Session, project_argument


@click.command("repair")
@project_argument
def command(session: Session) -> None:
    """Undo every edit of managed files that can be undone.

    What is replaced or found too much is moved aside, never deleted. The exit code is
    1 if something differs still.
    """
    session.report(session.project().repair())
