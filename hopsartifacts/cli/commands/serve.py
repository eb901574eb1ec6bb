"""``hopsartifacts serve``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from hopsartifacts.cli.session import Session, project_argument
from hopsartifacts.cli.values import seconds
from hopsartifacts.errors import UnsupportedHereError

if TYPE_CHECKING:
    from hopsartifacts.rest.running import Started

_FILE = click.Path(dir_okay=False, path_type=Path)

STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="HOPSARTIFACTS_SERVER_DIR",
    show_envvar=True,
    help="The server's own folder, for keys, certificate and uploads. By default one "
    "of this user for each project.",
)


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where it listens."
)
@click.option(
    "--port", type=int, default=8443, show_default=True, help="0 takes a free one."
)
@click.option("--cert", type=_FILE, help="A certificate of your own, as PEM.")
@click.option("--key", type=_FILE, help="Its key, if that is in another file.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A name or address of this server, for the certificate that it makes. May be "
    "repeated.",
)
@click.option(
    "--plain-http",
    is_flag=True,
    help="Speak HTTP without TLS, to a proxy that speaks HTTPS.",
)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Address or network of a proxy in front, which is believed who the client is. "
    "May be repeated.",
)
@click.option(
    "--inference-port",
    type=int,
    help="Open a port for clients that ask deployments directly, over HTTP and gRPC. "
    "They send their keys there in clear. 0 takes a free one. By default it is that of "
    "the last start, and where other machines reach --host there is none.",
)
@click.option("--inference-host", help="Where that one listens; by default as --host.")
@STATE_DIR
@click.option("--access-log", type=_FILE, help="By default it goes to stderr.")
@click.option(
    "--drain",
    "drain_s",
    type=seconds,
    default="30s",
    show_default=True,
    metavar="TIME",
    help="How long requests under way may take to finish when it is stopped.",
)
@click.option("--chores", "chores_s", type=seconds, default="60s", hidden=True)
@project_argument
def command(  # noqa: PLR0913 - they are its options
    session: Session,
    *,
    host: str,
    port: int,
    cert: Path | None,
    key: Path | None,
    names: tuple[str, ...],
    plain_http: bool,
    proxies: tuple[str, ...],
    inference_port: int | None,
    inference_host: str | None,
    state_dir: Path | None,
    access_log: Path | None,
    drain_s: float,
    chores_s: float,
) -> None:
    """Serve the project to the official Hopsworks client, over HTTPS.

    Clients need a key; see 'hopsartifacts keys create'. It runs until it is stopped
    with Ctrl+C or SIGTERM.
    """
    # Imported late: help needs nothing of a server, and does not wait for it.
    try:
        from hopsartifacts.rest.hosted import Settings  # noqa: PLC0415 - see above
        from hopsartifacts.rest.listening import Listening  # noqa: PLC0415 - see above
        from hopsartifacts.rest.own_folder import own_folder  # noqa: PLC0415 - see above
        from hopsartifacts.rest.running import serve  # noqa: PLC0415 - see above
    except ImportError as error:
        raise not_installed(error) from error
    listening = Listening(
        host=host,
        port=port,
        certificate=cert,
        key=key,
        names=names,
        is_plain=plain_http,
        proxies=proxies,
        inference_port=inference_port,
        inference_host=inference_host,
        access_log=access_log,
        drain_s=drain_s,
        chores_s=chores_s,
    )
    listening.check()
    project = session.project(may_be_new=True)
    folder = state_dir or own_folder(project.url)

    def tell(started: "Started") -> None:
        document = {"project": project.url, **msgspec.structs.asdict(started)}
        session.show(document, _text(project.url, started))

    serve(project, folder.absolute(), listening, Settings(), tell)


def not_installed(error: ImportError) -> UnsupportedHereError:
    """Return what to say where the server's packages are missing."""
    return UnsupportedHereError(
        f"the server needs the package {error.name}; run: "
        'pip install "hopsartifacts[server]"'
    )


def _text(url: str, started: "Started") -> str:
    lines = [f"Serving {url} at {started.url}"]
    if started.inference:
        lines.append(f"Deployments are asked directly at {started.inference}")
    if started.certificate:
        lines.append(f"Its certificate, for clients to trust: {started.certificate}")
    if started.fingerprint:
        lines.append(f"SHA-256 of the certificate: {started.fingerprint}")
    if not started.has_keys:
        lines.append(
            "Nobody can log in yet; make a key: hopsartifacts keys create NAME"
        )
    return "\n".join(lines)
