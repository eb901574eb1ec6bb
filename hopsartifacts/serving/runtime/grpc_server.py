"""The gRPC interface of a deployment: V2 as ``inference.GRPCInferenceService``.

Several processes may serve one port; the operating system distributes connections.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import DecodeError

from hopsartifacts.serving.runtime import v2
from hopsartifacts.serving.runtime.failures import sayable
from hopsartifacts.serving.runtime.grpc_messages import (
    CONTENTS,
    METHODS,
    SERVICE,
    message_class,
)
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.service import Service
from hopsartifacts.serving.runtime.tensors import (
    DATATYPES,
    Tensor,
    as_text,
    read_bytes,
    read_values,
    refuse_missing,
    write_bytes,
)

_CODES: Mapping[int, grpc.StatusCode] = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}

_MOST_REASON = 2000

Handler = Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]


async def serve_grpc(
    service: Service, port: int, *, max_request_bytes: int, host: str = "127.0.0.1"
) -> grpc.aio.Server:
    """Serve on *port*, which other processes may share, and return the running server.

    ``await server.stop(grace)`` gives requests in progress *grace* seconds and makes
    clients reconnect. A request that arrives before the client has noticed is refused
    with ``CANCELLED`` and was not predicted.

    Raises:
        RuntimeError: the port is not available.
    """
    options = [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", max_request_bytes),
        ("grpc.max_send_message_length", -1),
    ]
    server = grpc.aio.server(options=options)
    answers = _Answers(service)
    handlers = {
        method: grpc.unary_unary_rpc_method_handler(_handler(answers, method))
        for method in METHODS
    }
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, handlers),)
    )
    server.add_insecure_port(f"{host}:{port}")
    await server.start()
    return server


def _handler(answers: "_Answers", method: str) -> Handler:
    request_class = message_class(f"{method}Request")
    answer_to = getattr(answers, method)

    async def handle(body: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            request = request_class.FromString(body)
        except DecodeError as error:
            reason = f"the request is not a {method}Request: {error}"
            await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, reason)
        answer: bytes = await answer_to(request, context)
        return answer

    return handle


class _Answers:
    """The handlers: one method for each method of the service, with the same name."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def ServerLive(self, *_: object) -> bytes:  # noqa: N802 - the protocol's name
        return _message("ServerLiveResponse", live=True)

    async def ServerReady(self, *_: object) -> bytes:  # noqa: N802 - as above
        return _message("ServerReadyResponse", ready=await self._is_ready())

    async def ServerMetadata(self, *_: object) -> bytes:  # noqa: N802 - as above
        return _message("ServerMetadataResponse", **v2.server_metadata())

    async def ModelReady(self, request: Any, *_: object) -> bytes:  # noqa: N802 - as above
        has_model = self._has(request.name, request.version)
        is_ready = has_model and await self._is_ready()
        return _message("ModelReadyResponse", ready=is_ready)

    async def ModelMetadata(self, request: Any, context: Any) -> bytes:  # noqa: N802 - as above
        await self._check_model(request.name, request.version, context)
        service = self._service
        metadata = v2.model_metadata(
            service.name, service.version, service.chain.inputs
        )
        return _message("ModelMetadataResponse", **metadata)

    async def ModelInfer(self, request: Any, context: Any) -> bytes:  # noqa: N802 - as above
        await self._check_model(request.model_name, request.model_version, context)
        call = _InferCall(self._service.name, self._service.version, request)
        answer = await self._service.handle(call)
        if answer.error is not None:
            code = _CODES.get(answer.status, grpc.StatusCode.INTERNAL)
            where = f"{answer.component}: " if answer.component else ""
            await _abort(context, code, f"{where}{answer.error}")
        return answer.body

    async def _is_ready(self) -> bool:
        return await self._service.readiness.flaw() is None

    def _has(self, name: str, version: str) -> bool:
        service = self._service
        return name == service.name and version in {"", str(service.version)}

    async def _check_model(self, name: str, version: str, context: Any) -> None:
        if not self._has(name, version):
            asked = f"{name!r}, version {version}" if version else repr(name)
            await _abort(
                context,
                grpc.StatusCode.NOT_FOUND,
                f"there is no model {asked}; this server has the model "
                f"{self._service.name}, version {self._service.version}",
            )


class _InferCall(v2.InferBodies):
    """One inference request over gRPC, and its answer."""

    protocol = "grpc"

    def __init__(self, model: str, version: int, request: Any) -> None:
        super().__init__(model, version)
        self.id = request.id or str(uuid4())
        self._request = request
        self._is_written = False

    def write(self, outputs: Any) -> bytes:
        """Return the answer, with its elements in the same form as in the request.

        Raises:
            RequestError: the request names an output that does not exist (400).
            TypeError: *outputs* are not tensors.
        """
        tensors = [*v2.chosen(self.tensors(outputs), self._wanted())]
        datatypes = {tensor.datatype for tensor in tensors}
        as_memory = bool(self._request.raw_input_contents)
        as_memory = as_memory or not datatypes <= CONTENTS.keys()
        answer = message_class("ModelInferResponse")(
            model_name=self._model, model_version=self._version, id=self.id
        )
        for tensor in tensors:
            described = answer.outputs.add(
                name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
            )
            if as_memory:
                answer.raw_output_contents.append(write_bytes(tensor))
            else:
                field = CONTENTS[tensor.datatype]
                getattr(described.contents, field).extend(_elements(tensor))
        body: bytes = answer.SerializeToString()
        self._outputs, self._is_written = tensors, True
        return body

    def shown(self, answer: bytes) -> tuple[bytes, bytes]:
        """Return the request and its answer as JSON over HTTP would have them."""
        if self._is_written:
            tensors = [v2.with_data(tensor) for tensor in self._outputs]
            answer = v2.answer_json(self._model, self._version, self.id, tensors)
        try:
            inputs = self._inputs()
        except RequestError:
            return self._request.SerializeToString(), answer
        return v2.request_json(self._read(), inputs), answer

    def _read(self) -> v2.InferRequest:
        request = self._request
        return v2.InferRequest(
            id=request.id or None,
            parameters=_parameters(request.parameters),
            inputs=[
                v2.InputTensor(
                    name=tensor.name,
                    shape=[*tensor.shape],
                    datatype=tensor.datatype,
                    parameters=_parameters(tensor.parameters),
                )
                for tensor in request.inputs
            ],
            outputs=self._wanted(),
        )

    def _request_parameters(self) -> dict[str, Any]:
        # Called for every request, so it must be cheaper than _read.
        return _parameters(self._request.parameters)

    def _wanted(self) -> list[v2.WantedOutput]:
        return [
            v2.WantedOutput(output.name, _parameters(output.parameters))
            for output in self._request.outputs
        ]

    def _inputs(self) -> list[tuple[str, list[Any]]]:
        inputs, memory = self._request.inputs, self._request.raw_input_contents
        if not memory:
            return [(tensor.name, _read_contents(tensor)) for tensor in inputs]
        if len(memory) != len(inputs):
            raise RequestError(
                400,
                f"the request has {len(inputs)} inputs, but raw contents for "
                f"{len(memory)}",
            )
        read = []
        for tensor, data in zip(inputs, memory, strict=True):
            v2.refuse_unsupported(tensor.name, tensor.parameters)
            rows = read_bytes(tensor.name, tensor.datatype, tensor.shape, data)
            read.append((tensor.name, rows))
        return read


async def _abort(context: Any, code: grpc.StatusCode, reason: str) -> None:
    """End the call with *reason*, shortened since clients refuse headers over 8 KB."""
    # In a header each byte beyond ASCII takes three.
    most = _MOST_REASON if reason.isascii() else _MOST_REASON // 4
    await context.abort(code, sayable(reason, most))


def _read_contents(tensor: Any) -> list[Any]:
    v2.refuse_unsupported(tensor.name, tensor.parameters)
    field = CONTENTS.get(tensor.datatype)
    if field is None and tensor.datatype in DATATYPES:
        raise RequestError(
            400, f"input {tensor.name!r} is {tensor.datatype}: send it as raw contents"
        )
    values = [] if field is None else [*getattr(tensor.contents, field)]
    if tensor.datatype == "BYTES":
        values = as_text(values)
    return read_values(tensor.name, tensor.datatype, tensor.shape, values)


def _elements(tensor: Tensor) -> Sequence[Any]:
    refuse_missing(tensor)
    if tensor.datatype != "BYTES":
        return tensor.values
    return [
        value.encode() if isinstance(value, str) else value for value in tensor.values
    ]


def _parameters(given: Any) -> dict[str, Any]:
    return {
        name: getattr(value, value.WhichOneof("parameter_choice"))
        for name, value in given.items()
        if value.WhichOneof("parameter_choice")
    }


def _message(name: str, /, **fields: Any) -> bytes:
    body: bytes = message_class(name)(**fields).SerializeToString()
    return body
