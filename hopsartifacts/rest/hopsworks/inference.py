"""Predictions through this server, and where clients may ask deployments themselves."""

from functools import partial
from typing import Any

import anyio.to_thread
import msgspec
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from starlette.responses import Response

from hopsartifacts.errors import InvalidInputError, InvalidNameError, NotRunningError
from hopsartifacts.rest.answering import encoded, read_body
from hopsartifacts.rest.hopsworks.login import PROJECT, check_project
from hopsartifacts.rest.operations import Call, Operation

_INFERENCE = f"{PROJECT}/inference"
_AT_ONCE = 64
_LIMITER: RunVar[CapacityLimiter] = RunVar("hopsartifacts-predictions")
"""Threads of their own: slow models shall not hold up everything else."""


class Port(msgspec.Struct, frozen=True):
    """A port that clients know by its name."""

    name: str
    number: int


class Endpoint(msgspec.Struct, frozen=True):
    """Where deployments can be asked directly."""

    type: str
    hosts: list[str]
    ports: list[Port]


class EndpointPage(msgspec.Struct, frozen=True):
    """Where deployments can be asked directly; nowhere: all go through this server."""

    count: int
    items: list[Endpoint]


async def _predict(call: Call) -> Response:
    """Pass the body on, and the answer back."""
    check_project(call)
    data = await read_body(call.request, call.hosted.settings.max_prediction_bytes)
    answer = await anyio.to_thread.run_sync(partial(_ask, call, data), limiter=_limit())
    return Response(answer, media_type="application/json")


def _ask(call: Call, data: bytes) -> bytes:
    name = call.path["name"]
    try:
        request = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(f"body: {error}") from error
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


def _endpoints(call: Call) -> EndpointPage:
    check_project(call)
    announced = call.hosted.settings.inference_endpoint
    if announced is None:
        return EndpointPage(0, [])
    host, port = announced
    endpoint = Endpoint("LOAD_BALANCER", [host], [Port("HTTP", port)])
    return EndpointPage(1, [endpoint])


OPERATIONS = (
    Operation(
        method="POST",
        path=f"{_INFERENCE}/models/{{name}}:predict",
        handle=_predict,
        summary="Ask a running deployment: its model server's answer, as it is",
        body=dict[str, Any],
        answer=Any,
        takes="bytes",
        errors=(404, 413, 422, 502, 504),
        tag="inference",
    ),
    Operation(
        method="GET",
        path=f"{_INFERENCE}/endpoints",
        handle=_endpoints,
        summary="Where deployments can be asked without this server",
        answer=EndpointPage,
        errors=(404,),
        tag="inference",
    ),
)
