"""The steps of a log told again, to check what each entry says of all before it."""

from collections import defaultdict
from typing import Any

from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import decode
from hopsartifacts.errors import IntegrityError
from hopsartifacts.store.entries import CARRIED_LIMIT_BYTES, Body, State
from hopsartifacts.store.index import Index, Leaf, Leaves, digits_of
from hopsartifacts.store.pages import (
    BOOK_PAGES,
    PAGE_NUMBERS,
    Book,
    Page,
    Tree,
    empty,
    home_of,
    is_named,
)


class Retold:
    """What the entries taken so far have made of a log, and where each part lies."""

    def __init__(self, state: type[State[Any, Any]]) -> None:
        self._state = state
        self._books: dict[int, int] = {}
        self._pages: dict[int, int] = {}
        self._homes: dict[int, int] = {}
        self._index: Leaves = {}
        self._leaves: dict[str, int | Leaf] = {}
        self._contents: dict[int, str] = {}
        self.records: dict[int, bytes] = {}
        self._numbers: defaultdict[str, set[int]] = defaultdict(set)

    def take(self, body: Body) -> None:
        """Compare what the next entry says with what those before it have made.

        Raises:
            IntegrityError: it names an entry that does not have what it is named for,
                or has a record that the steps do not explain.
        """
        seq, changed = body.seq, body.op.get("version")
        before = self.records.get(changed) if isinstance(changed, int) else None
        self._take_tree(seq, body.tree, changed)
        head = decode(bytes(body.head), self._state.head_type, f"log entry {seq}")
        if head.last != max(self.records, default=0):
            raise _odd(seq, f"says that the highest number is {head.last}")
        changes: dict[str, int | None] = {}
        if isinstance(changed, int):
            changes = self._note(changed, before, self.records.get(changed))
        self._take_index(seq, body.index, changes)
        self._take_contents(body)

    def leaves(self, number: int) -> Leaves:
        """Return every leaf as it was written out last; see ``index.LeafSource``."""
        del number
        return self._leaves

    def state(self, body: Body) -> State[Any, Any]:
        """Return the state as of the last entry, *body*, with nothing left to read."""
        kind = self._state
        records = empty(kind.record_type)
        for number, raw in sorted(self.records.items()):
            records = records.changed(
                number, decode(raw, kind.record_type, f"record {number}")
            )
        where = f"log entry {body.seq}"
        head = decode(bytes(body.head), kind.head_type, where)
        return kind(head, records, Index())

    def _take_tree(self, seq: int, tree: Tree, changed: int | None) -> None:
        if self._books.keys() - tree.keys():
            raise _odd(seq, "has lost a book")
        for number, book in tree.items():
            if isinstance(book, int):
                _expect(seq, f"book {number}", book, self._books.get(number))
            else:
                self._take_book(seq, number, book, changed)
                known = {it for it in self._pages if it // BOOK_PAGES == number}
                if known - {page for page, _ in book.items()}:
                    raise _odd(seq, f"has lost a page of book {number}")
                self._books[number] = seq

    def _take_book(self, seq: int, place: int, book: Book, changed: int | None) -> None:
        for number, page in book.items():
            if number // BOOK_PAGES != place:
                raise _odd(seq, f"has page {number} in book {place}")
            if isinstance(page, int):
                _expect(seq, f"page {number}", page, self._pages.get(number))
            else:
                self._take_page(seq, number, page, changed)
                self._pages[number] = seq

    def _take_page(
        self, seq: int, number: int, page: Page, changed: int | None
    ) -> None:
        span = range(number * PAGE_NUMBERS, (number + 1) * PAGE_NUMBERS)
        known = {it for it in span if it in self.records}
        allowed = known | ({changed} & set(span))
        if not page or known - page.keys() or page.keys() - allowed:
            raise _odd(seq, f"has other numbers on page {number}")
        for it, raw in page.items():
            if is_named(raw):
                where = self._homes.get(it)
                _expect(seq, f"record {it}", home_of(raw), where)
                continue
            if it != changed and bytes(raw) != self.records.get(it):
                raise _odd(seq, f"has another record {it}")
            self.records[it] = bytes(raw)
            self._homes[it] = seq

    def _note(
        self, number: int, before: bytes | None, after: bytes | None
    ) -> dict[str, int | None]:
        """Note by which identity a number is found, and what that changes."""
        gone, come = self._key(number, before), self._key(number, after)
        keys = {key for key in (gone, come) if key is not None}
        was = {key: min(self._numbers[key], default=None) for key in keys}
        if gone is not None:
            self._numbers[gone].discard(number)
        if come is not None:
            self._numbers[come].add(number)
        now = {key: min(self._numbers[key], default=None) for key in keys}
        return {key: it for key, it in now.items() if it != was[key]}

    def _key(self, number: int, raw: bytes | None) -> str | None:
        if raw is None:
            return None
        record = decode(raw, self._state.record_type, f"record {number}")
        identity = self._state.identity_of(record)
        return None if identity is None else digits_of(identity)

    def _take_index(
        self, seq: int, leaves: Leaves, changes: dict[str, int | None]
    ) -> None:
        before = Index(seq=seq - 1, tree=self._index, changes=changes, source=self)
        wanted = before.written_out()
        for prefix in sorted(wanted.keys() | leaves.keys()):
            if leaves.get(prefix) != wanted.get(prefix):
                raise _odd(seq, f"has other identities that begin with {prefix!r}")
        self._index = leaves
        written = {it: leaf for it, leaf in leaves.items() if not isinstance(leaf, int)}
        kept = {it: leaf for it, leaf in self._leaves.items() if it in leaves}
        self._leaves = {**kept, **written}

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


def _expect(seq: int, what: str, named: int, home: int | None) -> None:
    if named != home:
        raise _odd(seq, f"names entry {named} for {what}, which entry {home} has")


def _odd(seq: int, how: str) -> IntegrityError:
    return IntegrityError(
        f"log entry {seq} {how}, unlike the steps before it: restore the log from a "
        "backup"
    )
