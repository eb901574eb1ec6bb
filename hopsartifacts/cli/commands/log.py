"""``hopsartifacts log``: the entries that decide what there is, for people."""

import json
import re
from typing import Any

import click

from hopsartifacts.cli.session import Session, project_options
from hopsartifacts.cli.tables import table
from hopsartifacts.deployments.logs import Logs
from hopsartifacts.documents import encode, encode_pretty
from hopsartifacts.names import deployment_name, model_name
from hopsartifacts.store.log import Log

LOG = click.argument("log")
_PAGES = ("tree", "index")
_LOG = re.compile(
    r"(models|deployments)/([^/]+?)(?:/([1-9][0-9]*)/artifacts)?(?:/_log)?/?",
    re.ASCII | re.IGNORECASE,
)


@click.group("log")
def command() -> None:
    """Look at the entries of a log, which lie compressed in the project.

    LOG is models/NAME, models/NAME/VERSION/artifacts or deployments/NAME.
    """


@command.command("list")
@LOG
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many of the newest.",
)
@project_options
def list_entries(session: Session, log: str, limit: int) -> None:
    """List what happened to a model, its artifacts or a deployment, newest first."""
    found, newest = _found(session, log)
    numbers = range(newest, max(newest - limit, 0), -1)
    found.fetch(numbers)
    bodies = [found.entry(number).body for number in numbers]
    document = [
        {"seq": it.seq, "time": it.time, "writer": it.writer, "op": it.op}
        for it in bodies
    ]
    rows = (
        (it.seq, it.time[:19], it.writer, it.op["kind"], _details(it.op))
        for it in bodies
    )
    header = ("ENTRY", "TIME", "WRITER", "KIND", "DETAILS")
    session.show(document, table(header, rows))


@command.command()
@LOG
@click.argument("entry", type=click.IntRange(min=1))
@click.option("--pages", is_flag=True, help="Show the records of versions, too.")
@project_options
def show(session: Session, log: str, entry: int, *, pages: bool) -> None:
    """Show entry number ENTRY of a log as JSON."""
    found, newest = _found(session, log)
    if entry > newest:
        raise click.ClickException(
            f"{found.path} has no entry {entry}: the newest is {newest}"
        )
    document: dict[str, Any] = json.loads(encode(found.entry(entry).body))
    if not pages:
        document = {key: it for key, it in document.items() if key not in _PAGES}
    session.show(document, encode_pretty(document).decode().rstrip())


def _found(session: Session, named: str) -> tuple[Log[Any], int]:
    """Return the log that the user names, and the number of its newest entry."""
    match = _LOG.fullmatch(named)
    kind, name, version = match.groups() if match else ("", "", None)
    if not match or (version and kind.lower() != "models"):
        raise click.UsageError(
            f"{named!r} is no log: give models/NAME, models/NAME/VERSION/artifacts or "
            "deployments/NAME"
        )
    logs = Logs(session.project().storage)
    log: Log[Any]
    if kind.lower() == "deployments":
        log = logs.deployment(deployment_name(name))
    elif version:
        log = logs.artifacts(model_name(name), int(version))
    else:
        log = logs.model(model_name(name))
    newest = log.newest()
    if newest is None:
        raise click.ClickException(f"there is no entry in {log.path}")
    return log, newest.seq


def _details(op: dict[str, Any]) -> str:
    """Return what an operation says besides its kind."""
    return ", ".join(
        f"{key} {it if isinstance(it, str) else json.dumps(it)}"
        for key, it in op.items()
        if key not in {"kind", "record"}
    )
