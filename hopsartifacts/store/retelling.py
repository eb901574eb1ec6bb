"""The steps of a log told again, to check what each entry says of all before it."""

from collections import defaultdict
from typing import Any

from hopsartifacts.documents import decode
from hopsartifacts.errors import IntegrityError
from hopsartifacts.store.entries import Body, State
from hopsartifacts.store.index import Index, Leaves, digits_of, prefix_of
from hopsartifacts.store.pages import (
    BOOK_PAGES,
    PAGE_NUMBERS,
    Book,
    Page,
    Tree,
    empty,
    is_named,
)


class Retold:
    """What the entries taken so far have made of a log, and where each part lies."""

    def __init__(self, state: type[State[Any, Any]]) -> None:
        self._state = state
        self._books: dict[int, int] = {}
        self._pages: dict[int, int] = {}
        self._homes: dict[int, int] = {}
        self._leaves: dict[str, int] = {}
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
        if isinstance(changed, int):
            self._note(changed, before, is_there=False)
            self._note(changed, self.records.get(changed), is_there=True)
        self._take_index(seq, body.index)

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
                self._take_book(seq, book, changed)
                known = {it for it in self._pages if it // BOOK_PAGES == number}
                if known - {page for page, _ in book.items()}:
                    raise _odd(seq, f"has lost a page of book {number}")
                self._books[number] = seq

    def _take_book(self, seq: int, book: Book, changed: int | None) -> None:
        for number, page in book.items():
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
        if known - page.keys() or page.keys() - known - {changed}:
            raise _odd(seq, f"has other numbers on page {number}")
        for it, raw in page.items():
            if is_named(raw):
                where = self._homes.get(it)
                _expect(seq, f"record {it}", int(bytes(raw)), where)
                continue
            if it != changed and bytes(raw) != self.records.get(it):
                raise _odd(seq, f"has another record {it}")
            self.records[it] = bytes(raw)
            self._homes[it] = seq

    def _note(self, number: int, raw: bytes | None, *, is_there: bool) -> None:
        """Note under which identity a number is found, or is no longer found."""
        if raw is None:
            return
        record = decode(raw, self._state.record_type, f"record {number}")
        identity = self._state.identity_of(record)
        if identity is None:
            return
        numbers = self._numbers[digits_of(identity)]
        numbers.discard(number)
        if is_there:
            numbers.add(number)

    def _take_index(self, seq: int, leaves: Leaves) -> None:
        for prefix, leaf in leaves.items():
            if isinstance(leaf, int):
                where = self._leaves.get(prefix)
                _expect(seq, f"the identities {prefix!r}", leaf, where)
                continue
            wanted = {
                key: min(numbers)
                for key, numbers in self._numbers.items()
                if numbers and key.startswith(prefix)
            }
            if leaf != wanted:
                raise _odd(seq, f"has other identities that begin with {prefix!r}")
            self._leaves[prefix] = seq
        if any(
            numbers and prefix_of(leaves, key) is None
            for key, numbers in self._numbers.items()
        ):
            raise _odd(seq, "has lost identities")


def _expect(seq: int, what: str, named: int, home: int | None) -> None:
    if named != home:
        raise _odd(seq, f"names entry {named} for {what}, which entry {home} has")


def _odd(seq: int, how: str) -> IntegrityError:
    return IntegrityError(
        f"log entry {seq} {how}, unlike the steps before it: restore the log from a "
        "backup"
    )
