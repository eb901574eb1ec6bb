"""The commands ``serve``, ``ui`` and ``keys``: the server, and its API keys."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from hopsartifacts.cli.output import table
from hopsartifacts.cli.session import Session, project_argument, project_options
from hopsartifacts.cli.values import seconds
from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.project import Project

if TYPE_CHECKING:
    from hopsartifacts.rest.keys import Key, Keys
    from hopsartifacts.rest.server_process import Started
    from hopsartifacts.web.owner import Opened

_NO_BROWSER = "No browser could be opened: open the link yourself."
SCOPES = ("read", "write", "deploy", "admin")
_FILE = click.Path(dir_okay=False, path_type=Path)

STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="HOPSARTIFACTS_SERVER_DIR",
    show_envvar=True,
    help="The server's own folder, for keys, certificate and uploads. By default each "
    "user has one for each project.",
)

READ_ONLY = click.option(
    "--read-only",
    "is_read_only",
    is_flag=True,
    help="Let callers only read, whatever their keys allow.",
)


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on."
)
@click.option(
    "--port", type=int, default=8443, show_default=True, help="0 picks a free port."
)
@click.option("--cert", "certificate", type=_FILE, help="Your own certificate, as PEM.")
@click.option("--key", type=_FILE, help="Its private key, if in another file.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A name or address of this server, for the certificate that it generates, and "
    "under which browsers may reach it. May be repeated.",
)
@click.option(
    "--plain-http",
    "is_plain",
    is_flag=True,
    help="Serve HTTP without TLS, for a proxy that serves HTTPS.",
)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Address or network of a trusted proxy, whose statement of the client's "
    "address is accepted. May be repeated.",
)
@click.option(
    "--inference-port",
    type=int,
    help="Open a port for direct requests to deployments, over HTTP and gRPC. Clients "
    "send their keys in clear text there. 0 picks a free port. The default is the port "
    "of the last start, but no port if other machines can reach --host.",
)
@click.option("--inference-host", help="Its address; by default --host.")
@STATE_DIR
@click.option("--access-log", type=_FILE, help="By default stderr.")
@click.option(
    "--drain",
    "drain_s",
    type=seconds,
    default="30s",
    show_default=True,
    metavar="TIME",
    help="How long running requests may take to finish when the server stops.",
)
@READ_ONLY
@click.option("--chores", "chores_s", type=seconds, default="60s", hidden=True)
@project_argument
def serve(
    session: Session, *, state_dir: Path | None, is_read_only: bool, **listening: Any
) -> None:
    """Serve the project to the official Hopsworks client, over HTTPS.

    Clients need a key; see 'hopsartifacts keys create'. The server runs until Ctrl+C
    or SIGTERM.
    """
    with _server_packages():
        from hopsartifacts.rest.hosted import ServerSettings  # noqa: PLC0415 - late
        from hopsartifacts.rest.listener import Listening  # noqa: PLC0415 - late
        from hopsartifacts.rest.server_process import (  # noqa: PLC0415 - late
            serve as run_server,
        )
        from hopsartifacts.web.site import shared  # noqa: PLC0415 - late
    settings = Listening(**listening)
    settings.check()
    project = session.project(may_be_new=True)
    folder = state_dir or _own_folder(project)

    def tell(started: "Started") -> None:
        document = {"project": project.url, **msgspec.structs.asdict(started)}
        session.show(document, _text(project.url, started))

    limits = ServerSettings(is_read_only=is_read_only)
    run_server(project, folder.absolute(), settings, limits, tell, shared)


@click.command("ui")
@click.option("--no-browser", is_flag=True, help="Print the link, and open nothing.")
@click.option(
    "--port",
    type=int,
    help="0 picks a free port. The default is the port of the last run if it is free, "
    "else a free one.",
)
@click.option(
    "--read-only",
    "is_read_only",
    is_flag=True,
    help="Only show the project.",
)
@project_argument
def ui(
    session: Session, *, no_browser: bool, port: int | None, is_read_only: bool
) -> None:
    """Open the project in a browser on this machine.

    Only you can log in, with the link that this command opens and prints; it is valid
    once, for two minutes. The server runs until Ctrl+C or SIGTERM. If it runs already,
    the command opens it with a new link, and ends.
    """
    with _server_packages("ui"):
        from hopsartifacts.web import owner  # noqa: PLC0415 - late
    project = session.project(may_be_new=True)

    def tell(opened: "Opened") -> None:
        document = {"project": project.url, **msgspec.structs.asdict(opened)}
        is_shown = not no_browser and owner.can_show()
        session.show(document, _link_text(project.url, opened, is_shown=is_shown))
        if is_shown:
            thread = owner.show(opened.link, lambda: click.echo(_NO_BROWSER, err=True))
            if not opened.is_new:
                thread.join()

    owner.open_ui(project, tell, port=port, is_read_only=is_read_only)


def _link_text(url: str, opened: "Opened", *, is_shown: bool) -> str:
    port = opened.url.rpartition(":")[2]
    lines = [f"{'Serving' if opened.is_new else 'Already serving'} {url}"]
    if is_shown:
        lines.append("Opening it in your browser. If nothing opens, use this link:")
    else:
        lines.append("Open this link in a browser, once, within two minutes:")
    lines.append(opened.link)
    if not is_shown:
        lines.append(
            f"If the browser is on another machine, run this there first: "
            f"ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}"
        )
    if opened.is_new:
        lines.append("Press Ctrl+C to stop the server.")
    return "\n".join(lines)


@contextmanager
def _server_packages(extra: str = "server") -> Iterator[None]:
    """Say how to install the packages that the imports in the block lack.

    They are imported late, so that ``--help`` works without them.

    Args:
        extra: the extra that has them.

    Raises:
        UnsupportedHereError: one is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise UnsupportedHereError(
            f"the server needs the package {error.name}; run: "
            f'pip install "hopsartifacts[{extra}]"'
        ) from error


def _own_folder(project: Project) -> Path:
    """Return the folder that the server of *project* has by default."""
    # Imported late, so that other commands do not wait for it.
    from hopsartifacts.rest.own_folder import own_folder  # noqa: PLC0415 - see above

    return own_folder(project.url)


def _text(url: str, started: "Started") -> str:
    lines = [f"Serving {url} at {started.url}"]
    if started.inference:
        lines.append(f"Direct requests to deployments: {started.inference}")
    if started.certificate:
        lines.append(f"Certificate, for clients to trust: {started.certificate}")
    if started.fingerprint:
        lines.append(f"SHA-256 of the certificate: {started.fingerprint}")
    if not started.has_keys:
        lines.append(
            "No one can log in yet; create a key: hopsartifacts keys create NAME"
        )
    return "\n".join(lines)


@click.group("keys")
def keys() -> None:
    """Manage the API keys of the project's server; changes take effect at once."""


@keys.command()
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
    found = _keys(session, state_dir)
    given = {"scopes": scopes} if scopes else {}
    key, text = found.create(name, **given, expires_in_s=expires_s)
    place = state_dir or session.project(may_be_new=True).url
    click.echo(
        f"Key {key.name} of the server of {place}, for {', '.join(key.scopes)}:",
        err=True,
    )
    # Print nothing else there, so that a shell can assign the output to a variable.
    session.show({**_document(key), "key": text}, text)


@keys.command("list")
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


@keys.command()
@click.argument("name")
@STATE_DIR
@project_options
def revoke(session: Session, name: str, state_dir: Path | None) -> None:
    """Revoke a key by its name or id."""
    key = _keys(session, state_dir).revoke(name)
    session.show(_document(key), f"Revoked {key.name} ({key.id})")


def _keys(session: Session, state_dir: Path | None) -> "Keys":
    with _server_packages():
        from hopsartifacts.rest.keys import Keys  # noqa: PLC0415 - late
    return Keys(state_dir or _own_folder(session.project(may_be_new=True)))


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
