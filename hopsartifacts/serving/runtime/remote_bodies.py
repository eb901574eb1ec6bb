"""V2 requests to a predictor that runs elsewhere, and its answers, as JSON."""

import base64
from collections.abc import Iterable
from math import nan
from typing import Any

import msgspec

from hopsartifacts.serving.runtime import v2
from hopsartifacts.serving.runtime.protocol import rows_in
from hopsartifacts.serving.runtime.tensors import (
    DATATYPES,
    Tensor,
    flatten,
    read_values,
    tensors_of,
)

_UNNAMED = "input-0"
_WORDS = "preprocess did not return a V2 request"


class _PredictorAnswer(msgspec.Struct):
    outputs: list[v2.InputTensor]


def infer_request(body: Any, request_id: str | None) -> bytes:
    """Return the request for *body*: a V2 request, or plain rows, as scripts give them.

    Raises:
        ValueError: it has both of the keys of rows, or its inputs are not tensors.
        RequestError: a tensor does not match its shape or datatype.
        TypeError: the rows cannot be tensors.
    """
    rows = rows_in(body)
    if rows is body or "inputs" not in body:
        tensors = tensors_of(rows, "row", _UNNAMED)
        is_named = [tensor.name for tensor in tensors] != [_UNNAMED]
        return _encoded(tensors, request_id, as_objects=is_named)
    asked = v2.converted(body, v2.InferRequest, _WORDS)
    as_objects = asked.parameters.get(v2.CONTENT_TYPE) == v2.OBJECTS
    return _encoded(map(_checked, asked.inputs), request_id, as_objects=as_objects)


def infer_outputs(answer: bytes) -> v2.AnsweredTensors:
    """Return the outputs in an answer to ``infer_request``.

    Raises:
        ValueError: it is not an answer.
    """
    found = msgspec.json.decode(answer, type=_PredictorAnswer)
    return v2.AnsweredTensors(map(_received, found.outputs))


def _encoded(
    tensors: Iterable[Tensor], request_id: str | None, *, as_objects: bool
) -> bytes:
    document: dict[str, Any] = {"inputs": [v2.with_data(it) for it in tensors]}
    if request_id is not None:
        document["id"] = request_id
    if as_objects:
        document["parameters"] = {v2.CONTENT_TYPE: v2.OBJECTS}
    return msgspec.json.encode(document)


def _checked(tensor: v2.InputTensor) -> Tensor:
    name, datatype, shape = tensor.name, tensor.datatype, tensor.shape
    _, flat = flatten(read_values(name, datatype, shape, tensor.data))
    return Tensor(name, datatype, shape, flat)


def _received(output: v2.InputTensor) -> Tensor:
    _, flat = flatten(output.data)
    if output.parameters.get(v2.CONTENT_TYPE) == v2.BASE64:
        flat = [None if value is None else base64.b64decode(value) for value in flat]
    elif float in DATATYPES[output.datatype].kinds:
        # In JSON, null stands for NaN.
        flat = [nan if value is None else value for value in flat]
    return Tensor(output.name, output.datatype, output.shape, flat)
