"""Requests to a deployment, of V1 or of V2, and golden requests.

What a user passes to ``predict`` becomes a request; tensors can be given as
dictionaries, or as the inputs of other clients. A golden request has the answer that a
version must give before it counts as ready.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from hopsartifacts.documents import encode
from hopsartifacts.errors import (
    InvalidDeploymentError,
    InvalidInputError,
    NotRunningError,
)
from hopsartifacts.foreign import CONTAINERS
from hopsartifacts.serving.contract import Golden
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.tensors import (
    Tensor,
    flatten,
    read_bytes,
    tensors_of,
)
from hopsartifacts.serving.runtime.v2 import CONTENT_TYPE
from hopsartifacts.values import frame_columns, plain

_KEYS = ("name", "shape", "datatype", "data")
_ENOUGH = 3
"""A dictionary with at least so many of these keys is a tensor, not a row."""


def is_described(given: Any) -> bool:
    """Return whether *given* describes a tensor, even if something is missing."""
    if isinstance(given, Mapping):
        return len(given.keys() & {*_KEYS}) >= _ENOUGH
    # A pandas frame has its columns as attributes, and a column may have any name.
    is_frame = hasattr(given, "iloc")
    return not is_frame and all(hasattr(given, key) for key in _KEYS[:3])


def described(given: Any) -> dict[str, Any]:
    """Return the tensor that *given* describes in the JSON form of V2.

    Args:
        given: a dictionary with the four keys, or an object with these attributes or
            methods, such as the ``InferInput`` of tritonclient or KServe.

    Raises:
        InvalidInputError: a part is missing or is not valid.
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
    """Return *tensor* in the JSON form of V2."""
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
    """Return the elements in an input object of another client."""
    memory = getattr(given, "_raw_data", None) or getattr(given, "_raw_content", None)
    if memory is None:
        return getattr(given, "_data", None)
    shape = [*found["shape"]]
    try:
        rows = read_bytes(found["name"], found["datatype"], shape, memory)
        return flatten(rows)[1]
    except RequestError as error:
        raise InvalidInputError(str(error)) from error


class InferOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor in the answer of a deployment with the protocol GRPC.

    Attributes:
        name: the model's name for it, or ``output-0``.
        shape: the length of each dimension.
        datatype: a datatype of V2: ``FP64``, ``INT64``, ``BYTES`` …
        data: all elements; the last dimension varies fastest.
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

    With the protocol ``GRPC``, tensors are sent and a list of ``InferOutput`` is
    returned, but a request with ``instances`` is sent as V1.

    Args:
        send: sends the body of a request, and returns the body of the answer.
        api_protocol: that of the deployment.
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
        data: a list of tensors (dictionaries, or the ``InferInput`` of other clients),
            the whole request, or rows as in *inputs*.
        inputs: tensors, or what ``payload`` accepts: arrays and lists become one
            tensor; frames and rows that are dicts become one tensor for each column.

    Raises:
        InvalidInputError: both or neither is given, or the request is not valid.
    """
    if (data is None) == (inputs is None):
        given_now = "neither was" if data is None else "both were"
        raise InvalidInputError(
            f"predict needs either data or inputs, and {given_now} given: give one"
        )
    request: dict[str, Any] = {}
    given = inputs if data is None else data
    if isinstance(data, Mapping) and "inputs" in data:
        others = {key: value for key, value in data.items() if key != "inputs"}
        request, given = _checked(plain, others, "data"), data["inputs"]
    if is_described(given):
        given = [given]
    if isinstance(given, list | tuple):
        if not given:
            raise InvalidInputError("there is no tensor to predict from")
        if any(map(is_described, given)):
            return {**request, "inputs": [*map(described, given)]}
    rows = _checked(_rows_or_array, given, "inputs")
    tensors = _checked(tensors_of, rows, "input", "input-0")
    if _is_named(rows):
        # Rows with names stay dicts, even if there is only one column.
        parameters = {**request.get("parameters", {}), CONTENT_TYPE: "pd"}
        request["parameters"] = parameters
    return {**request, "inputs": [*map(as_document, tensors)]}


def payload(data: Any, inputs: Any) -> dict[str, Any]:
    """Return the request body for ``predict(data=…)`` or ``predict(inputs=…)``.

    Raises:
        InvalidInputError: both, neither, or something that is no request.
    """
    if data is not None and inputs is not None:
        raise InvalidInputError("give either data or inputs to predict, not both")
    if inputs is not None:
        rows = _checked(plain, inputs, "inputs", "no infinity")
        return {"instances": _instances(inputs, rows)}
    if not isinstance(data, Mapping) or len(data.keys() & {"instances", "inputs"}) != 1:
        raise InvalidInputError(
            f"predict needs inputs=[…], or data={{'instances': […]}} (or 'inputs'); "
            f"data is {_words(data)}"
        )
    body: dict[str, Any] = _checked(plain, data, "data", "no infinity")
    # The transformer or the model server checks the rows themselves.
    if body.get("instances", body.get("inputs")) == []:
        raise InvalidInputError("data['instances'] (or 'inputs') has no row: give one")
    return body


def _instances(inputs: Any, rows: Any) -> list[Any]:
    """Return a list of rows.

    A flat list of numbers is one row, as in Hopsworks. A list of texts, a series and an
    array have one row for each element.

    Args:
        inputs: the argument of the user.
        rows: the same as plain values.
    """
    if isinstance(rows, dict):
        return [rows]
    if isinstance(rows, list) and rows:
        is_list = isinstance(inputs, CONTAINERS) and not hasattr(inputs, "tolist")
        is_row = is_list and not any(isinstance(item, list | dict) for item in rows)
        return [rows] if is_row and not _are_texts(inputs, rows) else rows
    if isinstance(rows, int | float):
        return [[rows]]
    raise InvalidInputError(
        f"inputs is {_words(inputs, rows)}: give a row like [1, 2], a list of "
        "rows or texts, a dict, an array or a frame"
    )


def _words(given: Any, plain: Any = None) -> str:
    if plain == []:
        return "an empty list"
    return "None" if given is None else f"a {type(given).__name__}"


def _are_texts(inputs: Any, rows: list[Any]) -> bool:
    # Dates and decimals become texts only as plain values.
    if isinstance(inputs, Sequence):
        rows = [*inputs]
    kinds = {isinstance(item, str | bytes) for item in rows if item is not None}
    return kinds == {True}


def _rows_or_array(inputs: Any, where: str) -> Any:
    """Return *inputs* in a form that can be turned into tensors."""
    if frame_columns(inputs, where) is not None or getattr(inputs, "shape", None):
        return inputs
    return _instances(inputs, plain(inputs, where))


def _is_named(rows: Any) -> bool:
    if isinstance(rows, list):
        return any(isinstance(row, dict) for row in rows)
    return frame_columns(rows, "inputs") is not None


def _checked(convert: Callable[..., Any], value: Any, *others: Any) -> Any:
    try:
        return convert(value, *others)
    except TypeError as error:
        raise InvalidInputError(str(error)) from error


DEFAULT_TOLERANCE = 1e-6
MAX_BYTES = 64 * 1024
"""Every specification contains the request, so it should have few rows."""


class GoldenRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request, and the answer that a version must give before it counts as ready.

    Args:
        request: the whole request, as for ``predict(data=…)``, or rows.
        answer: the recorded answer (``{"predictions": […]}``). While it is None,
            nothing is compared; ``deployment.record_golden()`` records it.
        tolerance: largest relative difference of two numbers that count as equal.

    Raises:
        InvalidDeploymentError: the request is not valid, not JSON, or too large.
    """

    request: Any
    answer: Any = None
    tolerance: float = DEFAULT_TOLERANCE

    def for_launch(self) -> Golden | None:
        """Return the request and answer for the server; None if there is no answer."""
        if self.answer is None:
            return None
        return Golden(
            request=self.request, answer=self.answer, tolerance=self.tolerance
        )


def request_of(given: Any) -> dict[str, Any]:
    """Return rows or a whole request as a V1 body, also for the protocol GRPC.

    Raises:
        InvalidInputError: it is neither.
    """
    is_whole = isinstance(given, Mapping) and bool({"instances", "inputs"} & {*given})
    body = payload(given, None) if is_whole else payload(None, given)
    # In V1 both keys mean the same, but in V2 "inputs" has another meaning.
    return {"instances" if key == "inputs" else key: it for key, it in body.items()}


def check_runs(name: str, running: int | None, active: int) -> None:
    """Refuse to record an answer unless the active version runs.

    Raises:
        NotRunningError: another version runs, or none.
    """
    if running != active:
        runs = f"runs version {running}" if running else "does not run"
        raise NotRunningError(
            f"deployment {name!r} {runs}: start version {active} first, as its "
            "answer will be recorded"
        )


class _Exampled(Protocol):
    """A model, as far as it is needed here."""

    @property
    def input_example(self) -> Any:
        """The example of its input; None if it has none."""
        ...


def request_to_record(
    name: str, given: Any, golden: GoldenRequest | None, model: Callable[[], _Exampled]
) -> dict[str, Any]:
    """Return *given*, or by default the golden request, or the model's input example.

    The result is a V1 body.

    Raises:
        InvalidInputError: none of the three exists, or the request is not valid.
    """
    if given is not None:
        return request_of(given)
    if golden is not None:
        return request_of(golden.request)
    example = model().input_example
    if example is None:
        raise InvalidInputError(
            f"deployment {name!r} has no golden request and its model no input "
            "example: give the request to record"
        )
    return request_of(example)


def checked_golden(given: Any) -> GoldenRequest | None:
    """Return the ``golden_request`` that a user passed; raises as ``GoldenRequest``."""
    if given is None:
        return None
    golden = given if isinstance(given, GoldenRequest) else GoldenRequest(given)
    try:
        tolerance = msgspec.convert(plain(golden.tolerance, "tolerance"), float)
        request = encode(request_of(golden.request))
        answer = encode(plain(golden.answer, "answer"))
    except (InvalidInputError, TypeError, ValueError) as error:
        raise InvalidDeploymentError(f"golden request: {error}") from error
    if not 0 <= tolerance < math.inf:
        raise InvalidDeploymentError(
            f"golden request: the tolerance is {tolerance!r}: give 0 or a small "
            "positive number"
        )
    if len(request) + len(answer) > MAX_BYTES:
        raise InvalidDeploymentError(
            f"golden request: with its answer it has {len(request) + len(answer)} "
            f"bytes, more than {MAX_BYTES}: give fewer rows"
        )
    # In the form in which it is read back, so that a save sees that nothing changed.
    return GoldenRequest(
        msgspec.json.decode(request), msgspec.json.decode(answer), tolerance
    )
