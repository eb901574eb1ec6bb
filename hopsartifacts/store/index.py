"""The index of a log: finds the number of an identity by reading one more entry.

Identities are grouped into leaves by their leading hex digits. An entry contains the
leaf that it changes. For every other leaf it contains the number of the entry that
wrote the leaf last.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import IntegrityError

LEAF_IDENTITIES = 64

Leaf = dict[str, int]
Leaves = dict[str, int | Leaf]
"""The leaves by the digits that their identities start with; an int is the number of
the entry that contains the leaf."""


class LeafSource(Protocol):
    """A reader of log entries.

    Attributes:
        path: the path of the log.
    """

    path: str

    def leaves(self, number: int) -> Leaves:
        """Return the leaves of entry *number*.

        Raises:
            IntegrityError: it is missing or damaged.
        """
        ...


class Index(msgspec.Struct, frozen=True):
    """The leaves as of entry *seq*, and changes that are not committed yet."""

    seq: int = 0
    tree: Leaves = {}
    changes: dict[str, int | None] = {}
    source: LeafSource | None = None

    def find(self, identity: str) -> int | None:
        """Return the number of *identity*; None if it has none."""
        key = digits_of(identity)
        if key in self.changes:
            return self.changes[key]
        found = self._leaf(key)
        return found[1].get(key) if found else None

    def changed(self, identity: str, number: int | None) -> "Index":
        """Return a copy with *identity* set to *number*; None removes the identity."""
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
        """Return the digits of the leaf that *key* belongs to, and the leaf."""
        prefix = prefix_of(self.tree, key)
        if prefix is None:
            return None
        place = self.tree[prefix]
        if isinstance(place, int):
            found = self.source.leaves(place).get(prefix) if self.source else None
            if not isinstance(found, dict):
                log = self.source.path if self.source else ""
                raise IntegrityError(
                    f"log entry {layout.log_entry(log, place)} does not contain the "
                    f"identities {prefix!r}, although a later entry says so: restore "
                    "the log from a backup"
                )
            return prefix, found
        return prefix, place


def prefix_of(leaves: Mapping[str, object], key: str) -> str | None:
    """Return the digits of the leaf that *key* belongs to; None if there is no leaf."""
    ends = range(len(key) + 1)
    return next((key[:end] for end in ends if key[:end] in leaves), None)


def divided(prefix: str, leaf: Leaf) -> Leaves:
    """Split *leaf* until no part has more than ``LEAF_IDENTITIES`` identities."""
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
