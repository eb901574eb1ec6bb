"""KServe's V1 protocol as pure functions: bytes to inputs, outputs to bytes."""

from typing import Any

import msgspec

from hopsartifacts.documents import without_bom
from hopsartifacts.serving.runtime.rectangles import UnevenError, check_alike
from hopsartifacts.values import misspelt, plain

_KEYS = ("instances", "inputs")


class RequestError(Exception):
    """The request cannot be answered; the message is for whoever sent it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status

    def __str__(self) -> str:
        return str(self.args[1])


def read_inputs(body: bytes) -> list[Any]:
    """Return the value of ``instances`` or ``inputs``.

    Raises:
        RequestError: the body breaks the protocol (400).
    """
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
    key = given[0]
    inputs = document[key]
    if not isinstance(inputs, list) or not inputs:
        kind = "an empty list" if inputs == [] else _kind(inputs)
        raise RequestError(400, f'"{key}" is {kind}; send a list with one item a row')
    try:
        check_alike(inputs, f'the rows of "{key}"')
    except UnevenError as error:
        raise RequestError(400, str(error)) from error
    return inputs


def predictions_body(predictions: Any) -> bytes:
    """Return the answer to a prediction; see ``values`` for what it may hold.

    Fractions that are not finite become ``null``, for which JSON has no other word.

    Raises:
        TypeError: something in it has no form in JSON; the message names the place.
    """
    return msgspec.json.encode({"predictions": plain(predictions, "predictions")})


def error_body(message: str, component: str | None = None) -> bytes:
    """Return the answer that says what went wrong, and in which component."""
    error = {"error": message}
    if component is not None:
        error["component"] = component
    return msgspec.json.encode(error)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")
