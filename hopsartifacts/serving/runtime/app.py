"""The HTTP interface of a deployment: routes and status codes."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hopsartifacts.serving.runtime import v2
from hopsartifacts.serving.runtime.http_requests import (
    Headers,
    number_in,
    read_body,
    watching,
)
from hopsartifacts.serving.runtime.protocol import (
    PredictCall,
    RequestError,
    error_body,
)
from hopsartifacts.serving.runtime.service import Meter, Service
from hopsartifacts.serving.runtime.v2_calls import InferCall

_WRONG_METHOD = 405
_JSON = b"application/json"
_MEMORY = b"application/octet-stream"
_JSON_SIZE = b"inference-header-content-length"

Ask = Callable[[bytes, Headers], Awaitable[tuple[int, bytes, Headers]]]
App = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]


def create_app(service: Service, *, max_request_bytes: int) -> App:
    """Return the ASGI application that serves *service* over HTTP."""
    endpoints = _Endpoints(service)
    model, version = service.name, service.version
    predict = _Prediction(endpoints.predict, max_request_bytes)
    infer = _Prediction(endpoints.infer, max_request_bytes)
    models = (f"/v2/models/{model}", f"/v2/models/{model}/versions/{version}")
    predictions = {
        f"/v1/models/{model}:predict": predict,
        **{f"{path}/infer": infer for path in models},
    }
    routes = [
        *(Route(path, app, methods=["POST"]) for path, app in predictions.items()),
        Route(f"/v1/models/{model}", endpoints.get_model),
        Route("/v1/models", endpoints.list_models),
        Route("/v2", endpoints.server_metadata),
        Route("/v2/health/live", endpoints.live),
        Route("/v2/health/ready", endpoints.ready),
        *(Route(path, endpoints.model_metadata) for path in models),
        *(Route(f"{path}/ready", endpoints.get_model) for path in models),
        Route("/", endpoints.alive),
    ]
    if service.meter is not None:
        routes.append(Route("/metrics", _metrics_endpoint(service.meter)))
    others = Starlette(
        routes=routes, exception_handlers={HTTPException: endpoints.refuse}
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Bypass Starlette: its routing takes a third of the time of a small model.
        prediction = predictions.get(scope.get("path", ""))
        if prediction is None or scope["method"] != "POST":
            await others(scope, receive, send)
        else:
            await prediction(scope, receive, send)

    return app


class _Endpoints:
    """The handlers of the routes."""

    def __init__(self, service: Service) -> None:
        self._model = service.name
        self._service = service

    async def predict(self, body: bytes, _: Headers) -> tuple[int, bytes, Headers]:
        answer = await self._service.handle(PredictCall(body))
        return answer.status, answer.body, [(b"content-type", _JSON)]

    async def infer(self, body: bytes, headers: Headers) -> tuple[int, bytes, Headers]:
        json_size = number_in(headers, _JSON_SIZE)
        service = self._service
        call = InferCall(service.name, service.version, body, json_size)
        answer = await service.handle(call)
        if call.json_size is None:
            return answer.status, answer.body, [(b"content-type", _JSON)]
        size = str(call.json_size).encode()
        return (
            answer.status,
            answer.body,
            [(b"content-type", _MEMORY), (_JSON_SIZE, size)],
        )

    async def alive(self, _: Request) -> Response:
        return _json({"status": "alive"})

    async def list_models(self, _: Request) -> Response:
        return _json({"models": [self._model]})

    async def get_model(self, _: Request) -> Response:
        return _json({"name": self._model, "ready": True})

    async def server_metadata(self, _: Request) -> Response:
        return _json(v2.server_metadata())

    async def live(self, _: Request) -> Response:
        return _json({"live": True})

    async def ready(self, _: Request) -> Response:
        return _json({"ready": True})

    async def model_metadata(self, _: Request) -> Response:
        service = self._service
        found = v2.model_metadata(service.name, service.version, service.chain.inputs)
        return _json(found)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer a request that matches no route, in JSON like every other answer."""
        path = request.url.path
        if isinstance(error, HTTPException) and error.status_code == _WRONG_METHOD:
            message = f"{path} does not support {request.method}"
            return _error(message, error.status_code, error.headers)
        message = (
            f"there is nothing at {path}; this server has the model {self._model}, "
            f"version {self._service.version}"
        )
        return _error(message, 404)


class _Prediction:
    """An ASGI application that reads a body, passes it on and sends the answer."""

    def __init__(self, ask: Ask, max_bytes: int) -> None:
        self._ask = ask
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given: Headers = scope["headers"]
        try:
            body = await read_body(given, receive, self._max_bytes)
            with watching(receive):
                status, answer, headers = await self._ask(body, given)
        except RequestError as error:
            status, answer = error.status, error_body(str(error))
            headers = [(b"content-type", _JSON)]
        except ClientDisconnect:
            status, answer, headers = 400, b"", []
        headers.append((b"content-length", b"%d" % len(answer)))
        await send(
            {"type": "http.response.start", "status": status, "headers": headers}
        )
        await send({"type": "http.response.body", "body": answer})


def _metrics_endpoint(meter: Meter) -> Callable[[Request], Response]:
    # Not async: it reads the files in which all processes count.
    def metrics(_: Request) -> Response:
        body, media_type = meter.page()
        return Response(body, headers={"content-type": media_type})

    return metrics


def _json(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")


def _error(
    message: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        error_body(message),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )
