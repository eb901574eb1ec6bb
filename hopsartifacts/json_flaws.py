"""What is wrong with a JSON text, in words that name the place."""

import json
import math
from collections.abc import Iterator
from typing import Any


def flaw(data: bytes | str, error: Exception) -> str:
    """Return what is wrong with *data*, which a decoder has refused with *error*.

    Numbers that JSON does not have are named with their place, like ``metrics.auc is
    NaN``: Python writes them all the same, so they are sent by mistake. In all other
    cases these are the words of *error*.
    """
    try:
        found = _not_finite(json.loads(data))
    except (ValueError, RecursionError):
        found = None
    if found is None:
        return str(error)
    path, number = found
    name = "NaN" if math.isnan(number) else "infinite"
    return (
        f"{path or 'the value'} is {name}, and JSON has no such number: send another "
        "value, or leave it out"
    )


def _not_finite(document: Any) -> tuple[str, float] | None:
    """Return the path and value of the first number that is NaN or infinite."""
    keys: list[str] = []
    levels: list[Iterator[tuple[str, Any]]] = [iter([("", document)])]
    while levels:
        item = next(levels[-1], None)
        if item is None:
            levels.pop()
            del keys[-1:]
            continue
        key, value = item
        if isinstance(value, float) and not math.isfinite(value):
            return "".join([*keys, key]).removeprefix("."), value
        if isinstance(value, dict | list):
            keys.append(key)
            levels.append(_members(value))
    return None


def _members(value: dict[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield what is in *value*, each with what a path gains by it."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield f"[{index}]", item
        return
    for name, item in value.items():
        yield f".{name}" if name.isidentifier() else f"[{name!r}]", item
