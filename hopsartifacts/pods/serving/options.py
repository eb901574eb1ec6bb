"""The command line and the variables of the main container.

KServe appends options to the command of a transformer, with underscores. Of options
that are given twice, the last one counts.
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.serving.contract import COMPONENTS, Component
from hopsartifacts.serving.process_environment import seconds_in
from hopsartifacts.serving.runtime.keeper_link import DRAIN_S

LEAVE_SECONDS = "HOPSARTIFACTS_LEAVE_SECONDS"
DRAIN_SECONDS = "HOPSARTIFACTS_DRAIN_SECONDS"
PREDICTOR_SECONDS = "HOPSARTIFACTS_PREDICTOR_SECONDS"
SPOOL = "HOPSARTIFACTS_SPOOL"

LEAVE_S = 10.0
"""How long a container that is asked to end goes on as before, except that it is not
ready, until nothing in the cluster sends requests to it."""
PREDICTOR_S = 300.0
"""How long a predictor may take for one answer."""
SPOOL_PATH = "/var/hopsartifacts/spool"

_PREDICTOR_PORT = 80
_MOST_PORT = 65535


class ServingOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the main container is told."""

    launch_path: Path
    component: Component
    host: str | None
    """The address to serve at; None means all."""
    port: int
    grpc_port: int | None
    model_name: str | None
    """The name of the model at a predictor of another package."""
    predictor_host: str | None
    predictor_port: int
    leave_s: float
    drain_s: float
    predictor_s: float
    spool_path: str
    unknown: tuple[str, ...] = ()
    """Arguments that are ignored."""


def read_options(
    arguments: Sequence[str], environ: Mapping[str, str] = os.environ
) -> ServingOptions:
    """Return what the command line and the environment say.

    Raises:
        InvalidInputError: an argument or a variable makes no sense.
    """
    given, unknown = _parser().parse_known_args(arguments)
    host, port = None, _PREDICTOR_PORT
    if given.component == "transformer":
        if not given.predictor_host:
            raise InvalidInputError(
                "a transformer needs --predictor-host HOST[:PORT]: the Service of its "
                "predictor"
            )
        host, port = split_address(given.predictor_host)
    return ServingOptions(
        launch_path=Path(given.launch),
        component=given.component,
        host=given.host,
        port=_port("--port", given.port),
        grpc_port=given.grpc_port and _port("--grpc-port", given.grpc_port),
        model_name=given.model_name,
        predictor_host=host,
        predictor_port=port,
        leave_s=_seconds(environ, LEAVE_SECONDS, LEAVE_S),
        drain_s=_seconds(environ, DRAIN_SECONDS, DRAIN_S),
        predictor_s=_seconds(environ, PREDICTOR_SECONDS, PREDICTOR_S),
        spool_path=environ.get(SPOOL, SPOOL_PATH),
        unknown=tuple(unknown),
    )


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST``, ``HOST:PORT`` or ``[IPv6]:PORT``.

    Raises:
        InvalidInputError: the host is empty, or the port is not one.
    """
    if text.startswith("[") or text.count(":") == 1:
        host, _, port = (
            text.rpartition(":") if not text.endswith("]") else (text, "", "")
        )
    else:
        host, port = text, ""
    host = host.strip("[]")
    if not host or "/" in host:
        raise InvalidInputError(
            f"--predictor-host is {text!r}; give HOST or HOST:PORT, without http://"
        )
    return host, _port("--predictor-host", port or str(_PREDICTOR_PORT))


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInputError(f"the command of the container: {message}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="hopsartifacts.pods.serving", allow_abbrev=False)
    parser.add_argument("launch", help="the launch file")
    parser.add_argument("--component", choices=COMPONENTS, default="predictor")
    parser.add_argument("--host", help="the address to serve at; default: all")
    options: list[tuple[tuple[str, ...], str | None]] = [
        (("--port", "--http-port", "--http_port"), "8080"),
        (("--grpc-port", "--grpc_port"), None),
        (("--model-name", "--model_name"), None),
        (("--predictor-host", "--predictor_host"), None),
    ]
    for spellings, default in options:
        add: Callable[..., object] = parser.add_argument
        name = spellings[0].removeprefix("--").replace("-", "_")
        add(*spellings, dest=name, default=default)
    return parser


def _port(option: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_PORT):
        raise InvalidInputError(
            f"{option} has the port {text!r}; give a number from 1 to {_MOST_PORT}"
        )
    return int(text)


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, str(default))
    seconds = seconds_in(text)
    if not seconds >= 0:
        raise InvalidInputError(
            f"{name} is {text!r}: give a number of seconds, 0 or more; the default is "
            f"{default:g}"
        )
    return seconds
