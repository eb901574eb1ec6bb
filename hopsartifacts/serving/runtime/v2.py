"""KServe's V2 protocol, the Open Inference Protocol: its documents, and its calls.

What is here is the same over HTTP (``app``) and over gRPC (``grpc_server``).

JSON, binary tensors and gRPC give transformers the same dictionaries, in the form of
the protocol's JSON: ``data`` is nested lists of the given ``shape``. A transformer may
also return the elements in one flat list, or an array.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from math import nan, prod
from typing import Annotated, Any, TypeVar

import msgspec

from hopsartifacts.serving.contract import ModelInput
from hopsartifacts.serving.runtime.protocol import RequestError, rows_in
from hopsartifacts.serving.runtime.tensors import (
    DATATYPES,
    Elements,
    Tensor,
    as_text,
    flatten,
    nest,
    read_values,
    rows_of,
    tensors_of,
)
from hopsartifacts.values import plain

SERVER_NAME = "hopsartifacts"
EXTENSIONS = ["binary_tensor_data"]
PLATFORM = "python"

BINARY_SIZE = "binary_data_size"
CONTENT_TYPE = "content_type"
BASE64 = "base64"
"""Content type of BYTES elements that are not text."""

_Converted = TypeVar("_Converted")
OBJECTS = "pd"
"""Content type of a request whose rows are objects even if it has one input."""
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


class InferBodies(ABC):
    """The request and the answer of a call as dictionaries; see ``chain.Request``.

    Subclasses define how a request is read.
    """

    def __init__(self, model: str, version: int) -> None:
        self.id: str | None = None
        self._model = model
        self._version = str(version)
        self._outputs: list[Tensor] = []
        """The tensors of the answer."""

    @abstractmethod
    def _read(self) -> InferRequest:
        """Return the request without its elements, and store its id."""

    def _request_parameters(self) -> Mapping[str, Any]:
        """Return the parameters of the request itself, not of its tensors."""
        return self._read().parameters

    @abstractmethod
    def _inputs(self) -> list[tuple[str, list[Any]]]:
        """Return the name and the nested rows of each input."""

    def rows(self) -> list[Any]:
        """Return the rows of the request.

        Raises:
            RequestError: the request breaks the protocol (400).
        """
        parameters = self._request_parameters()
        return _rows(parameters, self._inputs())

    def body(self) -> dict[str, Any]:
        """Return the request in the form for ``preprocess``.

        Raises:
            RequestError: the request breaks the protocol (400).
        """
        asked = self._read()
        inputs = self._inputs()
        _rows(asked.parameters, inputs)
        tensors = [
            _input(tensor, rows)
            for tensor, (_, rows) in zip(asked.inputs, inputs, strict=True)
        ]
        body: dict[str, Any] = {"id": self.id, "inputs": tensors}
        if asked.parameters:
            body["parameters"] = asked.parameters
        if asked.outputs:
            body["outputs"] = msgspec.to_builtins(asked.outputs)
        return body

    def rows_in(self, body: Any) -> Any:
        """Return the rows in the result of ``preprocess``.

        A dictionary with ``inputs`` is a request, whose inputs are read. One with
        ``instances`` has the rows there. Any other value is the rows.

        Raises:
            ValueError: it has both keys, or its inputs are not tensors.
            RequestError: a tensor does not match its shape or datatype.
        """
        rows = rows_in(body)
        if rows is body or "inputs" not in body:
            return rows
        request = converted(
            body, InferRequest, "preprocess did not return a V2 request"
        )
        inputs = [
            (
                tensor.name,
                read_values(tensor.name, tensor.datatype, tensor.shape, tensor.data),
            )
            for tensor in request.inputs
        ]
        return _rows(request.parameters, inputs)

    def answer(self, outputs: Any) -> dict[str, Any]:
        """Return the answer in the form for ``postprocess``.

        Raises:
            TypeError: *outputs* are not tensors.
        """
        return {
            "model_name": self._model,
            "model_version": self._version,
            "id": self.id,
            "outputs": [_output(tensor) for tensor in self.tensors(outputs)],
        }

    def outputs_in(self, answer: Any) -> Any:
        """Return the result of ``postprocess`` in a form for ``tensors``.

        A dictionary with ``outputs`` is an answer, whose outputs are read. Any other
        value is the outputs.

        Raises:
            ValueError: its outputs are not tensors.
        """
        if not isinstance(answer, dict) or "outputs" not in answer:
            return answer
        given = converted(
            answer, _ReturnedAnswer, "postprocess did not return a V2 answer"
        )
        names = [output.name for output in given.outputs]
        if len(set(names)) < len(names):
            words = ", ".join(map(repr, names))
            raise ValueError(
                f"postprocess returned two outputs with the same name: {words}"
            )
        return AnsweredTensors(_tensor(output) for output in given.outputs)

    def tensors(self, outputs: Any) -> list[Tensor]:
        """Return the result of the chain as tensors.

        Raises:
            TypeError: *outputs* are not tensors.
        """
        return outputs if isinstance(outputs, AnsweredTensors) else tensors_of(outputs)


class AnsweredTensors(list[Tensor]):
    """Tensors from an answer that a transformer returned."""


class _ReturnedTensor(msgspec.Struct, forbid_unknown_fields=True):
    """A tensor of an answer that a transformer returned."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class _ReturnedAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """An answer that a transformer returned; only its outputs are used."""

    outputs: list[_ReturnedTensor]
    model_name: Any = None
    model_version: Any = None
    id: Any = None


def _rows(
    parameters: Mapping[str, Any], inputs: list[tuple[str, list[Any]]]
) -> list[Any]:
    return rows_of(inputs, as_objects=parameters.get(CONTENT_TYPE) == OBJECTS)


def _input(tensor: InputTensor, rows: list[Any]) -> dict[str, Any]:
    # Drop parameters about the encoding of the elements: they are lists now.
    parameters = {
        name: value
        for name, value in tensor.parameters.items()
        if name not in {BINARY_SIZE, CONTENT_TYPE}
    }
    described: dict[str, Any] = {
        "name": tensor.name,
        "shape": tensor.shape,
        "datatype": tensor.datatype,
        "data": rows,
    }
    return {**described, "parameters": parameters} if parameters else described


def _output(tensor: Tensor) -> dict[str, Any]:
    values, shape = tensor.values, [*tensor.shape]
    data = values.tolist() if isinstance(values, Elements) else [*values]
    if tensor.datatype == "BYTES" and set(map(type, data)) <= {bytes, type(None)}:
        data = as_text(data)
    return {
        "name": tensor.name,
        "shape": shape,
        "datatype": tensor.datatype,
        # A tensor without elements has nothing to nest.
        "data": nest(data, shape) if data else [],
    }


def _tensor(output: _ReturnedTensor) -> Tensor:
    name, datatype, shape = output.name, output.datatype, output.shape
    kind = DATATYPES.get(datatype)
    if kind is None:
        known = ", ".join(DATATYPES)
        raise ValueError(
            f"postprocess returned output {name!r} with the unknown datatype "
            f"{datatype!r}; known are {known}"
        )
    found, flat = flatten(output.data)
    if len(flat) != prod(shape) or (len(found) > 1 and found != shape):
        raise ValueError(
            f"postprocess returned output {name!r} of shape {shape} with data of shape "
            f"{found}; change shape with the data, or return the bare outputs"
        )
    strangers = sorted(type_.__name__ for type_ in set(map(type, flat)) - kind.kinds)
    if strangers:
        raise ValueError(
            f"postprocess returned output {name!r} as {datatype}, but its data "
            f"contains {strangers[0]}; change datatype with the data, or return the "
            "bare outputs"
        )
    if kind.highest and flat and not _is_within(flat, kind.lowest, kind.highest):
        raise ValueError(
            f"postprocess returned output {name!r} with values beyond {datatype}"
        )
    if float in kind.kinds:
        # As in a request, null stands for NaN.
        flat = [nan if value is None else value for value in flat]
    return Tensor(name, datatype, shape, flat)


def _is_within(values: Sequence[int], lowest: int, highest: int) -> bool:
    return lowest <= min(values) and max(values) <= highest


def converted(
    document: dict[Any, Any], kind: type[_Converted], words: str
) -> _Converted:
    """Return *document*, in which arrays are allowed, as *kind*.

    Raises:
        ValueError: it is not one; the message begins with *words*.
    """
    try:
        return msgspec.convert(plain(document, "the body"), kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{words}: {error}; return one, or the bare values") from error
