"""Predictions through this server, and the addresses for direct requests."""

from functools import partial
from typing import Any

import anyio.to_thread
import msgspec
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from starlette.responses import Response

from hopsartifacts.documents import without_bom
from hopsartifacts.errors import InvalidInputError, InvalidNameError, NotRunningError
from hopsartifacts.rest.bodies import read_body
from hopsartifacts.rest.dispatch import encoded
from hopsartifacts.rest.hopsworks.installation import PROJECT, check_project
from hopsartifacts.rest.operations import Operation, OperationCall
from hopsartifacts.values import misspelt

_INFERENCE = f"{PROJECT}/inference"
_AT_ONCE = 64
_HTTPS = 443
_CLOSED = 9
"""A port on which nothing listens. Releases from 4.3 to 4.6 can only log in if there is
a load balancer, and use its HTTPS port, which is this server's. 4.1 and 4.2 use the
other one, over plain HTTP with their API key, which must not reach anyone."""
_LIMITER: RunVar[CapacityLimiter] = RunVar("hopsartifacts-predictions")
"""A thread pool for predictions, so that slow models do not delay other requests."""


class Port(msgspec.Struct, frozen=True):
    """A port with a name that clients know."""

    name: str
    number: int


class Endpoint(msgspec.Struct, frozen=True):
    """Hosts and ports for direct requests to deployments."""

    type: str
    hosts: list[str]
    ports: list[Port]


class EndpointPage(msgspec.Struct, frozen=True):
    """All endpoints for requests to deployments."""

    count: int
    items: list[Endpoint]


async def _predict(call: OperationCall) -> Response:
    check_project(call)
    return await predicted(call)


async def predicted(call: OperationCall) -> Response:
    """Send the body to the deployment in the path, and return its answer.

    Raises:
        NotRunningError: no deployment of this name runs.
        PredictionError: the model server answered with an error.
    """
    data = await read_body(call.request, call.hosted.settings.max_prediction_bytes)
    answer = await anyio.to_thread.run_sync(partial(_ask, call, data), limiter=_limit())
    return Response(answer, media_type="application/json")


def _ask(call: OperationCall, data: bytes) -> bytes:
    name = call.path["name"]
    try:
        request = msgspec.json.decode(without_bom(data), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(misspelt(data, "body") or f"body: {error}") from error
    serving = call.hosted.project.get_model_serving()
    try:
        return encoded(serving.ask(name, request))
    except InvalidNameError as error:
        raise NotRunningError(f"there is no deployment {name!r}") from error


def _limit() -> CapacityLimiter:
    limiter = _LIMITER.get(None)
    if limiter is None:
        limiter = CapacityLimiter(_AT_ONCE)
        _LIMITER.set(limiter)
    return limiter


def _endpoints(call: OperationCall) -> EndpointPage:
    check_project(call)
    announced = call.hosted.settings.inference_endpoint
    if announced is None:
        host, port = _own(call)
        ports = [Port("HTTPS", port), Port("HTTP", _CLOSED)]
    else:
        host, port = announced
        ports = [Port("HTTP", port)]
    return EndpointPage(1, [Endpoint("LOAD_BALANCER", [host], ports)])


def _own(call: OperationCall) -> tuple[str, int]:
    """Return host and port as the client sees them, even through a proxy."""
    url = call.request.url
    return str(url.hostname), url.port or _HTTPS


OPERATIONS = (
    *(
        Operation(
            method="POST",
            path=f"{_INFERENCE}/{path}",
            handle=_predict,
            summary="Get predictions from a running deployment",
            body=dict[str, Any],
            answer=Any,
            takes="bytes",
            errors=(404, 413, 422, 502, 504),
            tag="inference",
        )
        # Clients send requests to the first; the second is the path that they print.
        for path in ("models/{name}:predict", "serving/{name}")
    ),
    Operation(
        method="GET",
        path=f"{_INFERENCE}/endpoints",
        handle=_endpoints,
        summary="The address for requests to deployments: the inference port or this",
        answer=EndpointPage,
        errors=(404,),
        tag="inference",
    ),
)
