"""The HTTP interface of a deployment: routes, status codes, and V2 over HTTP."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any
from uuid import uuid4

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hopsartifacts.documents import without_bom
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
from hopsartifacts.serving.runtime.tensors import (
    Tensor,
    read_bytes,
    read_values,
    write_bytes,
)
from hopsartifacts.values import misspelt

_WRONG_METHOD = 405
_JSON = b"application/json"
_MEMORY = b"application/octet-stream"
_JSON_SIZE = b"inference-header-content-length"

Ask = Callable[[bytes, Headers], Awaitable[tuple[int, bytes, Headers]]]
App = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

_infer_requests = msgspec.json.Decoder(v2.InferRequest)


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
        return await self._readiness({"name": self._model})

    async def server_metadata(self, _: Request) -> Response:
        return _json(v2.server_metadata())

    async def live(self, _: Request) -> Response:
        return _json({"live": True})

    async def ready(self, _: Request) -> Response:
        return await self._readiness({})

    async def model_metadata(self, _: Request) -> Response:
        service = self._service
        found = v2.model_metadata(service.name, service.version, service.chain.inputs)
        return _json(found)

    async def _readiness(self, about: dict[str, Any]) -> Response:
        flaw = await self._service.readiness.flaw()
        if flaw is None:
            return _json({**about, "ready": True})
        return _json({**about, "ready": False, "error": flaw}, 503)

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


def _json(document: Any, status: int = 200) -> Response:
    body = msgspec.json.encode(document)
    return Response(body, status_code=status, media_type="application/json")


def _error(
    message: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        error_body(message),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


class InferCall(v2.InferBodies):
    """One inference request over HTTP and its answer; see ``service.PredictionCall``.

    Both are JSON. With the extension for binary tensor data, elements follow the JSON
    as raw bytes, and a header gives the size of the JSON.
    """

    protocol = "v2"

    def __init__(
        self, model: str, version: int, request: bytes, json_size: int | None = None
    ) -> None:
        super().__init__(model, version)
        self.json_size: int | None = None
        """How many bytes of the answer are JSON; None means all."""
        self._request = request
        self._request_json_size = json_size
        self._asked = v2.InferRequest(inputs=[])
        self._is_read = False

    def write(self, outputs: Any) -> bytes:
        """Return the body of the answer.

        Raises:
            RequestError: the request names an output that does not exist (400).
            TypeError: *outputs* are not tensors.
        """
        wanted = self._asked.outputs
        self._outputs = [*v2.chosen(self.tensors(outputs), wanted)]
        by_default = self._asked.parameters.get("binary_data_output") is True
        asked = {output.name: output.parameters for output in wanted or ()}
        parts: list[bytes] = []
        tensors = []
        for tensor in self._outputs:
            parameters = asked.get(tensor.name, {})
            if parameters.get("binary_data", by_default) is True:
                parts.append(write_bytes(tensor))
                size = {v2.BINARY_SIZE: len(parts[-1])}
                tensors.append(_described(tensor, size))
            else:
                tensors.append(v2.with_data(tensor))
        header = self._body(tensors)
        if not parts:
            return header
        self.json_size = len(header)
        return b"".join([header, *parts])

    def shown(self, answer: bytes) -> tuple[bytes, bytes]:
        """Return the request and its answer with all elements in JSON form."""
        request = self._request
        if self._is_read and self._request_json_size is not None:
            # Read the request again: scripts may have modified the rows.
            request = v2.request_json(self._asked, self._inputs())
        if self.json_size is not None:
            answer = self._body([v2.with_data(tensor) for tensor in self._outputs])
        return request, answer

    def _read(self) -> v2.InferRequest:
        self._asked = asked = self._decode()
        self.id = asked.id or str(uuid4())
        return asked

    def _decode(self) -> v2.InferRequest:
        size = self._request_json_size
        if size is not None and size > len(self._request):
            raise RequestError(
                400,
                f"the header gives {size} bytes for the JSON, but the body has only "
                f"{len(self._request)}",
            )
        try:
            return _infer_requests.decode(without_bom(memoryview(self._request)[:size]))
        except msgspec.ValidationError as error:
            raise RequestError(400, f"the body is not a V2 request: {error}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            words = misspelt(bytes(self._request[:size]), "the body") or error
            raise RequestError(400, f"the body is not JSON: {words}") from error

    def _inputs(self) -> list[tuple[str, list[Any]]]:
        size = self._request_json_size
        start = len(self._request) if size is None else size
        memory, position = memoryview(self._request)[start:], 0
        inputs = []
        for tensor in self._asked.inputs:
            length = _binary_size(tensor)
            if length is None:
                rows = _read_json(tensor)
            else:
                data = memory[position : position + length]
                rows = read_bytes(tensor.name, tensor.datatype, tensor.shape, data)
                position += length
            inputs.append((tensor.name, rows))
        if position != len(memory):
            raise RequestError(
                400,
                f"{len(memory)} bytes follow the JSON, but the inputs' "
                f"{v2.BINARY_SIZE} add up to {position}",
            )
        self._is_read = True
        return inputs

    def _body(self, tensors: list[v2.OutputTensor]) -> bytes:
        return v2.answer_json(self._model, self._version, self.id, tensors)


def _binary_size(tensor: v2.InputTensor) -> int | None:
    parameters = tensor.parameters
    if not parameters:
        return None
    v2.refuse_unsupported(tensor.name, parameters)
    size = parameters.get(v2.BINARY_SIZE)
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise RequestError(
            400, f"input {tensor.name!r} has {v2.BINARY_SIZE} {size!r}; give a number"
        )
    return size


def _read_json(tensor: v2.InputTensor) -> list[Any]:
    data = tensor.data
    if data is None:
        raise RequestError(400, f"input {tensor.name!r} has no data")
    if tensor.parameters.get(v2.CONTENT_TYPE) == v2.BASE64 and isinstance(data, list):
        try:
            data = [
                None if value is None else base64.b64decode(value, validate=True)
                for value in data
            ]
        except (TypeError, ValueError, binascii.Error) as error:
            raise RequestError(
                400, f"input {tensor.name!r} is not Base64: {error}"
            ) from error
    return read_values(tensor.name, tensor.datatype, tensor.shape, data)


def _described(tensor: Tensor, parameters: dict[str, Any]) -> v2.OutputTensor:
    return v2.OutputTensor(
        name=tensor.name,
        shape=tensor.shape,
        datatype=tensor.datatype,
        parameters=parameters,
    )
