"""Filters of a list by name, and how many items each value of a field would leave."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

Item = TypeVar("Item")

Checks = dict[str, Callable[[Item], bool]]
"""Only the filters that were requested, by the name of the field that they check."""
Facets = dict[str, dict[str, int]]
"""How many items have each value, by field and value."""


def facets_of(
    items: Iterable[Item],
    checks: Checks[Item],
    fields: Mapping[str, Callable[[Item], str]],
) -> Facets:
    """Return how many items have each value of *fields*.

    Only items that pass *checks* are counted, except for the check of the field itself:
    so the numbers are what a list would contain if another value was chosen.
    """
    found = list(items)
    return {name: _counts(found, checks, name, value) for name, value in fields.items()}


def _counts(
    items: list[Item], checks: Checks[Item], name: str, value: Callable[[Item], str]
) -> dict[str, int]:
    others = [check for field, check in checks.items() if field != name]
    counts = Counter(value(it) for it in items if all(check(it) for check in others))
    return dict(sorted(counts.items()))
