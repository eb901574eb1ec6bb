"""The commands ``hopsartifacts aliases``."""

import click

from hopsartifacts.cli.output import table
from hopsartifacts.cli.session import Session, project_options

MODEL = click.argument("model")
ALIAS = click.argument("alias")
WHY = click.option("--why", default="", help="A reason, for the history.")


@click.group("aliases")
def command() -> None:
    """Manage aliases: names that point at a version of a model, with a history."""


@command.command("list")
@MODEL
@project_options
def list_aliases(session: Session, model: str) -> None:
    """List the aliases of a model and the version that each points at."""
    found = session.project().get_model_registry().get_aliases(model)
    empty = f"model {model!r} has no aliases"
    session.show(found, table(("ALIAS", "VERSION"), found.items(), empty))


@command.command("set")
@MODEL
@ALIAS
@click.argument("version", type=int)
@WHY
@project_options
def set_alias(session: Session, model: str, alias: str, version: int, why: str) -> None:
    """Point an alias at a version."""
    session.project().get_model_registry().set_alias(model, alias, version, why)
    _show(session, model, alias, version)


@command.command("delete")
@MODEL
@ALIAS
@WHY
@project_options
def delete_alias(session: Session, model: str, alias: str, why: str) -> None:
    """Delete an alias; its history stays."""
    session.project().get_model_registry().delete_alias(model, alias, why)
    _show(session, model, alias, None)


@command.command("rollback")
@MODEL
@ALIAS
@WHY
@project_options
def rollback_alias(session: Session, model: str, alias: str, why: str) -> None:
    """Point an alias at its previous version."""
    found = session.project().get_model_registry().rollback_alias(model, alias, why)
    _show(session, model, alias, found.version)


@command.command("history")
@MODEL
@ALIAS
@project_options
def alias_history(session: Session, model: str, alias: str) -> None:
    """Show each change of an alias, newest first: version, time, user and reason."""
    found = session.project().get_model_registry().get_alias_history(model, alias)
    rows = ((it.when[:19], it.version or "none", it.by, it.why) for it in found)
    empty = f"alias {alias!r} of model {model!r} was never set"
    session.show(found, table(("WHEN", "VERSION", "BY", "WHY"), rows, empty))


def _show(session: Session, model: str, alias: str, version: int | None) -> None:
    document = {"model": model, "alias": alias, "version": version}
    where = f"version {version}" if version else "no version"
    session.show(document, f"Alias {alias} of {model} points at {where}")
