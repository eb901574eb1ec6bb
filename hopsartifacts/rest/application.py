"""The ASGI application: routes for every table of operations."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hopsartifacts.rest.about import about
from hopsartifacts.rest.access_log import AccessLog
from hopsartifacts.rest.api import (
    artifacts,
    cluster_manifests,
    deployment_checks,
    deployment_edits,
    edits,
    endpoints,
    events,
    file_actions,
    files,
    history,
    integrity,
    jobs,
    keys,
    logs,
    model_form,
    previews,
    progress,
    project,
    rules,
    saves,
    search,
    server,
    sessions,
    traffic,
    uploads,
)
from hopsartifacts.rest.api import deployments as api_deployments
from hopsartifacts.rest.api import models as api_models
from hopsartifacts.rest.bounds import BodyBounds, Bounds
from hopsartifacts.rest.dispatch import (
    answering,
    failed,
    on_bug,
    on_http_error,
)
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.hopsworks import (
    datasets,
    deployments,
    installation,
    models,
)
from hopsartifacts.rest.hopsworks.installation import absence
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.operations import Operation

Endpoint = Callable[[Request], Awaitable[Response]]

API_OPERATIONS: tuple[Operation, ...] = (
    *project.OPERATIONS,
    *api_models.OPERATIONS,
    *model_form.OPERATIONS,
    *saves.OPERATIONS,
    *edits.OPERATIONS,
    *artifacts.OPERATIONS,
    *api_deployments.OPERATIONS,
    *history.OPERATIONS,
    *progress.OPERATIONS,
    *deployment_edits.OPERATIONS,
    *deployment_checks.OPERATIONS,
    *rules.OPERATIONS,
    *cluster_manifests.OPERATIONS,
    *endpoints.OPERATIONS,
    *traffic.OPERATIONS,
    *logs.OPERATIONS,
    *files.OPERATIONS,
    *file_actions.OPERATIONS,
    *previews.OPERATIONS,
    *uploads.OPERATIONS,
    *integrity.OPERATIONS,
    *jobs.OPERATIONS,
    *events.OPERATIONS,
    *search.OPERATIONS,
    *sessions.OPERATIONS,
    *keys.OPERATIONS,
    *server.OPERATIONS,
)
"""All operations of the JSON API."""

OPERATIONS: tuple[Operation, ...] = (
    *installation.OPERATIONS,
    *models.OPERATIONS,
    *datasets.OPERATIONS,
    *API_OPERATIONS,
    *deployments.OPERATIONS,
)
"""All operations of both surfaces, except those about the server itself."""


def create_app(hosted: Hosted, further: Iterable[Operation] = ()) -> ASGIApp:
    """Return the application that serves *hosted*, with *further* operations."""
    operations = (*OPERATIONS, *further)
    return app_of(hosted, (*operations, *about(operations)))


def app_of(hosted: Hosted, operations: Iterable[Operation]) -> ASGIApp:
    """Return an application with *operations* and no others."""
    app = Starlette(
        routes=list(_routes(hosted, operations)),
        exception_handlers={HTTPException: _on_http_error, Exception: on_bug},
    )
    app.router.redirect_slashes = False
    bounds = BodyBounds(max_bytes=hosted.settings.max_body_bytes)
    return AccessLog(Bounds(_RawPath(app), bounds))


async def _on_http_error(request: Request, error: Exception) -> Response:
    """Answer a routing error; explain paths that only a Hopsworks cluster has."""
    if words := absence(request.url.path):
        return failed(request, RefusedError(words, 404))
    return await on_http_error(request, error)


class _RawPath:
    """ASGI middleware that routes on the raw path, where ``%2F`` is in a segment."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw = scope.get("raw_path") or scope["path"].encode()
            path = raw.partition(b"?")[0].decode("latin-1")
            scope = {**scope, "path": path, "root_path": ""}
        await self._app(scope, receive, send)


def _routes(hosted: Hosted, operations: Iterable[Operation]) -> Iterable[Route]:
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in operations:
        methods = by_path.setdefault(operation.path, {})
        methods[operation.method] = answering(hosted, operation)
    # Fixed segments are matched before parameters.
    for path in sorted(by_path, key=_by_firmness):
        methods = by_path[path]
        yield Route(path, _by_method(methods), methods=list(methods))


def _by_firmness(path: str) -> list[tuple[bool, str]]:
    return [(part.startswith("{"), part) for part in path.split("/")]


def _by_method(endpoints: Mapping[str, Endpoint]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await endpoints[method](request)

    return endpoint
