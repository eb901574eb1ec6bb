"""KServe's V1 protocol: bytes of requests to rows, and outputs to bytes."""

from typing import Any, NamedTuple

import msgspec

from hopsartifacts.documents import without_bom
from hopsartifacts.values import misspelt, plain

_KEYS = ("instances", "inputs")


class RequestError(Exception):
    """A request cannot be answered; the message is for the client.

    Attributes:
        status: the HTTP status of the answer.
        component: the component whose script failed elsewhere; None if none did.
    """

    def __init__(self, status: int, message: str, component: str | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.component = component

    def __str__(self) -> str:
        return str(self.args[1])


class PredictCall:
    """One prediction request and its answer; see ``service.PredictionCall``.

    ``preprocess`` gets the body as it was sent, and returns a body or plain rows.
    ``postprocess`` gets ``{"predictions": …}``. If it returns a dictionary, that is the
    body of the answer; any other value is the predictions.
    """

    protocol = "v1"
    id: str | None = None

    def __init__(self, request: bytes) -> None:
        self._request = request

    def rows(self) -> list[Any]:
        """Return the rows of the request.

        Raises:
            RequestError: the body breaks the protocol (400).
        """
        return read_inputs(self._request)

    def body(self) -> dict[str, Any]:
        """Return the body of the request, in which ``preprocess`` finds the rows.

        Raises:
            RequestError: the body is not an object with exactly one of the keys (400).
        """
        body, _ = _read_body(self._request)
        return body

    def rows_in(self, body: Any) -> Any:
        """Return the rows in *body*, or *body* itself if it is not a V1 body.

        Raises:
            ValueError: *body* has two lists of rows.
        """
        return rows_in(body)

    def answer(self, outputs: Any) -> Any:
        """Return the body of the answer for ``postprocess``.

        Arrays, frames and similar values become lists, as clients receive them.

        Raises:
            TypeError: a value cannot be converted.
        """
        return {"predictions": plain(outputs, "predictions")}

    def outputs_in(self, answer: Any) -> Any:
        """Return the argument of ``write`` for *answer*, a body or bare predictions."""
        return _Body(answer) if isinstance(answer, dict) else answer

    def write(self, outputs: Any) -> bytes:
        """Return the body of the answer.

        Raises:
            TypeError: a value in *outputs* has no JSON form.
        """
        if isinstance(outputs, _Body):
            return msgspec.json.encode(plain(outputs.document, "the answer"))
        return predictions_body(outputs)

    def shown(self, answer: bytes) -> tuple[bytes, bytes]:
        """Return the request and its answer unchanged, since both are JSON."""
        return self._request, answer


class _Body(NamedTuple):
    """A complete answer that a transformer returned."""

    document: dict[Any, Any]


def read_inputs(body: bytes) -> list[Any]:
    """Return the value of ``instances`` or ``inputs``.

    Raises:
        RequestError: the body breaks the protocol (400).
    """
    document, key = _read_body(body)
    inputs = document[key]
    if not isinstance(inputs, list) or not inputs:
        kind = "an empty list" if inputs == [] else _kind(inputs)
        raise RequestError(400, f'"{key}" is {kind}; send a list with one item per row')
    return inputs


def rows_in(body: Any) -> Any:
    """Return the rows in the result of a transformer: a V1 body, or plain rows.

    Raises:
        ValueError: it has both of the keys that rows may have.
    """
    if not isinstance(body, dict):
        return body
    given = [key for key in _KEYS if key in body]
    if len(given) > 1:
        raise ValueError(
            'preprocess returned an object with both of the keys "instances" and '
            '"inputs"; return one of them'
        )
    return body[given[0]] if given else body


def predictions_body(predictions: Any) -> bytes:
    """Return the answer to a prediction; see ``values`` for the accepted types.

    Floats that are not finite become ``null``, since JSON cannot represent them.

    Raises:
        TypeError: a value has no JSON form; the message says where it is.
    """
    return msgspec.json.encode({"predictions": plain(predictions, "predictions")})


def error_body(message: str, component: str | None = None) -> bytes:
    """Return an answer with an error message and the component that failed."""
    error = {"error": message}
    if component is not None:
        error["component"] = component
    return msgspec.json.encode(error)


def _read_body(body: bytes) -> tuple[dict[str, Any], str]:
    """Return *body* parsed as an object, and the key of its rows."""
    try:
        document = msgspec.json.decode(without_bom(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        words = misspelt(body, "the body") or error
        raise RequestError(400, f"the body is not JSON: {words}") from error
    if not isinstance(document, dict):
        raise RequestError(
            400,
            f"the body is {_kind(document)}; "
            'send an object with the key "instances" or "inputs"',
        )
    given = [key for key in _KEYS if key in document]
    if len(given) != 1:
        found = "both" if given else "neither"
        raise RequestError(
            400, f'the body has {found} of the keys "instances" and "inputs"; send one'
        )
    return document, given[0]


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")
