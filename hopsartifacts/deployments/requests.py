"""From what a user passes to ``predict`` to the body of a V1 request."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidInputError


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
    rows = body.get("instances", body.get("inputs"))
    if not isinstance(rows, list | tuple) or not rows:
        raise InvalidInputError(
            "data['instances'] (or 'inputs') has to be a list with at least one row"
        )
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


def _plain(value: Any) -> Any:
    """Return frames and arrays as lists, and everything else as JSON has it."""
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        return value.to_dict("records")
    if hasattr(value, "tolist"):
        return value.tolist()
    try:
        return msgspec.to_builtins(value, enc_hook=_values)
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
