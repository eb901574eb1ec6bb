"""The root of all commands.

Each module in ``commands`` is one noun, or one verb about the whole project; what it
calls ``command`` is added here by itself.
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

    The project is named by --url or $HOPSARTIFACTS_URL, else it is
    ./hopsartifacts-project. Exit code: 0 all is well, 1 it is not or it failed, 2 the
    command was not understood.
    """


for _module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
    app.add_command(import_module(_module.name).command)
