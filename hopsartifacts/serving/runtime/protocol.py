"""KServe's V1 protocol as pure functions: bytes to inputs, outputs to bytes."""

from collections import Counter
from typing import Any

import msgspec

from hopsartifacts.documents import without_bom
from hopsartifacts.serving.runtime.encoding import encode

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
        raise RequestError(400, f"the body is not JSON: {error}") from error
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
    _check_rows_alike(key, inputs)
    return inputs


def predictions_body(predictions: Any) -> bytes:
    """Return the answer to a prediction; see ``encoding`` for what it may hold."""
    return encode({"predictions": predictions})


def error_body(message: str, component: str | None = None) -> bytes:
    """Return the answer that says what went wrong, and in which component."""
    error = {"error": message}
    if component is not None:
        error["component"] = component
    return encode(error)


def _check_rows_alike(key: str, rows: list[Any]) -> None:
    """Refuse rows that are lists of differing shapes, which no array can hold."""
    if list not in set(map(type, rows)):
        return
    shapes = [_shape(row, (number,)) for number, row in enumerate(rows)]
    if shapes.count(shapes[0]) == len(shapes):
        return
    usual, _ = Counter(shapes).most_common(1)[0]
    for number, shape in enumerate(shapes):
        if shape != usual:
            alike = shapes.index(usual)
            raise RequestError(
                400,
                f'the rows of "{key}" differ: row {alike} is {_words(usual)}, '
                f"row {number} is {_words(shape)}; rows of differing length can be "
                'sent as objects: {"values": [...]}',
            )


def _shape(value: Any, where: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the lengths of nested lists; None for what is no list."""
    if not isinstance(value, list):
        return None
    # Rows of numbers, the usual case, are looked at in C.
    kinds = set(map(type, value))
    if list not in kinds:
        return (len(value),)
    inner = {_shape(item, (*where, at)) for at, item in enumerate(value)}
    if len(inner) > 1:
        row, *items = where
        words = ", ".join([f"row {row}", *(f"item {item}" for item in items)])
        raise RequestError(
            400,
            f"the items of {words} differ: "
            + " and ".join(sorted(_words(shape) for shape in inner))
            + '; lists of differing length can be sent as objects: {"values": [...]}',
        )
    return (len(value), *(inner.pop() or ()))


def _words(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "not a list"
    if len(shape) == 1:
        return f"a list of length {shape[0]}"
    return f"a list of shape {' x '.join(map(str, shape))}"


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")
