"""Records in pages and identities in leaves, against plain dicts."""

import gzip
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store.entries import Draft, EntryBody, Head, LogEntry, State
from hopsartifacts.store.log import Log
from hopsartifacts.store.pages import LEAF_IDENTITIES, PAGE_NUMBERS, Book
from tests import depth
from tests.small_pages import SMALL, make_pages_small


class Thing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record with an identity, as an artifact version has one."""

    identity: str
    text: str = ""
    is_live: bool = True


class Things(State[Head, Thing]):
    head_type = Head
    record_type = Thing

    @staticmethod
    def identity_of(record: Thing) -> str | None:
        return record.identity if record.is_live else None

    def put(self, number: int, thing: Thing) -> "Things":
        """Return this state with one thing more; of twins the lowest is found."""
        index = self.index
        found = index.find(thing.identity)
        if found is None or number < found:
            index = index.changed(thing.identity, number)
        return self.changed(number, thing, index=index)

    def taken(self, number: int) -> "Things":
        """Return this state with a thing gone; a twin is found in its place."""
        gone = msgspec.structs.replace(self.records[number], is_live=False, text="")
        index = self.index
        if index.find(gone.identity) == number:
            rest = (
                n
                for n, it in self.records.items()
                if n != number and it.is_live and it.identity == gone.identity
            )
            index = index.changed(gone.identity, next(rest, None))
        return self.changed(number, gone, index=index)


IDENTITIES = [sha256_of(b"%d" % number) for number in range(40)]
MOST_NUMBERS = 40


def things_log(storage: MemoryStorage) -> Log[Things]:
    return Log(storage, "_log", Things)


def put(log: Log[Things], number: int, thing: Thing) -> None:
    op = {"kind": "put", "version": number}
    log.append(lambda state, _: Draft(op=op, state=state.put(number, thing)))


def take(log: Log[Things], number: int) -> None:
    op = {"kind": "take", "version": number}
    log.append(lambda state, _: Draft(op=op, state=state.taken(number)))


def change(log: Log[Things], number: int, text: str) -> None:
    def decide(state: Things, _: int) -> Draft[Things]:
        after = msgspec.structs.replace(state.records[number], text=text)
        op = {"kind": "change", "version": number}
        return Draft(op=op, state=state.changed(number, after))

    log.append(decide)


def lowest_live(model: dict[int, Thing], identity: str) -> int | None:
    found = (n for n, it in model.items() if it.is_live and it.identity == identity)
    return min(found, default=None)


def check_state(state: Things, model: dict[int, Thing]) -> None:
    """Ask the state everything that can be asked, and compare it with *model*."""
    records = state.records
    highest = sorted(model)
    assert state.head.last == max(model, default=0)
    for count in (1, 2, 3, 7, 100):
        newest = {number: model[number] for number in highest[-count:]}
        assert records.newest(count) == newest
        assert list(records.newest(count)) == list(newest)
    assert list(records.descending()) == sorted(model.items(), reverse=True)
    assert list(records.items()) == list(model.items())
    assert len(records) == len(model)
    for identity in IDENTITIES:
        assert state.index.find(identity) == lowest_live(model, identity)


def check_small(body: EntryBody) -> None:
    """See that an entry writes out what it has to, and nothing else."""
    books = [book for book in body.tree.values() if isinstance(book, Book)]
    assert len(books) <= 3
    pages = [page for book in books for _, page in book.items()]
    written = [page for page in pages if not isinstance(page, int)]
    assert len(written) <= 2
    assert all(len(page) <= SMALL["PAGE_NUMBERS"] for page in written)
    for page in written:
        for number, raw in page.items():
            is_changed = number == body.op.get("version")
            assert is_changed or len(bytes(raw)) <= SMALL["SHORT_BYTES"]
    leaves = [leaf for leaf in body.index.values() if not isinstance(leaf, int)]
    assert all(len(leaf) <= SMALL["LEAF_IDENTITIES"] for leaf in leaves)


class LogAgainstDict(RuleBasedStateMachine):
    """Whatever is committed, each entry says what a dict says that had the same."""

    @initialize()
    def open(self) -> None:
        MemoryFileSystem.store.clear()
        self.storage = MemoryStorage(uuid4().hex)
        self.kept = things_log(self.storage)
        self.model: dict[int, Thing] = {}
        self.history: list[dict[int, Thing]] = [{}]

    def log(self, *, is_fresh: bool) -> Log[Things]:
        """Return a log that has read nothing, or the one that all steps share."""
        return things_log(self.storage) if is_fresh else self.kept

    def noted(self, number: int, thing: Thing) -> None:
        self.model = dict(sorted({**self.model, number: thing}.items()))
        self.history.append(self.model)

    @precondition(lambda self: len(self.model) < MOST_NUMBERS)
    @rule(
        identity=st.sampled_from(IDENTITIES),
        jump=st.sampled_from([1, 1, 1, 2, 3, 9, 40_000]),
        text=st.sampled_from(["", "x" * 200]),
        is_fresh=st.booleans(),
    )
    def put(self, identity: str, jump: int, text: str, *, is_fresh: bool) -> None:
        number = max(self.model, default=0) + jump
        thing = Thing(identity=identity, text=text)
        put(self.log(is_fresh=is_fresh), number, thing)
        self.noted(number, thing)

    @precondition(lambda self: 0 < len(self.model) < MOST_NUMBERS)
    @rule(data=st.data(), is_fresh=st.booleans())
    def fill_a_gap(self, data: st.DataObject, *, is_fresh: bool) -> None:
        highest = max(self.model)
        near = {it + step for it in self.model for step in (-5, -2, -1, 1, 2, 5)}
        free = sorted(it for it in near if 0 < it < highest and it not in self.model)
        if free:
            number = data.draw(st.sampled_from(free))
            thing = Thing(identity=data.draw(st.sampled_from(IDENTITIES)))
            put(self.log(is_fresh=is_fresh), number, thing)
            self.noted(number, thing)

    @precondition(lambda self: self.model)
    @rule(
        data=st.data(),
        text=st.sampled_from(["", "short", "y" * 200]),
        is_fresh=st.booleans(),
    )
    def change(self, data: st.DataObject, text: str, *, is_fresh: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.model)))
        change(self.log(is_fresh=is_fresh), number, text)
        self.noted(number, msgspec.structs.replace(self.model[number], text=text))

    @precondition(lambda self: any(it.is_live for it in self.model.values()))
    @rule(data=st.data(), is_fresh=st.booleans())
    def take(self, data: st.DataObject, *, is_fresh: bool) -> None:
        live = [number for number, it in self.model.items() if it.is_live]
        number = data.draw(st.sampled_from(live))
        take(self.log(is_fresh=is_fresh), number)
        gone = msgspec.structs.replace(self.model[number], is_live=False, text="")
        self.noted(number, gone)

    @rule()
    def note_something_else(self) -> None:
        self.log(is_fresh=True).append(
            lambda state, _: Draft(op={"kind": "other"}, state=state)
        )
        self.history.append(self.model)

    @invariant()
    def newest_state_is_that_of_the_dict(self) -> None:
        for is_fresh in (True, False):
            check_state(self.log(is_fresh=is_fresh).state(), self.model)

    @invariant()
    def single_answers_need_no_others(self) -> None:
        log = things_log(self.storage)
        numbers = [*self.model, *(it + 1 for it in self.model), 1, 100_000_000]
        for number in numbers:
            state = log.snapshot(log.entry(self.seq)).state if self.seq else log.state()
            assert state.records.get(number) == self.model.get(number)
            assert (number in state.records) == (number in self.model)

    @invariant()
    def entries_are_small(self) -> None:
        """However many pages and books there are."""
        if self.seq:
            check_small(self.kept.entry(self.seq).body)

    @property
    def seq(self) -> int:
        return len(self.history) - 1

    def teardown(self) -> None:
        log = things_log(self.storage)
        audited = log.audit()
        assert (audited.seq if audited else 0) == self.seq
        for seq, model in enumerate(self.history[1:], 1):
            fresh = things_log(self.storage)
            check_state(fresh.snapshot(fresh.entry(seq)).state, model)
            check_state(log.snapshot(log.entry(seq)).state, model)


@pytest.mark.usefixtures("clear_memory")
def test_a_log_says_what_a_dict_says(monkeypatch: pytest.MonkeyPatch) -> None:
    make_pages_small(monkeypatch)
    run_state_machine_as_test(
        seed(depth.part())(LogAgainstDict),  # other examples each day
        settings=settings(
            max_examples=depth.usually(30, 80),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def storage(clear_memory: None) -> MemoryStorage:  # noqa: ARG001 - a fixture
    return MemoryStorage(uuid4().hex)


def test_a_requested_number_may_be_far_away(storage: MemoryStorage) -> None:
    """With the sizes that are in use: other pages, other books, and back."""
    log = things_log(storage)
    numbers = [1, 2, 3, 40_000, 40_001, 12_499, 12_500, 99_999_999, 4]
    model: dict[int, Thing] = {}
    for number in numbers:
        model[number] = Thing(identity=IDENTITIES[number % 40], text=str(number))
        put(log, number, model[number])
    assert things_log(storage).audit() is not None
    check_state(things_log(storage).state(), dict(sorted(model.items())))
    tree = log.entry(len(numbers)).body.tree
    assert list(tree) == [0, 1, 3, 7999]
    assert tree[1] == 7


def test_any_record_is_three_reads_away(storage: MemoryStorage) -> None:
    """As is any identity: one entry at most for each level of the tree."""
    log = things_log(storage)
    for number in range(1, 171):
        text = "x" * 600 if number == 60 else ""
        put(log, number, Thing(identity=sha256_of(b"%d" % number), text=text))
    put(log, 40_000, Thing(identity=sha256_of(b"far")))
    put(log, 60_000, Thing(identity=sha256_of(b"farther")))
    change(log, 59, "changed")
    put(log, 80_000, Thing(identity=sha256_of(b"farthest")))
    for number, most in ((80_000, 0), (60_000, 1), (60, 3), (59, 2), (7, 2)):
        counting = CountingLog(storage, "_log", Things)
        state = counting.state()
        counting.read.clear()
        assert state.records[number].is_live
        assert len(counting.read) <= most, (number, counting.read)
        counting.read.clear()
        assert state.index.find(sha256_of(b"%d" % 7)) == 7
        assert len(counting.read) <= 1


class CountingLog(Log[Things]):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.read: list[int] = []

    def _load(self, seq: int) -> LogEntry | None:
        self.read.append(seq)
        return super()._load(seq)


def test_entries_stay_small(storage: MemoryStorage) -> None:
    log = things_log(storage)
    lengths: list[int] = []
    for number in range(1, 801):
        text = "x" * 2000 if number % 3 == 0 else ""
        put(log, number, Thing(identity=sha256_of(b"%d" % number), text=text))
        lengths.append(len(gzip.decompress(storage.read(path_of(number)))))
    # Two pages of short records, one long record, one leaf, and numbers of entries.
    most = 2 * PAGE_NUMBERS * 110 + 2500 + LEAF_IDENTITIES * 80 + 2000
    assert max(lengths) < most


def path_of(seq: int) -> str:
    return layout.log_entry("_log", seq)
