"""Tensors that users describe: dictionaries, or the inputs of other clients."""

from collections.abc import Mapping
from typing import Any

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.tensors import Tensor, flatten, read_bytes
from hopsartifacts.values import plain

_KEYS = ("name", "shape", "datatype", "data")
_ENOUGH = 3
"""A dictionary with so many of these keys is a tensor, and no row of a model."""


def is_described(given: Any) -> bool:
    """Tell whether *given* describes a tensor, perhaps not whole."""
    if isinstance(given, Mapping):
        return len(given.keys() & {*_KEYS}) >= _ENOUGH
    # A frame of pandas has its columns as attributes, whatever they are called.
    is_frame = hasattr(given, "iloc")
    return not is_frame and all(hasattr(given, key) for key in _KEYS[:3])


def described(given: Any) -> dict[str, Any]:
    """Return the tensor that *given* describes, as V2 has it in JSON.

    Args:
        given: a dictionary with the four keys, or an object with these attributes or
            methods, such as the ``InferInput`` of tritonclient or KServe.

    Raises:
        InvalidInputError: something is missing or is not what it should be.
    """
    found = {key: _value(given, key) for key in _KEYS}
    if found["data"] is None:
        found["data"] = _data_of_client(given, found)
    missing = [key for key, value in found.items() if value is None]
    if missing:
        raise InvalidInputError(
            f"a tensor has no {' and no '.join(missing)}: with the protocol GRPC "
            "give {'name': 'x', 'shape': [1, 2], 'datatype': 'FP32', "
            "'data': [0.5, 1.5]}, a list of such, or rows"
        )
    parameters = _value(given, "parameters")
    if parameters:
        found["parameters"] = parameters
    try:
        tensor: dict[str, Any] = plain(found, "the tensor")
    except TypeError as error:
        raise InvalidInputError(str(error)) from error
    return tensor


def as_document(tensor: Tensor) -> dict[str, Any]:
    """Return *tensor* as V2 has it in JSON."""
    return {
        "name": tensor.name,
        "shape": [*tensor.shape],
        "datatype": tensor.datatype,
        "data": [*tensor.values],
    }


def _value(given: Any, key: str) -> Any:
    if isinstance(given, Mapping):
        return given.get(key)
    value = getattr(given, key, None)
    return value() if callable(value) else value


def _data_of_client(given: Any, found: Mapping[str, Any]) -> Any:
    """Return the elements of another client's input, which it keeps to itself."""
    memory = getattr(given, "_raw_data", None) or getattr(given, "_raw_content", None)
    if memory is None:
        return getattr(given, "_data", None)
    shape = [*found["shape"]]
    try:
        rows = read_bytes(found["name"], found["datatype"], shape, memory)
        return flatten(rows)[1]
    except RequestError as error:
        raise InvalidInputError(str(error)) from error
