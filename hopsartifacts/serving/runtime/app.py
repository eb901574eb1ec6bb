"""The HTTP face of a deployment: routes and status codes."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hopsartifacts.serving.runtime.encoding import encode
from hopsartifacts.serving.runtime.protocol import (
    RequestError,
    error_body,
    predictions_body,
    read_inputs,
)
from hopsartifacts.serving.runtime.service import Service

_WRONG_METHOD = 405


def create_app(service: Service, *, max_request_bytes: int) -> Starlette:
    """Return the application through which *service* is asked."""
    endpoints = _Endpoints(service, max_request_bytes)
    model = service.name
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

    def __init__(self, service: Service, max_request_bytes: int) -> None:
        self._model = service.name
        self._service = service
        self._max_request_bytes = max_request_bytes

    async def alive(self, _: Request) -> Response:
        return _json(encode({"status": "alive"}))

    async def list_models(self, _: Request) -> Response:
        return _json(encode({"models": [self._model]}))

    async def get_model(self, _: Request) -> Response:
        return _json(encode({"name": self._model, "ready": True}))

    async def predict(self, request: Request) -> Response:
        try:
            body = await _read_body(request, self._max_request_bytes)
        except RequestError as error:
            return _json(error_body(str(error)), error.status)
        except ClientDisconnect:
            return Response(status_code=400)
        answer = await self._service.answer(body, read_inputs, predictions_body)
        return _json(answer.body, answer.status)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer what the routes do not match, as JSON like all else."""
        path = request.url.path
        if isinstance(error, HTTPException) and error.status_code == _WRONG_METHOD:
            message = f"{path} does not answer to {request.method}"
            return _json(error_body(message), error.status_code, error.headers)
        message = f"nothing is at {path}; this server has the model {self._model}"
        return _json(error_body(message), 404)


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
