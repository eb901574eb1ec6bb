"""An inference request over HTTP, and its answer, in the V2 protocol.

Both are JSON. With the extension for binary tensor data, elements follow the JSON as
raw bytes, and a header gives the size of the JSON.
"""

import base64
import binascii
from typing import Any
from uuid import uuid4

import msgspec

from hopsartifacts.documents import without_bom
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.tensors import (
    Tensor,
    read_bytes,
    read_values,
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
from hopsartifacts.serving.runtime.v2_bodies import InferBodies
from hopsartifacts.values import misspelt


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
