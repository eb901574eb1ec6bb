"""Which number an identity has: found in one entry, however many there are.

The identities are divided into leaves by their leading hex digits. An entry writes out
the leaf that it changes, and gives for every other leaf the number of the entry that
has written it out last.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from hopsartifacts.errors import IntegrityError

LEAF_IDENTITIES = 64

Leaf = dict[str, int]
Leaves = dict[str, int | Leaf]
"""The leaves by the digits that their identities begin with."""


class LeafSource(Protocol):
    """Where the entries of a log are read."""

    def leaves(self, number: int) -> Leaves:
        """Return the leaves of entry *number*.

        Raises:
            IntegrityError: it is missing or damaged.
        """
        ...


class Index(msgspec.Struct, frozen=True):
    """The leaves as of entry *seq*, and what is to be changed."""

    seq: int = 0
    tree: Leaves = {}
    changes: dict[str, int | None] = {}
    source: LeafSource | None = None

    def find(self, identity: str) -> int | None:
        """Return the number of *identity*, None if it has none."""
        key = digits_of(identity)
        if key in self.changes:
            return self.changes[key]
        found = self._leaf(key)
        return found[1].get(key) if found else None

    def changed(self, identity: str, number: int | None) -> "Index":
        """Return this index with *identity* having *number*; None takes it out."""
        changes = {**self.changes, digits_of(identity): number}
        return msgspec.structs.replace(self, changes=changes)

    def written_out(self) -> Leaves:
        """Return the leaves of the entry that commits the changes."""
        after: Leaves = {
            prefix: leaf if isinstance(leaf, int) else self.seq
            for prefix, leaf in self.tree.items()
        }
        changed: dict[str, Leaf] = {}
        for key, number in self.changes.items():
            prefix, leaf = self._leaf(key) or ("", {})
            before = changed.get(prefix, leaf)
            rest = {it: n for it, n in before.items() if it != key}
            changed[prefix] = rest if number is None else {**rest, key: number}
        for prefix, part in changed.items():
            after.pop(prefix, None)
            after |= divided(prefix, part)
        return dict(sorted(after.items()))

    def _leaf(self, key: str) -> tuple[str, Leaf] | None:
        """Return the leaf where *key* belongs, and the digits it is for."""
        prefix = prefix_of(self.tree, key)
        if prefix is None:
            return None
        place = self.tree[prefix]
        if isinstance(place, int):
            found = self.source.leaves(place).get(prefix) if self.source else None
            if not isinstance(found, dict):
                raise IntegrityError(
                    f"log entry {place} does not have the identities {prefix!r}, which "
                    "a later entry names it for: restore the log from a backup"
                )
            return prefix, found
        return prefix, place


def prefix_of(leaves: Mapping[str, object], key: str) -> str | None:
    """Return the digits of the leaf where *key* belongs; None if there is no leaf."""
    ends = range(len(key) + 1)
    return next((key[:end] for end in ends if key[:end] in leaves), None)


def divided(prefix: str, leaf: Leaf) -> Leaves:
    """Return *leaf*, in as many parts as it has to have."""
    if len(leaf) <= LEAF_IDENTITIES:
        return {prefix: leaf}
    parts: Leaves = {}
    for digit in "0123456789abcdef":
        start = prefix + digit
        part = {key: it for key, it in leaf.items() if key.startswith(start)}
        parts |= divided(start, part)
    return parts


def digits_of(identity: str) -> str:
    """Return the hex digits of an identity."""
    return identity.partition(":")[2]
