"""Objects as YAML: for operators to read and for files under version control.

The same object is always the same text, whatever is installed: keys stay in their
order, there are no anchors, and a text that YAML could take for something else is in
quotes. Only what objects contain can be written: mappings with texts as keys, lists,
texts, numbers, booleans and nothing.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_SAFE = "A-Za-z0-9/_.@+=&?%~-"
_PLAIN = re.compile(
    rf"(-{{0,2}}[A-Za-z]|[/_])[{_SAFE}]*(:[A-Za-z0-9/][{_SAFE}]*)*"
    # Amounts: no number of YAML ends so.
    r"|[0-9]+(m|[KMGTP]i)"
)
"""Texts without quotes; a colon only before a letter, a digit or a slash."""
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
"""Plain texts that some reader of YAML takes for another value."""
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_STEP = "  "


def yaml_of(*documents: Mapping[str, Any]) -> str:
    """Return *documents* as YAML, separated as ``kubectl`` reads them."""
    return "---\n".join(
        "".join(f"{line}\n" for line in _mapping(it, "")) for it in documents
    )


def _mapping(given: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in given.items():
        yield from _entry(f"{indent}{_text(key)}:", value, indent)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of a member whose first line begins with *head*."""
    if isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, indent + _STEP)
    elif isinstance(value, list | tuple) and value:
        yield head
        # As kubectl does, a list is not further in than its name.
        yield from _list(value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _list(given: Iterable[Any], indent: str) -> Iterator[str]:
    for value in given:
        first, *others = _item(value, indent + _STEP)
        yield f"{indent}- {first.removeprefix(indent + _STEP)}"
        yield from others


def _item(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        return _mapping(value, indent)
    if isinstance(value, list | tuple) and value:
        return _list(value, indent)
    return iter([indent + _scalar(value)])


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    raise TypeError(f"objects contain no {type(value).__name__}: {value!r}")


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda it: f"\\u{ord(it[0]):04x}", quoted)
