"""Replay of a log's operations, to check the state that each entry contains."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import decode_part, encode
from hopsartifacts.store.entries import CARRIED_LIMIT_BYTES, EntryBody, State
from hopsartifacts.store.pages import (
    Index,
    Leaf,
    Leaves,
    Records,
    Tree,
    damaged,
    digits_of,
    written_record,
)

_FORGET_EVERY = 1000
_UNLIKE = "than the earlier entries imply"


class LogAudit:
    """The state of a log, replayed from the entries so far.

    An entry adds a record and a content, which are taken from it. Everything else in it
    is computed again from the earlier entries, as a writer does, and compared.
    """

    def __init__(self, state: type[State[Any, Any]], path: str) -> None:
        self.path = path
        self._state = state
        self._last = 0
        self._trees: dict[int, Tree] = {}
        self._asked: dict[int, Tree] = {}
        self._records = Records(msgspec.Raw, self, 0, {})
        self._index: Leaves = {}
        self._leaves: dict[str, int | Leaf] = {}
        self._contents: dict[int, str] = {}
        self._numbers: defaultdict[str, set[int]] = defaultdict(set)

    def take(self, body: EntryBody) -> None:
        """Replay the next entry and compare its contents with the computed state.

        Raises:
            IntegrityError: it refers to an entry that does not contain the record, page
                or copy in question, or has a record that no operation explains.
        """
        number = body.op.get("version")
        changes: dict[str, int | None] = {}
        last, after = self._last, self._records
        if isinstance(number, int) and (brought := written_record(body.tree, number)):
            changes = self._note(number, self._records.get(number), brought)
            last, after = max(last, number), after.changed(number, brought)
        index = Index(body.seq - 1, self._index, changes, self).written_out()
        where = layout.log_entry(self.path, body.seq)
        head = decode_part(bytes(body.head), self._state.head_type, where)
        for what, said, made in (
            (
                "set of records",
                encode(body.tree),
                encode(after.written_out(self._last, last)),
            ),
            ("index of identities", body.index, index),
            ("highest number", head.last, last),
        ):
            if said != made:
                raise damaged(self.path, body.seq, f"has another {what} {_UNLIKE}")
        self._take_contents(body)
        self._last = last
        self._trees[body.seq] = body.tree
        self._records = Records(msgspec.Raw, self, body.seq, body.tree)
        if body.seq % _FORGET_EVERY == 0:
            # Keep only the trees that are needed to read all records.
            self._asked = {body.seq: body.tree}
            len(self._records)
            self._trees = self._asked
        kept = {it: leaf for it, leaf in self._leaves.items() if it in body.index}
        written = {it: x for it, x in body.index.items() if not isinstance(x, int)}
        self._index, self._leaves = body.index, {**kept, **written}

    def trees(self, numbers: Iterable[int]) -> Mapping[int, Tree]:
        """Return the trees of earlier entries; see ``pages.EntrySource``."""
        found = {number: self._trees[number] for number in numbers}
        self._asked |= found
        return found

    def leaves(self, number: int) -> Leaves:
        """Return every leaf in its newest version; see ``pages.EntrySource``."""
        del number
        return self._leaves

    def _note(
        self, number: int, before: msgspec.Raw | None, after: msgspec.Raw
    ) -> dict[str, int | None]:
        """Update the identity of *number*; return the changes to the index."""
        gone = self._key(number, before) if before else None
        come = self._key(number, after)
        keys = {key for key in (gone, come) if key is not None}
        was = {key: min(self._numbers[key], default=None) for key in keys}
        if gone is not None:
            self._numbers[gone].discard(number)
        if come is not None:
            self._numbers[come].add(number)
        now = {key: min(self._numbers[key], default=None) for key in keys}
        return {key: it for key, it in now.items() if it != was[key]}

    def _key(self, number: int, raw: msgspec.Raw) -> str | None:
        where = f"{self.path}: record {number}"
        record = decode_part(bytes(raw), self._state.record_type, where)
        identity = self._state.identity_of(record)
        return None if identity is None else digits_of(identity)

    def _take_contents(self, body: EntryBody) -> None:
        """Check that a copied content equals the content of the earlier entry."""
        content, carried = bytes(body.content), body.carried
        if len(content) <= CARRIED_LIMIT_BYTES:
            self._contents[body.seq] = sha256_of(content)
        if carried and (
            carried.entry == body.seq
            or sha256_of(bytes(carried.content)) != self._contents.get(carried.entry)
        ):
            what = f"content for entry {carried.entry}"
            raise damaged(self.path, body.seq, f"has another {what} {_UNLIKE}")
