"""The command ``hopsartifacts serve``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from hopsartifacts.cli.session import Session, project_argument
from hopsartifacts.cli.values import seconds
from hopsartifacts.errors import UnsupportedHereError

if TYPE_CHECKING:
    from hopsartifacts.rest.server_process import Started

_FILE = click.Path(dir_okay=False, path_type=Path)

STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="HOPSARTIFACTS_SERVER_DIR",
    show_envvar=True,
    help="The server's own folder, for keys, certificate and uploads. By default each "
    "user has one for each project.",
)


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on."
)
@click.option(
    "--port", type=int, default=8443, show_default=True, help="0 picks a free port."
)
@click.option("--cert", type=_FILE, help="Your own certificate, as PEM.")
@click.option("--key", type=_FILE, help="Its private key, if in another file.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A name or address of this server, for the certificate that it generates. May "
    "be repeated.",
)
@click.option(
    "--plain-http",
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
@click.option("--chores", "chores_s", type=seconds, default="60s", hidden=True)
@project_argument
def command(  # noqa: PLR0913 - one argument for each option
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

    Clients need a key; see 'hopsartifacts keys create'. The server runs until Ctrl+C
    or SIGTERM.
    """
    # Imported late, so that --help works without the server's packages.
    try:
        from hopsartifacts.rest.hosted import ServerSettings  # noqa: PLC0415 - see above
        from hopsartifacts.rest.listener import Listening  # noqa: PLC0415 - see above
        from hopsartifacts.rest.own_folder import own_folder  # noqa: PLC0415 - see above
        from hopsartifacts.rest.server_process import serve  # noqa: PLC0415 - see above
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

    serve(project, folder.absolute(), listening, ServerSettings(), tell)


def not_installed(error: ImportError) -> UnsupportedHereError:
    """Return the error to raise if a package of the server is missing."""
    return UnsupportedHereError(
        f"the server needs the package {error.name}; run: "
        'pip install "hopsartifacts[server]"'
    )


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
