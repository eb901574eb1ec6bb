"""The records of a log by number, in pages, and numbers by identity, in leaves.

A page holds the records of 50 consecutive numbers, a book holds 250 pages. An entry
contains the newest two books, the newest page and the page that it changes. For every
other page and book it contains the number of the entry that wrote it last, so entries
stay small however many numbers there are.

The numbers can be found by identity with one more read. Identities are grouped into
leaves by their leading hex digits. An entry contains the leaf that it changes, and for
every other leaf the number of the entry that wrote it last. ``docs/format.md`` is the
full description.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import decode_part, encode
from hopsartifacts.errors import IntegrityError

PAGE_NUMBERS = 50
BOOK_PAGES = 250
_OUT_BOOKS = 2
LEAF_IDENTITIES = 64
_PROMISED = "which a later entry expects there"
SHORT_BYTES = 512
"""A longer record is contained only in the entry that changes it."""

Page = dict[int, msgspec.Raw]
"""Records by number; an int in place of a record is the entry that contains it."""

Record = TypeVar("Record")


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive pages; an int in place of a page is the entry that contains it."""

    first: int
    pages: tuple[int | Page | None, ...]

    def page(self, number: int) -> int | Page | None:
        """Return page *number* or the entry that contains it; None if there is none."""
        at = number - self.first
        return self.pages[at] if 0 <= at < len(self.pages) else None

    def items(self) -> Iterator[tuple[int, int | Page]]:
        """Yield the numbers of the existing pages, each with its page or entry."""
        for number, page in enumerate(self.pages, self.first):
            if page is not None:
                yield number, page


Tree = dict[int, int | Book]
"""Books by number; an int in place of a book is the entry that contains it."""

Leaf = dict[str, int]
Leaves = dict[str, int | Leaf]
"""The leaves by the digits that their identities start with; an int is the number of
the entry that contains the leaf."""


def damaged(log: str, seq: int, how: str) -> IntegrityError:
    """Return the error that entry *seq* of *log* is damaged, as *how* says."""
    return IntegrityError(
        f"log entry {layout.log_entry(log, seq)} {how}: restore the log from a backup"
    )


class MissingRecordError(IntegrityError, KeyError):
    """A log has no record of a number; as a ``KeyError``, ``get`` returns None."""

    __str__ = Exception.__str__


class EntrySource(Protocol):
    """A reader of log entries, which raises ``IntegrityError`` if one is damaged."""

    path: str
    """The path of the log."""

    def trees(self, numbers: Iterable[int]) -> Mapping[int, Tree]:
        """Return the trees of the entries *numbers*, read concurrently."""

    def leaves(self, number: int) -> Leaves:
        """Return the leaves of entry *number*."""


class Records(Mapping[int, Record], Generic[Record]):
    """All records of a log as of one entry, by number; read on demand.

    Immutable: ``changed`` returns a new object that shares the pages read so far.
    """

    def __init__(
        self, kind: type[Record], source: EntrySource | None, seq: int, tree: Tree
    ) -> None:
        self._kind = kind
        self._source = source
        self._seq = seq
        self._tree = tree
        self._pages: dict[int, tuple[int, Page]] = {}
        self._decoded: dict[int, Record] = {}
        self.changes: dict[int, Record] = {}

    def changed(self, number: int, record: Record) -> "Records[Record]":
        """Return a copy in which the record of *number* is *record*."""
        after = Records(self._kind, self._source, self._seq, self._tree)
        after._pages = self._pages
        after.changes = {**self.changes, number: record}
        return after

    def __getitem__(self, number: int) -> Record:
        """Return the record of *number*, reading at most three entries."""
        if number in self.changes:
            return self.changes[number]
        if number not in self._decoded:
            found = self._page(number // PAGE_NUMBERS)
            if found is None or number not in found[1]:
                raise MissingRecordError(
                    f"{self._where(self._seq)} has no record of number {number}, "
                    "although another part of the log names it: restore the log from "
                    "a backup"
                )
            self._decoded[number] = self._record(*found, number)
        return self._decoded[number]

    def __iter__(self) -> Iterator[int]:
        """Yield all numbers in order."""
        numbers = set(self.changes)
        for page in self._loaded(self._page_numbers()):
            numbers |= page.keys()
        return iter(sorted(numbers))

    def __len__(self) -> int:
        """Return how many numbers have a record."""
        return sum(1 for _ in self)

    def newest(self, count: int) -> dict[int, Record]:
        """Return the records of the *count* highest numbers, in order."""
        pages, numbers = self._page_numbers(), set(self.changes)
        wanted = count // PAGE_NUMBERS + 2
        while pages:
            more, pages = pages[-wanted:], pages[:-wanted]
            numbers = numbers.union(*self._loaded(more))
            # A page has fewer records if numbers were skipped.
            if sum(it // PAGE_NUMBERS >= more[0] for it in numbers) >= count:
                break
            wanted *= 2
        return {number: self[number] for number in sorted(numbers)[-count:]}

    def descending(self) -> Iterator[tuple[int, Record]]:
        """Yield numbers and records from the highest number down, page by page."""
        pages = {*self._page_numbers(), *(it // PAGE_NUMBERS for it in self.changes)}
        for page in sorted(pages, reverse=True):
            found = self._page(page)
            numbers = set(found[1]) if found else set()
            numbers |= {it for it in self.changes if it // PAGE_NUMBERS == page}
            for number in sorted(numbers, reverse=True):
                yield number, self[number]

    def written_out(self, *last: int) -> Tree:
        """Return the tree of the entry that commits the changes.

        *last* are the highest numbers before and after them; 0 stands for none.
        """
        changed = {number // PAGE_NUMBERS for number in self.changes}
        pages = changed | {number // PAGE_NUMBERS for number in last if number}
        books = self._tree.keys() | {page // BOOK_PAGES for page in changed}
        out = set(sorted(books)[-_OUT_BOOKS:]) | {it // BOOK_PAGES for it in pages}
        return {
            number: self._book(number, pages)
            if number in out
            else self._home(self._tree[number])
            for number in sorted(books)
        }

    def _home(self, place: int | Book | Page) -> int:
        """Return the number of the entry that contains the page or book at *place*."""
        return place if isinstance(place, int) else self._seq

    def _book(self, number: int, out: set[int]) -> Book:
        home, book = self._find_book(number)
        places: dict[int, int | Page] = {}
        for page, place in book.items() if book else ():
            places[page] = place if isinstance(place, int) else home
        for page in out:
            if page // BOOK_PAGES == number and (written := self._written_page(page)):
                places[page] = written
        if not places:
            raise self._not_there(home, f"a page of book {number}")
        first = min(places)
        span = range(first, max(places) + 1)
        return Book(first=first, pages=tuple(places.get(page) for page in span))

    def _written_page(self, page: int) -> Page:
        home, before = self._page(page) or (0, {})
        written = {
            number: raw if len(bytes(raw)) <= SHORT_BYTES else msgspec.Raw(b"%d" % home)
            for number, raw in before.items()
        }
        for number, record in self.changes.items():
            if number // PAGE_NUMBERS == page:
                written[number] = msgspec.Raw(encode(record))
        return dict(sorted(written.items()))

    def _page_numbers(self) -> list[int]:
        """Return the numbers of all existing pages, in order."""
        self._fetch(place for place in self._tree.values() if isinstance(place, int))
        books = [self._find_book(number)[1] for number in sorted(self._tree)]
        return [page for book in books if book for page, _ in book.items()]

    def _loaded(self, pages: Sequence[int]) -> list[Page]:
        """Return pages, after reading the entries they need concurrently."""
        homes = set()
        for page in pages:
            _, book = self._find_book(page // BOOK_PAGES)
            place = book.page(page) if book else None
            if isinstance(place, int):
                homes.add(place)
        self._fetch(homes)
        found = [it[1] for page in pages if (it := self._page(page))]
        self._fetch(
            home_of(raw, self._where(self._seq))
            for page in found
            for raw in page.values()
            if is_named(raw)
        )
        return found

    def _find_book(self, number: int) -> tuple[int, Book | None]:
        place = self._tree.get(number)
        if isinstance(place, int):
            return place, self._written_book(place, number)
        return self._seq, place

    def _page(self, number: int) -> tuple[int, Page] | None:
        """Return the entry that contains page *number*, and the page, or None."""
        if number not in self._pages:
            home, book = self._find_book(number // BOOK_PAGES)
            place = book.page(number) if book else None
            if place is None:
                return None
            if isinstance(place, int):
                home = place
                place = self._written_book(home, number // BOOK_PAGES).page(number)
                if not isinstance(place, dict):
                    raise self._not_there(home, f"page {number}")
            self._pages[number] = home, place
        return self._pages[number]

    def _record(self, home: int, page: Page, number: int) -> Record:
        raw = page[number]
        if is_named(raw):
            home = home_of(raw, self._where(home))
            written = written_record(self._fetch([home])[home], number)
            if written is None:
                raise self._not_there(home, f"record {number}")
            raw = written
        where = f"{self._where(home)}: record {number}"
        return decode_part(bytes(raw), self._kind, where)

    def _written_book(self, home: int, number: int) -> Book:
        book = self._fetch([home])[home].get(number)
        if book is None or isinstance(book, int):
            raise self._not_there(home, f"book {number}")
        return book

    def _fetch(self, numbers: Iterable[int]) -> Mapping[int, Tree]:
        wanted = set(numbers)
        return self._source.trees(wanted) if self._source and wanted else {}

    def _where(self, home: int) -> str:
        return layout.log_entry(self._source.path, home) if self._source else "no log"

    def _not_there(self, home: int, what: str) -> IntegrityError:
        log = self._source.path if self._source else ""
        return damaged(log, home, f"lacks {what}, {_PROMISED}")


def written_record(tree: Tree, number: int) -> msgspec.Raw | None:
    """Return record *number* if *tree* itself contains it, else None."""
    page = number // PAGE_NUMBERS
    book = tree.get(page // BOOK_PAGES)
    place = book.page(page) if isinstance(book, Book) else None
    raw = place.get(number) if isinstance(place, dict) else None
    return None if raw is None or is_named(raw) else raw


def is_named(raw: msgspec.Raw) -> bool:
    """Return whether *raw* is the number of an entry instead of a record."""
    return not bytes(raw).startswith(b"{")


def home_of(raw: msgspec.Raw, where: str = "a log entry") -> int:
    """Decode *raw*, the number of the entry with a record; messages name *where*.

    Raises:
        IntegrityError: it is not a number.
    """
    text = bytes(raw)
    if not text.isdigit():
        raise IntegrityError(
            f"{where} contains {text.decode(errors='replace')!r} instead of a "
            "record or the number of an entry: restore the log from a backup"
        )
    return int(text)


class Index(msgspec.Struct, frozen=True):
    """The leaves as of entry *seq*, and changes that are not committed yet."""

    seq: int = 0
    tree: Leaves = {}
    changes: dict[str, int | None] = {}
    source: EntrySource | None = None

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
        prefixes = (key[:end] for end in range(len(key) + 1))
        prefix = next((it for it in prefixes if it in self.tree), None)
        if prefix is None:
            return None
        place = self.tree[prefix]
        if not isinstance(place, int):
            return prefix, place
        found = self.source.leaves(place).get(prefix) if self.source else None
        if not isinstance(found, dict):
            log = self.source.path if self.source else ""
            raise damaged(log, place, f"lacks the identities {prefix!r}, {_PROMISED}")
        return prefix, found


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
