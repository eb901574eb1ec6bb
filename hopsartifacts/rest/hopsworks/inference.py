"""Predictions through this server, and the addresses for direct requests."""

from typing import Any

import msgspec
from starlette.responses import Response

from hopsartifacts.rest.hopsworks.installation import PROJECT, check_project
from hopsartifacts.rest.operations import Operation, OperationCall
from hopsartifacts.rest.predictions import predicted

_INFERENCE = f"{PROJECT}/inference"
_HTTPS = 443
_CLOSED = 9
"""A port on which nothing listens. Releases from 4.3 to 4.6 can only log in if there is
a load balancer, and use its HTTPS port, which is this server's. 4.1 and 4.2 use the
other one, over plain HTTP with their API key, which must not reach anyone."""


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
