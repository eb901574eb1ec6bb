"""The gRPC client for model servers on this machine."""

import os
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from math import prod
from typing import Any

import grpc

from hopsartifacts.errors import (
    InvalidInputError,
    NotRunningError,
    PredictionError,
    ServingError,
)
from hopsartifacts.serving.local.log_files import way_to_logs
from hopsartifacts.serving.runtime.grpc_messages import (
    CONTENTS,
    SERVICE,
    message_class,
)
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.tensors import (
    Tensor,
    as_text,
    flatten,
    read_bytes,
    read_values,
    write_bytes,
)

_TIMEOUT_S = 300
_ATTEMPTS = 3
_STATUS: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 413,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


def predict(port: int, deployment: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Send a V2 request, given in its JSON form, and return the answer in that form.

    Raises:
        InvalidInputError: a tensor does not match its shape or datatype.
        NotRunningError: the server does not run, or ended before it answered.
        PredictionError: the answer is an error, or there is none in time.
    """
    request = _request(deployment, payload)
    call = _channel(os.getpid(), port).unary_unary(
        f"/{SERVICE}/ModelInfer",
        request_serializer=type(request).SerializeToString,
        response_deserializer=message_class("ModelInferResponse").FromString,
    )
    for attempt in count(1):
        try:
            answer = call(request, timeout=_TIMEOUT_S)
            break
        except grpc.RpcError as error:
            # The client never cancels: a server that stops refused the request.
            if error.code() != grpc.StatusCode.CANCELLED or attempt == _ATTEMPTS:
                raise _error(deployment, error) from error
    return _document(answer)


def _error(deployment: str, error: grpc.RpcError) -> ServingError:
    code, detail = error.code(), error.details()
    if code == grpc.StatusCode.UNAVAILABLE:
        return NotRunningError(
            f"deployment {deployment!r} does not answer, or ended while it "
            f"answered: {detail}"
        )
    message = f"deployment {deployment!r} answered with {code.name}: {detail}"
    return PredictionError(
        f"{message}{way_to_logs(detail)}", _STATUS.get(code, 500), detail
    )


@lru_cache(maxsize=64)
def _channel(pid: int, port: int) -> grpc.Channel:
    """Return the channel to *port*, one per process: channels do not survive a fork."""
    del pid
    options = [
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        # A proxy cannot reach the loopback interface of this machine.
        ("grpc.enable_http_proxy", 0),
    ]
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=options)


def _request(deployment: str, payload: Mapping[str, Any]) -> Any:
    request = message_class("ModelInferRequest")(
        model_name=deployment, id=payload.get("id") or ""
    )
    _set_parameters(request, payload.get("parameters") or {})
    for given in payload["inputs"]:
        name, datatype, shape = given["name"], given["datatype"], given["shape"]
        if datatype == "BF16":
            raise InvalidInputError(f"input {name!r}: send FP32 instead of BF16")
        try:
            rows = read_values(name, datatype, shape, given.get("data"))
        except RequestError as error:
            raise InvalidInputError(str(error)) from error
        described = request.inputs.add(name=name, datatype=datatype, shape=shape)
        _set_parameters(described, given.get("parameters") or {})
        tensor = Tensor(name, datatype, shape, flatten(rows)[1])
        try:
            request.raw_input_contents.append(write_bytes(tensor))
        except TypeError as error:
            raise InvalidInputError(f"input {name!r}: {error}") from error
    for wanted in payload.get("outputs") or ():
        request.outputs.add(name=wanted["name"])
    return request


def _set_parameters(message: Any, parameters: Mapping[str, Any]) -> None:
    fields = {bool: "bool_param", int: "int64_param", str: "string_param"}
    for name, value in parameters.items():
        field = fields.get(type(value), "double_param")
        setattr(message.parameters[name], field, value)


def _document(answer: Any) -> dict[str, Any]:
    memory = answer.raw_output_contents
    outputs = []
    for at, tensor in enumerate(answer.outputs):
        shape = [*tensor.shape]
        values: list[Any] = []
        if not memory:
            values = [*getattr(tensor.contents, CONTENTS[tensor.datatype])]
            values = as_text(values) if tensor.datatype == "BYTES" else values
        elif prod(shape):
            rows = read_bytes(tensor.name, tensor.datatype, shape, memory[at])
            values = flatten(rows)[1]
        outputs.append(
            {
                "name": tensor.name,
                "shape": shape,
                "datatype": tensor.datatype,
                "data": values,
            }
        )
    return {
        "model_name": answer.model_name,
        "model_version": answer.model_version,
        "id": answer.id,
        "outputs": outputs,
    }
