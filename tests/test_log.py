"""The append-only log: lost races, lost answers, entries tampered with."""

import gzip
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import encode, with_check, without_check
from hopsartifacts.errors import (
    CommitUncertainError,
    ConflictError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
)
from hopsartifacts.machine import identity
from hopsartifacts.storage.contract import FileInfo, Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store import log as log_module
from hopsartifacts.store.entries import CARRIED_LIMIT_BYTES, Draft, Head, State, packed
from hopsartifacts.store.log import Log

FIRST, SECOND = "_log/99/99/99/98.json.gz", "_log/99/99/99/97.json.gz"


class Count(msgspec.Struct, frozen=True):
    total: int = 0


class Counts(State[Head, Count]):
    head_type = Head
    record_type = Count

    @property
    def total(self) -> int:
        """What the records say: as much as there are entries."""
        return sum(it.total for it in self.records.values())


class Failing:
    """A storage whose chosen methods run a hook instead."""

    def __init__(self, inner: Storage, **hooks: Callable[..., Any]) -> None:
        self._inner = inner
        self._hooks = hooks

    def __getattr__(self, name: str) -> Any:
        return self._hooks.get(name) or getattr(self._inner, name)


def log_on(storage: Storage, **hooks: Callable[..., Any]) -> Log[Counts]:
    return Log(cast("Storage", Failing(storage, **hooks)), "_log", Counts)


def add_one(state: Counts, seq: int) -> Draft[Counts]:
    """Count one more under number 1."""
    op = {"at": seq, "version": 1}
    return Draft(op=op, state=state.changed(1, Count(state.total + 1)))


@pytest.fixture
def storage(clear_memory: None) -> Storage:  # noqa: ARG001 - a fixture
    return MemoryStorage(uuid4().hex)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hopsartifacts.store.races.pause_s", lambda *_: 0.0)


def counted(storage: Storage, count: int) -> Log[Counts]:
    """Return a log with *count* entries."""
    log = log_on(storage)
    for _ in range(count):
        log.append(add_one)
    return log


def test_an_empty_log_has_no_newest_entry(storage: Storage) -> None:
    log = log_on(storage)
    assert log.newest() is None
    assert log.state().head == Head()
    assert log.state().total == 0
    assert list(log.entries()) == []
    assert log.audit() is None
    assert log.append(lambda *_: None) is None
    assert list(storage.find("")) == []


def test_a_log_that_is_full_takes_no_more(storage: Storage) -> None:
    log = counted(storage, 1)
    last = msgspec.structs.replace(log.entry(1).body, seq=layout.MOST_ENTRIES - 1)
    storage.create(layout.log_entry("_log", last.seq), packed(last))
    full = log_on(storage).append(add_one)
    assert full
    assert full.seq == layout.MOST_ENTRIES
    with pytest.raises(ConflictError, match="no log can have more"):
        log_on(storage).append(add_one)
    newest = log_on(storage).newest()
    assert newest
    assert (newest.body, newest.sha256) == (full.body, full.sha256)


def test_each_entry_holds_the_state_and_names_the_one_before(storage: Storage) -> None:
    log = counted(storage, 3)
    entries = list(log.entries())
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [log.snapshot(log.entry(seq)).state.total for seq in (1, 2, 3)] == [1, 2, 3]
    assert [entry.op["at"] for entry in entries] == [1, 2, 3]
    assert len({entry.token for entry in entries}) == 3
    assert entries[0].body.previous is None
    for before, after in pairwise(entries):
        assert after.body.previous == before.sha256
        assert before.sha256 == sha256_of(storage.read(path_of(before.seq)))


def path_of(seq: int) -> str:
    return layout.log_entry("_log", seq)


def test_names_count_down_in_folders_of_a_hundred(storage: Storage) -> None:
    counted(storage, 203)
    names = [entry.path for entry in storage.find("_log")]
    assert names == sorted(names)
    assert names == [path_of(seq) for seq in range(203, 0, -1)]
    assert {FIRST, SECOND, "_log/99/99/98/99.json.gz"} < set(names)
    assert storage.first("_log") == path_of(203)
    sizes = [len(storage.list(f"_log/99/99/{it}")) for it in ("97", "98", "99")]
    assert sizes == [4, 100, 99]
    newest = log_on(storage).newest()
    assert newest is not None
    assert (newest.seq, newest.state.total) == (203, 203)


def test_the_newest_is_found_by_one_listing_and_one_read(storage: Storage) -> None:
    counted(storage, 120)
    asked: list[str] = []

    def noted(name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            asked.append(name)
            return getattr(storage, name)(*given)

        return call

    names = ("first", "read", "list", "find", "stat", "create")
    log = log_on(storage, **{name: noted(name) for name in names})
    assert log.state().total == 120
    assert asked == ["first", "read"]
    asked.clear()
    log.append(add_one)
    assert asked == ["create"]
    asked.clear()
    log.refresh()
    assert asked == ["read"]


@pytest.mark.parametrize(
    "stray",
    [".DS_Store", "00/note.txt", "99/99/99/.nfs00001", "99/99/99/97.json", "zz"],
)
@pytest.mark.parametrize("count", [0, 2])
def test_what_is_no_entry_in_a_log_is_passed_by(
    storage: Storage, stray: str, count: int
) -> None:
    counted(storage, count)
    storage.write(f"_log/{stray}", [b"mine"])
    assert log_on(storage).state().total == count
    log = counted(storage, 1)
    assert log.state().total == count + 1
    assert log.audit() == log.newest()


@pytest.mark.parametrize("stray", [".DS_Store", "00/note.txt", "99/99/99/.nfs00001"])
def test_what_is_no_entry_does_not_make_a_read_list_the_whole_log(
    storage: Storage, stray: str
) -> None:
    """Four listings are enough to find the newest, one a level, and one of ``00``."""
    counted(storage, 120)
    storage.write(f"_log/{stray}", [b"mine"])
    listed: list[str] = []

    def note(path: str) -> list[FileInfo]:
        listed.append(path)
        return storage.list(path)

    def refuse(path: str) -> None:
        pytest.fail(f"all of {path} was listed")

    assert log_on(storage, list=note, find=refuse).state().total == 120
    assert len(listed) <= 5


def test_nothing_to_commit_gives_the_newest(storage: Storage) -> None:
    log = counted(storage, 1)
    newest = log.append(lambda *_: None)
    assert newest is not None
    assert newest.state.total == 1
    assert len(list(storage.find(""))) == 1


def test_a_lost_race_is_decided_again(storage: Storage) -> None:
    """Three others commit while we decide; each time we see their state."""
    other, log = log_on(storage), log_on(storage)
    seen: list[tuple[int, int]] = []

    def decide(state: Counts, seq: int) -> Draft[Counts]:
        seen.append((state.total, seq))
        if len(seen) <= 3:
            other.append(add_one)
        return add_one(state, seq)

    newest = log.append(decide)
    assert newest is not None
    assert (newest.seq, newest.state.total) == (4, 4)
    assert seen == [(0, 1), (1, 2), (2, 3), (3, 4)]
    log_on(storage).audit()


def test_a_writer_that_always_loses_gives_up(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "_LOST_RACES_LIMIT", 3)
    other = log_on(storage)

    def decide(state: Counts, seq: int) -> Draft[Counts]:
        other.append(add_one)
        return add_one(state, seq)

    with pytest.raises(ConflictError, match="3 other writers were faster"):
        log_on(storage).append(decide)


def test_a_commit_whose_answer_is_lost_is_found(storage: Storage) -> None:
    def create(path: str, data: bytes) -> bool:
        storage.create(path, data)
        raise StorageError("lost")

    newest = log_on(storage, create=create).append(add_one)
    assert newest is not None
    assert newest.state.total == 1
    assert len(list(storage.find(""))) == 1


def test_a_commit_that_failed_is_tried_again(storage: Storage) -> None:
    failures = [StorageError("first"), StorageError("second")]

    def create(path: str, data: bytes) -> bool:
        if failures:
            raise failures.pop()
        return storage.create(path, data)

    newest = log_on(storage, create=create).append(add_one)
    assert newest is not None
    assert newest.seq == 1


def test_an_unknown_outcome_can_be_looked_up_by_its_token(storage: Storage) -> None:
    """The entry is there, but neither the write nor a read is answered."""

    def create(path: str, data: bytes) -> bool:
        storage.create(path, data)
        raise StorageError("no answer")

    def read(path: str) -> bytes:
        raise StorageError(f"no answer for {path}")

    with pytest.raises(CommitUncertainError, match="outcome is unknown") as caught:
        log_on(storage, create=create, read=read).append(add_one)
    newest = log_on(storage).newest()
    assert newest is not None
    assert newest.token == caught.value.token
    assert caught.value.token in str(caught.value)
    assert isinstance(caught.value.__cause__, StorageError)


def test_a_hole_is_named(storage: Storage) -> None:
    counted(storage, 3)
    storage.delete_tree(SECOND)
    for check in (log_on(storage).audit, lambda: list(log_on(storage).entries())):
        with pytest.raises(IntegrityError, match=f"{SECOND} is missing"):
            check()
    with pytest.raises(IntegrityError, match=f"{SECOND} is missing"):
        log_on(storage).entry(2)
    newest = log_on(storage).append(add_one)
    assert newest is not None
    assert (newest.seq, newest.state.total) == (4, 4)


def test_an_entry_that_goes_while_it_is_read_is_named(storage: Storage) -> None:
    counted(storage, 1)
    storage.delete_tree("_log")
    with pytest.raises(IntegrityError, match=f"{FIRST} is missing"):
        log_on(storage, first=lambda _: FIRST).newest()


def test_a_log_that_is_deleted_while_it_is_looked_for_is_empty(
    storage: Storage,
) -> None:
    counted(storage, 1)
    listed = [storage.first("_log")]
    storage.delete_tree("_log")
    log = log_on(storage, first=lambda _: listed.pop() if listed else None)
    assert log.newest() is None


def test_an_entry_at_another_number_is_named(storage: Storage) -> None:
    counted(storage, 1)
    storage.create(SECOND, storage.read(FIRST))
    with pytest.raises(IntegrityError, match=f"{SECOND} contains entry 1"):
        log_on(storage).newest()


def test_an_entry_of_another_log_is_named(storage: Storage) -> None:
    counted(storage, 1)
    storage.create("other/_log/99/99/99/98.json.gz", storage.read(FIRST))
    with pytest.raises(IntegrityError, match="contains entry 1 of _log: it was moved"):
        Log(storage, "other/_log", Counts).newest()


def test_an_entry_that_was_replaced_is_named(storage: Storage) -> None:
    log = counted(storage, 2)
    other = MemoryStorage(uuid4().hex)
    counted(other, 3)
    storage.write(FIRST, [other.read(FIRST)])
    for check in (log_on(storage).audit, lambda: list(log_on(storage).entries())):
        with pytest.raises(IntegrityError, match=f"{SECOND} does not follow"):
            check()
    # A writer sees it too, when its next name is taken by what does not follow.
    third = path_of(3)
    storage.create(third, other.read(third))
    with pytest.raises(IntegrityError, match=f"{third} does not follow"):
        log.append(add_one)


def forged(data: bytes, **members: Any) -> bytes:
    """Return an entry with other members whose check is right again."""
    body = msgspec.json.decode(without_check(gzip.decompress(data)))
    return gzip.compress(with_check(encode({**body, **members})), mtime=0)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"head": {"last": "x"}}, "Head document"),
        ({"tree": {"0": {"first": 0, "pages": [{"1": {"total": "x"}}]}}}, "Count"),
    ],
)
def test_a_state_of_another_kind_is_damage(
    storage: Storage, members: dict[str, Any], words: str
) -> None:
    counted(storage, 1)
    storage.write(FIRST, [forged(storage.read(FIRST), **members)])
    with pytest.raises(IntegrityError, match=words):
        _ = log_on(storage).state().total


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "was changed|is not a gzip file"),
        (b"{}", "is not a gzip file"),
        (gzip.compress(b"whole")[:-5], "is not a gzip file"),
        (gzip.compress(b""), "was changed"),
        (gzip.compress(b'{"format":1}'), "was changed"),
        (gzip.compress(with_check(b'{"format":1}')), "log entry .* not a readable"),
        (gzip.compress(with_check(b'{"format":1}') + b"\n"), "was changed"),
    ],
    ids=["nothing", "plain", "cut", "empty", "unchecked", "lacks members", "more"],
)
def test_what_is_no_entry_is_named(storage: Storage, data: bytes, words: str) -> None:
    storage.write(FIRST, [data])
    with pytest.raises(IntegrityError, match=words) as caught:
        log_on(storage).newest()
    assert FIRST in str(caught.value)


def test_an_entry_of_a_later_release_says_to_upgrade(storage: Storage) -> None:
    storage.write(FIRST, [gzip.compress(with_check(b'{"format":2,"new":[]}'))])
    with pytest.raises(FormatError, match=r"format 2.*upgrade") as caught:
        log_on(storage).newest()
    assert FIRST in str(caught.value)


@pytest.mark.parametrize("number", [0, -1])
def test_an_entry_of_a_pre_release_says_that_it_is_older(
    storage: Storage, number: int
) -> None:
    entry = with_check(b'{"format":%d,"old":[]}' % number)
    storage.write(FIRST, [gzip.compress(entry)])
    with pytest.raises(FormatError, match=f"format {number}.*pre-release") as caught:
        log_on(storage).newest()
    assert "upgrade" not in str(caught.value)


def test_an_attempt_that_is_tried_again_stores_the_same_bytes(
    storage: Storage,
) -> None:
    entry = counted(storage, 1).entry(1)
    assert packed(entry.body) == packed(entry.body) == storage.read(FIRST)
    assert storage.read(FIRST)[4:8] == bytes(4)  # when it was compressed: not said


def test_what_readers_ask_for_most_is_carried(storage: Storage) -> None:
    """One read answers if it is short; what is long stays in its own entry."""
    log = Log(storage, "_log", Wanted)

    def bring(content: str) -> Callable[[Wanted, int], Draft[Wanted]]:
        def decide(state: Wanted, seq: int) -> Draft[Wanted]:
            return Draft(op={}, state=state.changed(entry=seq), content=content)

        return decide

    log.append(bring("small"))
    for _ in range(2):
        log.append(lambda state, _: Draft(op={}, state=state))
    reads: list[str] = []

    def read(path: str) -> bytes:
        reads.append(path)
        return storage.read(path)

    later = Log(cast("Storage", Failing(storage, read=read)), "_log", Wanted)
    assert later.state().head.entry == 1
    assert later.content(1) == b'"small"'
    assert reads == [path_of(3)]
    log.append(bring("x" * CARRIED_LIMIT_BYTES))
    log.append(lambda state, _: Draft(op={}, state=state))
    reads.clear()
    later = Log(cast("Storage", Failing(storage, read=read)), "_log", Wanted)
    assert later.state().head.entry == 4
    assert len(later.content(4)) == CARRIED_LIMIT_BYTES + 2
    assert reads == [path_of(5), path_of(4)]


class WantedHead(Head, frozen=True, kw_only=True, omit_defaults=True):
    entry: int = 0

    @property
    def wanted(self) -> int:
        return self.entry


class Wanted(State[WantedHead, Count]):
    head_type = WantedHead
    record_type = Count


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    identity.process_user.cache_clear()
    monkeypatch.setattr("getpass.getuser", nobody)
    try:
        assert identity.user().isdigit()
        assert identity.writer().startswith(f"{identity.user()}@")
    finally:
        identity.process_user.cache_clear()


def with_old_listing(folder: Path, before: int) -> tuple[Storage, str | None]:
    """Return a log with *before* + 3 entries, and what was its first name before."""
    storage = LocalStorage(folder)
    log = counted(storage, before)
    old = storage.first("_log")
    for _ in range(3):
        log.append(add_one)
    return storage, old


@pytest.mark.parametrize("before", [0, 2])
def test_a_mount_that_lists_from_a_cache_does_not_hide_the_newest(
    tmp_path: Path, before: int
) -> None:
    """As NFS does for some seconds after another machine has written."""
    storage, old = with_old_listing(tmp_path, before)
    newest = log_on(storage, first=lambda _: old).newest()
    assert newest is not None
    assert (newest.seq, newest.state.total) == (before + 3, before + 3)
    late = log_on(storage, first=lambda _: old)
    appended = late.append(add_one)
    assert appended is not None
    assert (appended.seq, appended.state.total) == (before + 4, before + 4)
    audited = late.audit()
    assert audited is not None
    assert audited.token == appended.token


@pytest.mark.parametrize("before", [0, 2])
def test_a_writer_on_such_a_mount_decides_on_the_newest(
    tmp_path: Path, before: int
) -> None:
    """A refusal, like a commit, must not rest on a listing that is out of date."""
    storage, old = with_old_listing(tmp_path, before)

    def late() -> Log[Counts]:
        hooked = Failing(storage, first=lambda _: old)
        return Log(cast("Storage", hooked), "_log", Counts, for_writing=True)

    def total(state: Counts) -> int:
        if state.total < before + 3:
            raise NotFoundError("too few")
        return state.total

    def refused(state: Counts, _: int) -> None:
        total(state)

    for decide in (refused, lambda *_: None):
        nothing = late().append(decide)
        assert nothing is not None
        assert nothing.seq == before + 3
    assert late().decided(total) == before + 3
    with pytest.raises(NotFoundError):
        late().decided(lambda _: total(Counts.empty()))
    appended = late().append(add_one)
    assert appended is not None
    assert (appended.seq, appended.state.total) == (before + 4, before + 4)


def test_a_listing_that_is_late_takes_back_nothing_that_was_seen(
    storage: Storage,
) -> None:
    """Also where names are not probed: what a log has read it goes on from."""
    counted(storage, 3)
    answers = [path_of(3), path_of(1)]
    log = log_on(storage, first=lambda _: answers.pop(0))
    assert log.state().total == 3
    assert log.state().total == 3
    assert answers == []
