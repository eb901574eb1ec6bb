"""The JSON documents of KServe's V2 protocol, the Open Inference Protocol."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Annotated, Any

import msgspec

from hopsartifacts.serving.contract import ModelInput
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.tensors import Elements, Tensor, as_text

SERVER_NAME = "hopsartifacts"
EXTENSIONS = ["binary_tensor_data"]
PLATFORM = "python"

BINARY_SIZE = "binary_data_size"
CONTENT_TYPE = "content_type"
BASE64 = "base64"
"""Content type of BYTES elements that are not text."""

_UNSUPPORTED = ("classification", "shared_memory_region")


class InputTensor(msgspec.Struct, frozen=True):
    """A tensor of a request; its elements are in ``data`` or follow the JSON."""

    name: str
    shape: list[Annotated[int, msgspec.Meta(ge=0)]]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = None


class WantedOutput(msgspec.Struct, frozen=True):
    """A tensor that the client requests as an output."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, frozen=True):
    """The JSON part of a request."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[WantedOutput] | None = None


class OutputTensor(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tensor of an answer."""

    name: str
    shape: Sequence[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = msgspec.UNSET


def chosen(
    tensors: list[Tensor], wanted: Sequence[WantedOutput] | None
) -> Iterator[Tensor]:
    """Yield the tensors that were requested; all if none is named.

    Raises:
        RequestError: there is no output with a requested name (400).
    """
    if not wanted:
        yield from tensors
        return
    found = {tensor.name: tensor for tensor in tensors}
    for output in wanted:
        refuse_unsupported(output.name, output.parameters)
        if output.name not in found:
            raise RequestError(
                400,
                f"the model has no output {output.name!r}, only "
                + ", ".join(map(repr, found)),
            )
        yield found[output.name]


def refuse_unsupported(name: str, parameters: Any) -> None:
    """Refuse parameters that would change the meaning of a tensor.

    Raises:
        RequestError: names the parameter (400).
    """
    for parameter in _UNSUPPORTED:
        if parameter in parameters:
            raise RequestError(
                400,
                f"{name!r} asks for {parameter}, which this server does not support",
            )


def request_json(asked: InferRequest, rows: list[tuple[str, list[Any]]]) -> bytes:
    """Return a request whose elements were sent as raw bytes in its JSON form."""
    inputs = []
    for tensor, (_, values) in zip(asked.inputs, rows, strict=True):
        parameters = {**tensor.parameters}
        parameters.pop(BINARY_SIZE, None)
        # A tensor that was sent as raw bytes has only text elements, or only bytes.
        kind = {CONTENT_TYPE: BASE64} if _leaf_is_bytes(values) else {}
        inputs.append(
            OutputTensor(
                name=tensor.name,
                shape=tensor.shape,
                datatype=tensor.datatype,
                parameters={**parameters, **kind},
                data=values,
            )
        )
    document: dict[str, Any] = {"inputs": inputs}
    if asked.id is not None:
        document["id"] = asked.id
    if asked.parameters:
        document["parameters"] = asked.parameters
    if asked.outputs:
        document["outputs"] = asked.outputs
    return msgspec.json.encode(document)


def answer_json(
    model: str, number: str, request_id: str | None, tensors: Sequence[OutputTensor]
) -> bytes:
    """Return the JSON of an answer."""
    return msgspec.json.encode(
        {
            "model_name": model,
            "model_version": number,
            "id": request_id,
            "outputs": tensors,
        }
    )


def server_metadata() -> dict[str, Any]:
    """Return the metadata of the server."""
    return {
        "name": SERVER_NAME,
        "version": version("hopsartifacts"),
        "extensions": EXTENSIONS,
    }


def model_metadata(
    model: str, number: int, inputs: Sequence[ModelInput] = ()
) -> dict[str, Any]:
    """Return the metadata of the model; outputs are named only in its answers."""
    return {
        "name": model,
        "versions": [str(number)],
        "platform": PLATFORM,
        "inputs": [msgspec.to_builtins(it) for it in inputs],
        "outputs": [],
    }


def with_data(tensor: Tensor) -> OutputTensor:
    """Return the tensor with its elements in JSON form."""
    values = tensor.values
    data = values.tolist() if isinstance(values, Elements) else values
    data, kind = _text_or_base64(tensor.datatype, data)
    return OutputTensor(
        name=tensor.name,
        shape=tensor.shape,
        datatype=tensor.datatype,
        parameters=kind,
        data=data,
    )


def _leaf_is_bytes(rows: Any) -> bool:
    while isinstance(rows, list) and rows:
        rows = rows[0]
    return isinstance(rows, bytes)


def _text_or_base64(datatype: str, values: Any) -> tuple[Any, dict[str, Any]]:
    """Return elements for JSON, and the parameters that say how to read them."""
    if datatype != "BYTES" or bytes not in set(map(type, values)):
        return values, {}
    data = [value.encode() if isinstance(value, str) else value for value in values]
    text = as_text(data)
    if text is not data:
        return text, {}
    return data, {CONTENT_TYPE: BASE64}
