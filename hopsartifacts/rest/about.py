"""Operations about the server: health, metrics, the OpenAPI document, web pages.

The web pages are the OpenAPI document for people, and those for the links that clients
print. The latter show what is served and how to get it, and nothing from the project,
as a browser that follows a link sends no key.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import HTMLResponse, Response

from hopsartifacts import __version__
from hopsartifacts.errors import InvalidNameError
from hopsartifacts.names import model_name, version_number
from hopsartifacts.rest.api.conventions import PREFIX
from hopsartifacts.rest.hopsworks.ids import parse_deployment_id
from hopsartifacts.rest.openapi import document
from hopsartifacts.rest.operations import Operation, OperationCall

_DEPTH = 4


class Health(msgspec.Struct, frozen=True):
    """The answer to a health check."""

    status: str
    version: str


def about(others: Sequence[Operation]) -> tuple[Operation, ...]:
    """Return the operations about the server; the document covers *others* too."""
    tag = "server"
    operations = (
        Operation(
            method="GET",
            path="/health",
            handle=_health,
            summary="Whether the server answers",
            scope=None,
            answer=Health,
            tag=tag,
        ),
        Operation(
            method="GET",
            path="/metrics",
            handle=_metrics,
            summary="Counts for Prometheus",
            gives="text/plain",
            tag=tag,
        ),
        Operation(
            method="GET",
            path="/openapi.json",
            handle=lambda _: described(),
            summary="This description",
            scope=None,
            answer=dict[str, Any],
            tag=tag,
        ),
        Operation(
            method="GET",
            path="/docs",
            handle=lambda _: HTMLResponse(
                _template("docs.html").render(document=described())
            ),
            summary="This description, for people",
            scope=None,
            gives="text/html",
            tag=tag,
        ),
    )

    @cache
    def described() -> dict[str, Any]:
        return document((*others, *operations))

    return operations


def _health(_: OperationCall) -> Health:
    return Health(status="ok", version=__version__)


def _metrics(call: OperationCall) -> Response:
    return Response(call.hosted.measures.exposition(), media_type=CONTENT_TYPE_LATEST)


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
    return HTMLResponse(
        _template("page.html").render(version=__version__, shown=_shown(call))
    )


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
def _template(name: str) -> Any:
    text = files(__package__).joinpath(name).read_text("utf-8")
    return Environment(autoescape=True).from_string(text)


def _paths() -> list[str]:
    """Return ``/``, and ``/p/…`` with up to as many segments as printed links have."""
    links = ["/p"]
    for depth in range(_DEPTH):
        links.append(f"{links[-1]}/{{part_{depth}}}")
    return ["/", *links[1:]]


PAGES = tuple(
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
"""The pages for the links that clients print."""
