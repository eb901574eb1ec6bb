"""The commands ``hopsartifacts log``, which print the entries of a project's logs."""

import json
import re
from typing import Any

import click

from hopsartifacts.cli.output import table
from hopsartifacts.cli.session import Session, limit_option, project_options
from hopsartifacts.deployments.deployed import Logs
from hopsartifacts.documents import encode, encode_pretty
from hopsartifacts.names import deployment_name, model_name
from hopsartifacts.store.log import Log

LOG = click.argument("log")
_PAGES = ("tree", "index")
_LOG = re.compile(
    r"(models|deployments)/([^/]+?)(?:/([1-9][0-9]{0,11})/artifacts)?(?:/_log)?/?",
    re.ASCII | re.IGNORECASE,
)


@click.group("log")
def command() -> None:
    """Show the entries of a log, which are stored compressed in the project.

    LOG is models/NAME, models/NAME/VERSION/artifacts or deployments/NAME.
    """


@command.command("list")
@LOG
@limit_option("entries")
@project_options
def list_entries(session: Session, log: str, limit: int) -> None:
    """List the changes of a model, its artifacts or a deployment, newest first."""
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
@click.option("--pages", is_flag=True, help="Include the records of versions.")
@project_options
def show(session: Session, log: str, entry: int, *, pages: bool) -> None:
    """Show entry number ENTRY of a log as JSON."""
    found, newest = _found(session, log)
    if entry > newest:
        raise click.ClickException(
            f"{found.path} has no entry {entry}: the newest is {newest}; "
            f"'hopsartifacts log list {log}' lists them"
        )
    document: dict[str, Any] = json.loads(encode(found.entry(entry).body))
    if not pages:
        document = {key: it for key, it in document.items() if key not in _PAGES}
    session.show(document, encode_pretty(document).decode().rstrip())


def _found(session: Session, named: str) -> tuple[Log[Any], int]:
    """Return the log that the user named, and the number of its newest entry.

    Raises:
        UsageError: *named* is not the name of a log.
        ClickException: the log has no entries.
    """
    match = _LOG.fullmatch(named)
    kind, name, version = match.groups() if match else ("", "", None)
    if not match or (version and kind.lower() != "models"):
        raise click.UsageError(
            f"{named!r} is not a log: give models/NAME, models/NAME/VERSION/artifacts "
            "or deployments/NAME"
        )
    logs = Logs(session.project().storage)
    log: Log[Any]
    if kind.lower() == "deployments":
        log = logs.deployment(deployment_name(name))
    elif version:
        log = logs.artifacts(model_name(name), int(version))
    else:
        log = logs.model(model_name(name))
    newest = log.newest_seq()
    if not newest:
        raise click.ClickException(f"{log.path} has no entries")
    return log, newest


def _details(op: dict[str, Any]) -> str:
    """Return the fields of an operation, except its kind and record, as text."""
    return ", ".join(
        f"{key} {it if isinstance(it, str) else json.dumps(it)}"
        for key, it in op.items()
        if key not in {"kind", "record"}
    )
