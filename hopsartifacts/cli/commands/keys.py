"""The commands ``hopsartifacts keys``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from hopsartifacts.cli.commands.serve import STATE_DIR, not_installed
from hopsartifacts.cli.session import Session, project_options
from hopsartifacts.cli.tables import table
from hopsartifacts.cli.values import seconds

if TYPE_CHECKING:
    from hopsartifacts.rest.keys import Key, Keys

SCOPES = ("read", "write", "deploy", "admin")


@click.group("keys")
def command() -> None:
    """Manage the API keys of the project's server; changes take effect at once."""


@command.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    help="A permission; by default read, write and deploy. admin includes all others, "
    "write and deploy include read. May be repeated.",
)
@click.option(
    "--expires",
    "expires_s",
    type=seconds,
    metavar="TIME",
    help="Lifetime in seconds, or like 12h, 90d. By default the key does not expire.",
)
@STATE_DIR
@project_options
def create(
    session: Session,
    name: str,
    scopes: tuple[Any, ...],
    expires_s: float | None,
    state_dir: Path | None,
) -> None:
    """Create a key and print it; it cannot be shown again."""
    keys = _keys(session, state_dir)
    key, text = keys.create(name, scopes or SCOPES[:3], expires_s)
    # Print nothing else, so that a shell can assign the output to a variable.
    session.show({**_document(key), "key": text}, text)


@command.command("list")
@STATE_DIR
@project_options
def list_keys(session: Session, state_dir: Path | None) -> None:
    """List the keys, without their secrets."""
    found = _keys(session, state_dir).list()
    header = ("ID", "NAME", "SCOPES", "CREATED", "STATE")
    rows = (
        (it.id, it.name, ", ".join(it.scopes), _day(it.created), _state(it))
        for it in found
    )
    empty = "no keys; create one: hopsartifacts keys create NAME"
    session.show([_document(it) for it in found], table(header, rows, empty))


@command.command()
@click.argument("name")
@STATE_DIR
@project_options
def revoke(session: Session, name: str, state_dir: Path | None) -> None:
    """Revoke a key by its name or id."""
    key = _keys(session, state_dir).revoke(name)
    session.show(_document(key), f"Revoked {key.name} ({key.id})")


def _keys(session: Session, state_dir: Path | None) -> "Keys":
    # Imported late, so that --help works without the server's packages.
    try:
        from hopsartifacts.rest.keys import Keys  # noqa: PLC0415 - see above
        from hopsartifacts.rest.own_folder import own_folder  # noqa: PLC0415 - see above
    except ImportError as error:
        raise not_installed(error) from error
    return Keys(state_dir or own_folder(session.project(may_be_new=True).url))


def _document(key: "Key") -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(key)
    del document["digest"]
    return {**document, "state": _state(key)}


def _state(key: "Key") -> str:
    if key.revoked:
        return f"revoked {_day(key.revoked)}"
    if not key.is_valid(datetime.now(UTC)):
        return "expired"
    return f"until {_day(key.expires)}" if key.expires else "valid"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
