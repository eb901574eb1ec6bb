"""From what a user passes to ``predict`` to a request, of V1 or of V2, and back."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidInputError

_KEYS = ("name", "shape", "datatype", "data")


class InferOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor that a deployment with the protocol GRPC answered.

    Attributes:
        name: ``output-0``, if the model gave its output no name.
        shape: how long each dimension is.
        datatype: as the V2 protocol calls it: ``FP64``, ``INT64``, ``BYTES`` …
        data: all elements, the last dimension varying fastest.
    """

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]

    def as_numpy(self) -> Any:
        """Return the elements as an array."""
        import numpy as np  # noqa: PLC0415 - not needed otherwise

        names = {"BOOL": "bool", "BYTES": "object", "BF16": "float32"}
        name = self.datatype.lower().replace("fp", "float")
        kind = names.get(self.datatype, name)
        return np.array(self.data, dtype=kind).reshape(self.shape)


def ask(
    send: Callable[[dict[str, Any]], Any], api_protocol: str, data: Any, inputs: Any
) -> Any:
    """Return the answer to ``predict(data=…)`` or ``predict(inputs=…)``.

    With the protocol ``GRPC`` tensors go out and a list of ``InferOutput`` comes back;
    a request with ``instances`` is one of V1 there, too.

    Args:
        send: sends the body of a request and returns that of its answer.
        api_protocol: the deployment's.
        data: see ``Deployment.predict``.
        inputs: see ``Deployment.predict``.

    Raises:
        InvalidInputError: both, neither, or something that is no request.
    """
    is_v1 = isinstance(data, Mapping) and "instances" in data
    if api_protocol != "GRPC" or is_v1:
        return send(payload(data, inputs))
    answer = send(infer_payload(data, inputs))
    return msgspec.convert(answer["outputs"], list[InferOutput])


def infer_payload(data: Any, inputs: Any) -> dict[str, Any]:
    """Return the body of a V2 request.

    Args:
        data: a list of tensors, as dictionaries or objects with these attributes, such
            as the ``InferInput`` of other clients; or the whole request.
        inputs: one such tensor, or a list.

    Raises:
        InvalidInputError: both, neither, or something that is no request.
    """
    if (data is None) == (inputs is None):
        raise InvalidInputError("give either data or inputs to predict")
    request: dict[str, Any] = {}
    if isinstance(data, Mapping) and "inputs" in data:
        request = {str(key): _plain(value) for key, value in data.items()}
        given = request["inputs"]
    else:
        given = inputs if data is None else data
    tensors = given if isinstance(given, list | tuple) else [given]
    if not tensors:
        raise InvalidInputError("there is no tensor to predict from")
    return {**request, "inputs": [_tensor(tensor) for tensor in tensors]}


def payload(data: Any, inputs: Any) -> dict[str, Any]:
    """Return the request body for ``predict(data=…)`` or ``predict(inputs=…)``.

    Raises:
        InvalidInputError: both, neither, or something that is no request.
    """
    if data is not None and inputs is not None:
        raise InvalidInputError("give either data or inputs to predict, not both")
    if inputs is not None:
        return {"instances": _instances(_plain(inputs))}
    if not isinstance(data, Mapping) or len(data.keys() & {"instances", "inputs"}) != 1:
        raise InvalidInputError(
            "predict needs inputs=[…], or data={'instances': […]} (or 'inputs')"
        )
    body = {str(key): _plain(value) for key, value in data.items()}
    # What else the rows have to be is for the transformer to say, or the model server.
    if body.get("instances", body.get("inputs")) in ([], ()):
        raise InvalidInputError("data['instances'] (or 'inputs') has no row: give one")
    return body


def _instances(inputs: Any) -> list[Any]:
    """Return a list of rows: one row is wrapped, as in Hopsworks 5 (not 4.1)."""
    if isinstance(inputs, Mapping):
        return [inputs]
    if isinstance(inputs, list | tuple) and inputs:
        is_row = not any(isinstance(item, list | tuple | Mapping) for item in inputs)
        return [inputs] if is_row else list(inputs)
    raise InvalidInputError(
        f"inputs is {_words(inputs)}: give a row like [1, 2], a list of rows, or a dict"
    )


def _tensor(given: Any) -> dict[str, Any]:
    def value_of(key: str) -> Any:
        if isinstance(given, Mapping):
            return given.get(key)
        return getattr(given, key, None)

    found = {key: value_of(key) for key in _KEYS}
    missing = [key for key, value in found.items() if value is None]
    if missing:
        raise InvalidInputError(
            f"a tensor has no {' and no '.join(missing)}: with the protocol GRPC "
            "give {'name': 'x', 'shape': [1, 2], 'datatype': 'FP32', "
            "'data': [0.5, 1.5]}, or a list of such"
        )
    tensor = {key: _plain(value) for key, value in found.items()}
    parameters = value_of("parameters")
    return {**tensor, "parameters": _plain(parameters)} if parameters else tensor


def _plain(value: Any) -> Any:
    """Return frames and arrays as lists, and everything else as JSON has it."""
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        return value.to_dict("records")
    if hasattr(value, "tolist"):
        return value.tolist()
    try:
        return msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=_values)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"the request cannot be written as JSON: {error}"
        ) from error


def _values(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"it holds a {type(value).__name__}")


def _words(value: object) -> str:
    return "an empty list" if value == [] else f"a {type(value).__name__}"
