"""Operations about the server: health, metrics, and the OpenAPI document.

The document is there for programs and, as a page, for people.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import HTMLResponse, Response

from hopsartifacts import __version__
from hopsartifacts.rest.bounds import PAGE_POLICY, POLICY
from hopsartifacts.rest.openapi import document
from hopsartifacts.rest.operations import Operation, OperationCall


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
                _template("docs.html").render(document=described()),
                headers={POLICY: PAGE_POLICY},
            ),
            summary="This description, for people",
            scope=None,
            gives="text/html",
            tag=tag,
        ),
        Operation(
            method="GET",
            path="/docs.css",
            handle=lambda _: Response(_file("docs.css"), media_type="text/css"),
            summary="How that page looks",
            scope=None,
            gives="text/css",
            tag=tag,
            is_described=False,
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


@cache
def _template(name: str) -> Any:
    return Environment(autoescape=True).from_string(_file(name))


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
