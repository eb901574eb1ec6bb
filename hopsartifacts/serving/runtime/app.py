"""The HTTP face of a deployment: routes and status codes."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hopsartifacts.serving.runtime.chain import Chain, StepFailedError
from hopsartifacts.serving.runtime.encoding import encode
from hopsartifacts.serving.runtime.protocol import (
    RequestError,
    error_body,
    predictions_body,
    read_inputs,
)

_WRONG_METHOD = 405
_LOG = logging.getLogger("hopsartifacts.serving")


def create_app(model: str, chain: Chain, *, max_request_bytes: int) -> Starlette:
    """Return the application that serves *chain* as *model*."""
    endpoints = _Endpoints(model, chain, max_request_bytes)
    return Starlette(
        routes=[
            Route(f"/v1/models/{model}:predict", endpoints.predict, methods=["POST"]),
            Route(f"/v1/models/{model}", endpoints.get_model),
            Route("/v1/models", endpoints.list_models),
            Route("/", endpoints.alive),
        ],
        exception_handlers={HTTPException: endpoints.refuse},
    )


class _Endpoints:
    """What each route answers."""

    def __init__(self, model: str, chain: Chain, max_request_bytes: int) -> None:
        self._model = model
        self._chain = chain
        self._max_request_bytes = max_request_bytes

    async def alive(self, _: Request) -> Response:
        return _json(encode({"status": "alive"}))

    async def list_models(self, _: Request) -> Response:
        return _json(encode({"models": [self._model]}))

    async def get_model(self, _: Request) -> Response:
        return _json(encode({"name": self._model, "ready": True}))

    async def predict(self, request: Request) -> Response:
        try:
            inputs = read_inputs(await _read_body(request, self._max_request_bytes))
            return _json(self._encode(await self._chain.predict(inputs)))
        except RequestError as error:
            return _json(error_body(str(error)), error.status)
        except StepFailedError as error:
            _LOG.error("the %s failed", error.component, exc_info=error.cause)
            return _json(error_body(str(error), error.component), 500)
        except ClientDisconnect:
            return Response(status_code=400)
        except asyncio.CancelledError:
            # The server stops and has waited long enough: nothing is left to cancel.
            return _json(error_body("the server stops; the request took too long"), 503)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer what the routes do not match, as JSON like all else."""
        path = request.url.path
        if isinstance(error, HTTPException) and error.status_code == _WRONG_METHOD:
            message = f"{path} does not answer to {request.method}"
            return _json(error_body(message), error.status_code, error.headers)
        message = f"nothing is at {path}; this server has the model {self._model}"
        return _json(error_body(message), 404)

    def _encode(self, predictions: Any) -> bytes:
        try:
            return predictions_body(predictions)
        except Exception as error:
            # Not only TypeError: a foreign object's own conversion may raise any.
            raise StepFailedError(self._chain.last_component, error) from error


async def _read_body(request: Request, max_bytes: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    size = int(announced) if announced.isdigit() else 0
    body = bytearray()
    if size <= max_bytes:
        # What was announced need not be what is sent.
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                break
    if max(size, len(body)) > max_bytes:
        raise RequestError(
            413, f"the body is larger than {max_bytes} bytes; send fewer rows at a time"
        )
    return bytes(body)


def _json(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        body, status_code=status, headers=headers, media_type="application/json"
    )
