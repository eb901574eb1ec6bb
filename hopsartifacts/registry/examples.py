"""Input examples: one valid request for a model, as JSON."""

from typing import Any

import msgspec

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.values import first_row, frame_columns, plain


def example_text(example: Any) -> str | None:
    """Return the text of ``input_example.json`` for a user's *example*; None for None.

    From a frame, the first row is kept as an object with the column names, since a
    model that was fitted on a frame needs them (Hopsworks keeps a list). Everything
    else is kept with all its values.

    Raises:
        InvalidModelError: it is empty, of a wrong type, or cannot be written as JSON.
    """
    if example is None:
        return None
    try:
        is_frame = frame_columns(example, "input_example") is not None
        given = first_row(example) if is_frame else example
        value = plain(given, "input_example", "no infinity")
    except TypeError as error:
        raise InvalidModelError(str(error)) from error
    if isinstance(value, list | dict) and not value:
        raise InvalidModelError(
            f"input_example is an empty {type(example).__name__}: give at least one "
            "row, or leave it out"
        )
    if not isinstance(value, list | dict):
        raise InvalidModelError(
            f"input_example is a {type(example).__name__}: give a frame, an array, a "
            "dict or a list"
        )
    return msgspec.json.encode(value[0] if is_frame else value).decode()
