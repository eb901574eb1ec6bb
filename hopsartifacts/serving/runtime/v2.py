"""The documents of KServe's V2 protocol, the Open Inference Protocol, as JSON."""

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
"""Content type of BYTES that are no text."""

_UNSUPPORTED = ("classification", "shared_memory_region")


class InputTensor(msgspec.Struct, frozen=True):
    """A tensor of a request; its elements are in ``data`` or behind the JSON."""

    name: str
    shape: list[Annotated[int, msgspec.Meta(ge=0)]]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = None


class WantedOutput(msgspec.Struct, frozen=True):
    """A tensor that the client wants to get back."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, frozen=True):
    """The JSON of a request."""

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
    """Yield the tensors that are wanted: all, if none is named.

    Raises:
        RequestError: there is none of the name (400).
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
    """Refuse what would change the meaning of a tensor.

    Raises:
        RequestError: names the parameter (400).
    """
    for parameter in _UNSUPPORTED:
        if parameter in parameters:
            raise RequestError(
                400, f"{name!r} asks for {parameter}, which this server does not do"
            )


def request_json(asked: InferRequest, rows: list[tuple[str, list[Any]]]) -> bytes:
    """Return a request whose elements came as memory in the form of JSON."""
    inputs = []
    for tensor, (_, values) in zip(asked.inputs, rows, strict=True):
        parameters = {**tensor.parameters}
        parameters.pop(BINARY_SIZE, None)
        # The elements of a tensor that came as memory are all text, or all bytes.
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
    """Return what the server is."""
    return {
        "name": SERVER_NAME,
        "version": version("hopsartifacts"),
        "extensions": EXTENSIONS,
    }


def model_metadata(
    model: str, number: int, inputs: Sequence[ModelInput] = ()
) -> dict[str, Any]:
    """Return what is known of the model; its answers name the outputs themselves."""
    return {
        "name": model,
        "versions": [str(number)],
        "platform": PLATFORM,
        "inputs": [msgspec.to_builtins(it) for it in inputs],
        "outputs": [],
    }


def with_data(tensor: Tensor) -> OutputTensor:
    """Return the tensor with its elements as JSON has them."""
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
