"""Web pages for the links that clients print: what is served, and how to get it.

They show nothing from the project, as a browser that follows a link sends no key.
"""

from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment
from starlette.responses import HTMLResponse

from hopsartifacts import __version__
from hopsartifacts.errors import InvalidNameError
from hopsartifacts.names import model_name, version_number
from hopsartifacts.rest.api.table import PREFIX
from hopsartifacts.rest.hopsworks.ids import parse_deployment_id
from hopsartifacts.rest.operations import Operation, OperationCall

_DEPTH = 4


class _Shown(msgspec.Struct, frozen=True):
    """The target of a link.

    Attributes:
        title: its name for people.
        code: Python code that gets it.
        path: its path in the JSON API.
    """

    title: str
    code: str
    path: str


def _page(call: OperationCall) -> HTMLResponse:
    return HTMLResponse(_template().render(version=__version__, shown=_shown(call)))


def _shown(call: OperationCall) -> _Shown | None:
    """Return the link's target; None if the path names nothing that can exist."""
    segments = [call.path[name] for name in sorted(call.path)][1:]
    with suppress(InvalidNameError):
        match segments:
            case ["models", name, number]:
                return _model_version(model_name(name), version_number(number))
            case ["deployments", given]:
                return _deployment(parse_deployment_id(given)[0])
    return None


def _model_version(name: str, version: int) -> _Shown:
    return _Shown(
        title=f"Model {name}, version {version}",
        code=f'mr.get_model("{name}", version={version})',
        path=f"{PREFIX}/models/{name}/versions/{version}",
    )


def _deployment(name: str) -> _Shown:
    return _Shown(
        title=f"Deployment {name}",
        code=f'ms.get_deployment("{name}")',
        path=f"{PREFIX}/deployments/{name}",
    )


@cache
def _template() -> Any:
    text = files(__package__).joinpath("page.html").read_text("utf-8")
    return Environment(autoescape=True).from_string(text)


def _paths() -> list[str]:
    """Return ``/``, and ``/p/…`` with up to as many segments as printed links have."""
    links = ["/p"]
    for depth in range(_DEPTH):
        links.append(f"{links[-1]}/{{part_{depth}}}")
    return ["/", *links[1:]]


OPERATIONS = tuple(
    Operation(
        method="GET",
        path=path,
        handle=_page,
        summary="A page for the links that clients print",
        scope=None,
        gives="text/html",
        tag="server",
    )
    for path in _paths()
)
