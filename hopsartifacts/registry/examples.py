"""Input examples: one request a model understands, as JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidModelError


def example_text(example: Any) -> str | None:
    """Return the text of ``input_example.json`` for what a user passed.

    A DataFrame gives its first row as a list, a Series and an array their values, a
    dict or list itself (arrays inside become lists). Source: Hopsworks, except that
    lists holding arrays work with today's NumPy too.

    Raises:
        InvalidModelError: empty, or not representable as JSON.
    """
    if example is None:
        return None
    plain = _plain(example)
    if plain is None or (isinstance(plain, list | dict) and not plain):
        raise InvalidModelError(
            f"input_example is an empty {type(example).__name__}: give at least one "
            "row, or leave it out"
        )
    try:
        data = msgspec.json.encode(plain, enc_hook=_values)
    except (TypeError, ValueError) as error:
        raise InvalidModelError(
            f"input_example cannot be written as JSON ({error}): give lists, dicts, "
            "numbers, strings, arrays or frames"
        ) from error
    return data.decode()


def _plain(example: Any) -> Any:
    if hasattr(example, "iloc") and hasattr(example, "columns"):
        return example.iloc[0].tolist() if len(example) else None
    if hasattr(example, "tolist"):
        return example.tolist()
    if isinstance(example, list | tuple | Mapping):
        return example
    raise InvalidModelError(
        f"input_example is a {type(example).__name__}: give a DataFrame, Series, "
        "array, dict or list"
    )


def _values(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} in it")
