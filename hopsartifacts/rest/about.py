"""Operations about the server: health, metrics, the OpenAPI document and its page."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment
from starlette.responses import HTMLResponse, Response

from hopsartifacts import __version__
from hopsartifacts.rest.measures import MEDIA_TYPE
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
            summary="Tell whether the server answers",
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
            handle=lambda _: HTMLResponse(_page().render(document=described())),
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
    return Response(call.hosted.measures.exposition(), media_type=MEDIA_TYPE)


@cache
def _page() -> Any:
    text = files(__package__).joinpath("docs.html").read_text("utf-8")
    return Environment(autoescape=True).from_string(text)
