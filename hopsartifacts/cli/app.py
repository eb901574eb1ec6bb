"""The root command group, and the list of its commands.

Each module in ``commands`` has the commands for one noun, or for one purpose.
"""

import click

from hopsartifacts import __version__
from hopsartifacts.cli.commands import (
    aliases,
    artifacts,
    bundle,
    catalog,
    deployments,
    files,
    guard,
    log,
    models,
    server,
)

COMMANDS = (
    models.command,
    aliases.command,
    artifacts.command,
    deployments.command,
    files.command,
    catalog.command,
    bundle.command,
    log.command,
    guard.verify,
    guard.repair,
    guard.gc,
    guard.doctor,
    server.serve,
    server.keys,
)


@click.group(
    commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__)
def app() -> None:
    """Models, artifacts and deployments in your own file system or bucket.

    The project is --url, or $HOPSARTIFACTS_URL, or ./hopsartifacts-project. Exit
    codes: 0 success, 1 an error or a problem that was found, 2 a usage error.
    """
