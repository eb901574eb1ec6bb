"""Inference requests of the V2 protocol and their answers, for scripts and over HTTP.

JSON, binary tensors and gRPC give transformers the same dictionaries, in the form of
the protocol's JSON: ``data`` is nested lists of the given ``shape``. A transformer may
also return the elements in one flat list, or an array.

Over HTTP both are JSON. With the extension for binary tensor data, elements follow the
JSON as raw bytes, and a header gives the size of the JSON.
"""

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import nan, prod
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from hopsartifacts.documents import without_bom
from hopsartifacts.serving.runtime.protocol import RequestError, rows_in
from hopsartifacts.serving.runtime.tensors import (
    DATATYPES,
    Elements,
    Tensor,
    as_text,
    flatten,
    nest,
    read_bytes,
    read_values,
    rows_of,
    tensors_of,
    write_bytes,
)
from hopsartifacts.serving.runtime.v2 import (
    BASE64,
    BINARY_SIZE,
    CONTENT_TYPE,
    InferRequest,
    InputTensor,
    OutputTensor,
    answer_json,
    chosen,
    refuse_unsupported,
    request_json,
    with_data,
)
from hopsartifacts.values import misspelt, plain

_Converted = TypeVar("_Converted")
_OBJECTS = "pd"
"""Content type of a request whose rows are objects even if it has one input."""


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
        request = _converted(
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
            "outputs": [_output(tensor) for tensor in tensors_of(outputs)],
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
        given = _converted(answer, _Answer, "postprocess did not return a V2 answer")
        names = [output.name for output in given.outputs]
        if len(set(names)) < len(names):
            words = ", ".join(map(repr, names))
            raise ValueError(
                f"postprocess returned two outputs with the same name: {words}"
            )
        return _Tensors(_tensor(output) for output in given.outputs)

    def tensors(self, outputs: Any) -> list[Tensor]:
        """Return the result of the chain as tensors.

        Raises:
            TypeError: *outputs* are not tensors.
        """
        return outputs if isinstance(outputs, _Tensors) else tensors_of(outputs)


class _Tensors(list[Tensor]):
    """Tensors from an answer that a transformer returned."""


class _OutputTensor(msgspec.Struct, forbid_unknown_fields=True):
    """A tensor of an answer that a transformer returned."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    """An answer that a transformer returned; only its outputs are used."""

    outputs: list[_OutputTensor]
    model_name: Any = None
    model_version: Any = None
    id: Any = None


def _rows(
    parameters: Mapping[str, Any], inputs: list[tuple[str, list[Any]]]
) -> list[Any]:
    return rows_of(inputs, as_objects=parameters.get(CONTENT_TYPE) == _OBJECTS)


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


def _tensor(output: _OutputTensor) -> Tensor:
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


def _converted(
    document: dict[Any, Any], kind: type[_Converted], words: str
) -> _Converted:
    # ``plain`` turns arrays into lists.
    try:
        return msgspec.convert(plain(document, "the body"), kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{words}: {error}; return one, or the bare values") from error


class InferCall(InferBodies):
    """One inference request and its answer; see ``service.Call``."""

    protocol = "v2"

    def __init__(
        self, model: str, version: int, request: bytes, json_size: int | None = None
    ) -> None:
        super().__init__(model, version)
        self.json_size: int | None = None
        """How many bytes of the answer are JSON; None means all."""
        self._request = request
        self._request_json_size = json_size
        self._asked = InferRequest(inputs=[])
        self._is_read = False

    def write(self, outputs: Any) -> bytes:
        """Return the body of the answer.

        Raises:
            RequestError: the request names an output that does not exist (400).
            TypeError: *outputs* are not tensors.
        """
        wanted = self._asked.outputs
        self._outputs = [*chosen(self.tensors(outputs), wanted)]
        by_default = self._asked.parameters.get("binary_data_output") is True
        asked = {output.name: output.parameters for output in wanted or ()}
        parts: list[bytes] = []
        tensors = []
        for tensor in self._outputs:
            parameters = asked.get(tensor.name, {})
            if parameters.get("binary_data", by_default) is True:
                parts.append(write_bytes(tensor))
                size = {BINARY_SIZE: len(parts[-1])}
                tensors.append(_described(tensor, size))
            else:
                tensors.append(with_data(tensor))
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
            request = request_json(self._asked, self._inputs())
        if self.json_size is not None:
            answer = self._body([with_data(tensor) for tensor in self._outputs])
        return request, answer

    def _read(self) -> InferRequest:
        self._asked = asked = self._decode()
        self.id = asked.id or str(uuid4())
        return asked

    def _decode(self) -> InferRequest:
        size = self._request_json_size
        if size is not None and size > len(self._request):
            raise RequestError(
                400,
                f"the header gives {size} bytes for the JSON, but the body has only "
                f"{len(self._request)}",
            )
        try:
            return _decoder.decode(without_bom(memoryview(self._request)[:size]))
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
                f"{BINARY_SIZE} add up to {position}",
            )
        self._is_read = True
        return inputs

    def _body(self, tensors: list[OutputTensor]) -> bytes:
        return answer_json(self._model, self._version, self.id, tensors)


def _binary_size(tensor: InputTensor) -> int | None:
    parameters = tensor.parameters
    if not parameters:
        return None
    refuse_unsupported(tensor.name, parameters)
    size = parameters.get(BINARY_SIZE)
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise RequestError(
            400, f"input {tensor.name!r} has {BINARY_SIZE} {size!r}; give a number"
        )
    return size


def _read_json(tensor: InputTensor) -> list[Any]:
    data = tensor.data
    if data is None:
        raise RequestError(400, f"input {tensor.name!r} has no data")
    if tensor.parameters.get(CONTENT_TYPE) == BASE64 and isinstance(data, list):
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


def _described(tensor: Tensor, parameters: dict[str, Any]) -> OutputTensor:
    return OutputTensor(
        name=tensor.name,
        shape=tensor.shape,
        datatype=tensor.datatype,
        parameters=parameters,
    )


_decoder = msgspec.json.Decoder(InferRequest)
