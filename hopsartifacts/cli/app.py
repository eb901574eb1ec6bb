"""The root command group.

Each module in ``commands`` is one noun, or one verb for the whole project. Its
attribute ``command`` is added to the group automatically.
"""

import pkgutil
from importlib import import_module

import click

from hopsartifacts import __version__
from hopsartifacts.cli import commands


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def app() -> None:
    """Models, artifacts and deployments in your own file system or bucket.

    The project is --url, or $HOPSARTIFACTS_URL, or ./hopsartifacts-project. Exit
    codes: 0 success, 1 an error or a problem that was found, 2 a usage error.
    """


for _module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
    app.add_command(import_module(_module.name).command)
