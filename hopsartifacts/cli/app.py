"""The root command group, and the list of its commands.

Each module in ``commands`` has the commands for one noun.
"""

import click

from hopsartifacts import __version__
from hopsartifacts.cli.commands import deployments, log, models, project, server

COMMANDS = (
    models.models,
    models.aliases,
    models.artifacts,
    deployments.command,
    project.files,
    project.catalog,
    project.bundle,
    log.command,
    project.verify,
    project.repair,
    project.gc,
    project.doctor,
    server.ui,
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
