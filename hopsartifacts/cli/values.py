"""Parsers for command-line values: ``key=value`` pairs, JSON files, durations."""

import json
import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def json_file(path: str) -> Any:
    """Return the content of the JSON file *path*; ``-`` is standard input."""
    try:
        if path == "-":
            return json.loads(sys.stdin.read().removeprefix("\ufeff"))
        # Some Windows programs write a byte order mark first.
        return json.loads(Path(path).expanduser().read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise click.UsageError(f"{path!r} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise click.UsageError(f"{path!r} is not JSON ({error})") from error


def seconds(text: str) -> float:
    """Return a duration in seconds; *text* is a number, or like ``30m``, ``24h``."""
    unit = _UNITS_S.get(text[-1:], 0)
    number = text[:-1] if unit else text
    try:
        value = float(number) * (unit or 1)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise click.UsageError(
            f"{text!r} is not a duration: give seconds, or a number and s, m, h or d"
        )
    return value


def pair(text: str) -> tuple[str, Any]:
    """Return the key and value of ``key=value``; a value that is not JSON is text."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"{text!r} is not KEY=VALUE: write it like auc=0.9")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def pairs(texts: Iterable[str]) -> dict[str, Any]:
    """Return a dictionary of ``key=value`` pairs; the last one for a key wins."""
    return dict(map(pair, texts))


def texts(given: Iterable[str]) -> dict[str, str]:
    """Return a dictionary of ``key=value`` pairs whose values are always text."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{text!r} is not NAME=VALUE: write it like A=1")
        found[key] = value
    return found


def model_choice(text: str) -> str | tuple[str, int]:
    """Return a model's name, or the name and version of ``NAME:VERSION``."""
    name, colon, version = text.partition(":")
    if not colon:
        return name
    if not (version.isascii() and version.isdigit()):
        raise click.UsageError(
            f"{text!r} is not NAME or NAME:VERSION: the version must be a number"
        )
    return name, int(version)


def nested(texts: Iterable[str], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return *base* with ``key=value`` pairs added; a dot in a key nests its value."""
    result: dict[str, Any] = json.loads(json.dumps(base))
    for text in texts:
        path, value = pair(text)
        *parents, last = path.split(".")
        inside = result
        for key in parents:
            inside = inside.setdefault(key, {})
            if not isinstance(inside, dict):
                raise click.UsageError(
                    f"{text!r}: {key!r} has a value already, so it can have no keys: "
                    "leave out one of the two"
                )
        inside[last] = value
    return result
