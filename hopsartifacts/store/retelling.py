"""The steps of a log told again, to check what each entry says of all before it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import decode, encode
from hopsartifacts.errors import IntegrityError
from hopsartifacts.store.entries import CARRIED_LIMIT_BYTES, Body, State
from hopsartifacts.store.index import Index, Leaf, Leaves, digits_of
from hopsartifacts.store.pages import PAGE_NUMBERS, Records, Tree, written_record

_FORGET_EVERY = 1000


class Retold:
    """What the entries taken so far have made of a log.

    What an entry brings is taken from it: a record and a content. Everything else in
    it is made once more of the entries before, as a writer makes it, and compared.
    """

    def __init__(self, state: type[State[Any, Any]]) -> None:
        self._state = state
        self._last = 0
        self._trees: dict[int, Tree] = {}
        self._asked: dict[int, Tree] = {}
        self._records = Records(msgspec.Raw, self, 0, {})
        self._index: Leaves = {}
        self._leaves: dict[str, int | Leaf] = {}
        self._contents: dict[int, str] = {}
        self._numbers: defaultdict[str, set[int]] = defaultdict(set)

    def take(self, body: Body) -> None:
        """Compare what the next entry says with what those before it have made.

        Raises:
            IntegrityError: it names an entry that does not have what it is named for,
                or has a record that the steps do not explain.
        """
        number = body.op.get("version")
        changes: dict[str, int | None] = {}
        last, after = self._last, self._records
        if isinstance(number, int) and (brought := written_record(body.tree, number)):
            changes = self._note(number, self._records.get(number), brought)
            last, after = max(last, number), after.changed(number, brought)
        pages = {it // PAGE_NUMBERS for it in (self._last, last) if it}
        index = Index(body.seq - 1, self._index, changes, self).written_out()
        head = decode(bytes(body.head), self._state.head_type, f"entry {body.seq}")
        for what, said, made in (
            ("records", encode(body.tree), encode(after.written_out(pages))),
            ("identities", body.index, index),
            ("highest number", head.last, last),
        ):
            if said != made:
                raise _odd(body.seq, f"has another {what}")
        self._take_contents(body)
        self._go_on(body, last)

    def trees(self, numbers: Iterable[int]) -> Mapping[int, Tree]:
        """Return the trees of earlier entries; see ``pages.Source``."""
        found = {number: self._trees[number] for number in numbers}
        self._asked |= found
        return found

    def leaves(self, number: int) -> Leaves:
        """Return every leaf as it was written out last; see ``index.LeafSource``."""
        del number
        return self._leaves

    def state(self, body: Body) -> State[Any, Any]:
        """Return the state as of the last entry, *body*, without its index."""
        kind, where = self._state, f"log entry {body.seq}"
        records = Records[Any](kind.record_type, self, body.seq, body.tree)
        head = decode(bytes(body.head), kind.head_type, where)
        return kind(head, records, Index())

    def _go_on(self, body: Body, last: int) -> None:
        self._last = last
        self._trees[body.seq] = body.tree
        self._records = Records(msgspec.Raw, self, body.seq, body.tree)
        if body.seq % _FORGET_EVERY == 0:
            # Keep those trees alone that a look at all records asks for.
            self._asked = {body.seq: body.tree}
            len(self._records)
            self._trees = self._asked
        kept = {it: leaf for it, leaf in self._leaves.items() if it in body.index}
        written = {it: x for it, x in body.index.items() if not isinstance(x, int)}
        self._index, self._leaves = body.index, {**kept, **written}

    def _note(
        self, number: int, before: msgspec.Raw | None, after: msgspec.Raw
    ) -> dict[str, int | None]:
        """Note by which identity a number is found, and what that changes."""
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
        record = decode(bytes(raw), self._state.record_type, f"record {number}")
        identity = self._state.identity_of(record)
        return None if identity is None else digits_of(identity)

    def _take_contents(self, body: Body) -> None:
        """See that a copy of what an earlier entry brought is one."""
        content, carried = bytes(body.content), body.carried
        if len(content) <= CARRIED_LIMIT_BYTES:
            self._contents[body.seq] = sha256_of(content)
        if carried and (
            carried.entry == body.seq
            or sha256_of(bytes(carried.content)) != self._contents.get(carried.entry)
        ):
            raise _odd(body.seq, f"has no true copy of what entry {carried.entry} had")


def _odd(seq: int, how: str) -> IntegrityError:
    return IntegrityError(
        f"log entry {seq} {how}, unlike the steps before it: restore the log from a "
        "backup"
    )
