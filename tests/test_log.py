"""The append-only log: lost races, lost answers, entries tampered with."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest

from hopsartifacts.digests import xxh3_of
from hopsartifacts.errors import (
    CommitUncertainError,
    ConflictError,
    FormatError,
    IntegrityError,
    StorageError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store import identity
from hopsartifacts.store import log as log_module
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.log import Log

FIRST, SECOND = "_log/000000000001.json", "_log/000000000002.json"


class Count(msgspec.Struct, frozen=True):
    total: int = 0


class Failing:
    """A storage whose chosen methods run a hook instead."""

    def __init__(self, inner: Storage, **hooks: Callable[..., Any]) -> None:
        self._inner = inner
        self._hooks = hooks

    def __getattr__(self, name: str) -> Any:
        return self._hooks.get(name) or getattr(self._inner, name)


def log_on(storage: Storage, **hooks: Callable[..., Any]) -> Log[Count]:
    return Log(cast("Storage", Failing(storage, **hooks)), "_log", Count)


def add_one(state: Count | None, seq: int) -> Draft[Count]:
    return Draft(op={"at": seq}, state=Count((state or Count()).total + 1))


@pytest.fixture
def storage(clear_memory: None) -> Storage:  # noqa: ARG001 - a fixture
    return MemoryStorage(uuid4().hex)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hopsartifacts.store.once.pause_s", lambda _: 0.0)


def test_an_empty_log_has_no_head(storage: Storage) -> None:
    log = log_on(storage)
    assert log.head() is None
    assert list(log.entries()) == []
    assert log.append(lambda *_: None) is None
    assert list(storage.find("")) == []


def test_each_entry_holds_the_state_and_names_the_one_before(storage: Storage) -> None:
    log = log_on(storage)
    for _ in range(3):
        log.append(add_one)
    entries = list(log.entries())
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.state.total for entry in entries] == [1, 2, 3]
    assert [entry.body.op for entry in entries] == [{"at": 1}, {"at": 2}, {"at": 3}]
    assert entries[0].body.previous is None
    for before, after in pairwise(entries):
        assert after.body.previous is not None
        assert after.body.previous.token == before.token
        assert after.body.previous.sha256 == before.sha256


def test_nothing_to_commit_gives_the_newest(storage: Storage) -> None:
    log = log_on(storage)
    log.append(add_one)
    head = log.append(lambda *_: None)
    assert head is not None
    assert head.state.total == 1
    assert len(list(storage.find(""))) == 1


def test_a_lost_race_is_decided_again(storage: Storage) -> None:
    """Three others commit while we decide; each time we see their state."""
    other, log = log_on(storage), log_on(storage)
    seen: list[tuple[int, int]] = []

    def decide(state: Count | None, seq: int) -> Draft[Count]:
        seen.append(((state or Count()).total, seq))
        if len(seen) <= 3:
            other.append(add_one)
        return add_one(state, seq)

    head = log.append(decide)
    assert head is not None
    assert (head.seq, head.state.total) == (4, 4)
    assert seen == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_whoever_always_loses_gives_up(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "_LOST_RACES_LIMIT", 3)
    other = log_on(storage)

    def decide(state: Count | None, seq: int) -> Draft[Count]:
        other.append(add_one)
        return add_one(state, seq)

    with pytest.raises(ConflictError, match="3 other writers were faster"):
        log_on(storage).append(decide)


def test_a_commit_whose_answer_is_lost_is_found(storage: Storage) -> None:
    def create(path: str, data: bytes) -> bool:
        storage.create(path, data)
        raise StorageError("lost")

    head = log_on(storage, create=create).append(add_one)
    assert head is not None
    assert head.state.total == 1
    assert len(list(storage.find(""))) == 1


def test_a_commit_that_failed_is_tried_again(storage: Storage) -> None:
    failures = [StorageError("first"), StorageError("second")]

    def create(path: str, data: bytes) -> bool:
        if failures:
            raise failures.pop()
        return storage.create(path, data)

    head = log_on(storage, create=create).append(add_one)
    assert head is not None
    assert head.seq == 1


def test_an_unknown_outcome_can_be_looked_up_by_its_token(storage: Storage) -> None:
    """The entry is there, but neither the write nor a read is answered."""

    def create(path: str, data: bytes) -> bool:
        storage.create(path, data)
        raise StorageError("no answer")

    def read(path: str) -> bytes:
        raise StorageError(f"no answer for {path}")

    with pytest.raises(CommitUncertainError, match="unknown whether") as caught:
        log_on(storage, create=create, read=read).append(add_one)
    head = log_on(storage).head()
    assert head is not None
    assert head.token == caught.value.token
    assert caught.value.token in str(caught.value)
    assert isinstance(caught.value.__cause__, StorageError)


def test_a_hole_is_named(storage: Storage) -> None:
    for _ in range(3):
        log_on(storage).append(add_one)
    storage.delete_tree(SECOND)
    with pytest.raises(IntegrityError, match=f"{SECOND} is missing"):
        log_on(storage).head()
    with pytest.raises(IntegrityError, match=f"{SECOND} is missing"):
        log_on(storage).append(add_one)


def test_an_entry_that_goes_while_it_is_read_is_named(storage: Storage) -> None:
    log_on(storage).append(add_one)
    listed = storage.list("_log")
    storage.delete_tree("_log")
    with pytest.raises(IntegrityError, match=f"{FIRST} is missing"):
        log_on(storage, list=lambda _: listed).head()


def test_an_entry_at_another_number_is_named(storage: Storage) -> None:
    log_on(storage).append(add_one)
    storage.create(SECOND, storage.read(FIRST))
    with pytest.raises(IntegrityError, match=f"{SECOND} holds entry 1"):
        log_on(storage).head()


def test_an_entry_that_was_replaced_is_named(storage: Storage) -> None:
    for _ in range(2):
        log_on(storage).append(add_one)
    storage.delete_tree(FIRST)
    other = MemoryStorage(uuid4().hex)
    log_on(other).append(add_one)
    storage.create(FIRST, other.read(FIRST))
    with pytest.raises(IntegrityError, match=f"{SECOND} does not follow"):
        list(log_on(storage).entries())


def forged(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return an entry with another body whose check is right again."""
    envelope = json.loads(data)
    change(envelope["entry"])
    body = json.dumps(envelope["entry"]).encode()
    check = xxh3_of([body])[1]
    head = json.dumps({"format": 1, "check": check})[:-1].encode()
    return head + b', "entry": ' + body + b"}\n"


def test_a_state_of_another_kind_is_a_format_error(storage: Storage) -> None:
    log_on(storage).append(add_one)
    data = storage.read(FIRST)
    storage.write(FIRST, [forged(data, lambda body: body.update(state={"total": "x"}))])
    with pytest.raises(FormatError, match="Count document"):
        log_on(storage).head()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a readable"),
        (b"[]", "not a readable"),
        (b'{"format": 1, "check": "", "entry": {}}', "was changed"),
    ],
)
def test_what_is_no_entry_is_named(storage: Storage, data: bytes, words: str) -> None:
    storage.write(FIRST, [data])
    with pytest.raises(IntegrityError, match=words) as caught:
        log_on(storage).head()
    assert FIRST in str(caught.value)


def test_an_entry_of_a_later_release_says_to_upgrade(storage: Storage) -> None:
    storage.write(FIRST, [b'{"format": 3, "check": "", "entry": {}}'])
    with pytest.raises(FormatError, match=r"format 3.*upgrade") as caught:
        log_on(storage).head()
    assert FIRST in str(caught.value)


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


def test_a_mount_that_lists_from_a_cache_does_not_hide_the_newest(
    tmp_path: Path,
) -> None:
    """As NFS does for some seconds after another machine has written."""
    storage = LocalStorage(tmp_path)
    log = log_on(storage)
    for _ in range(2):
        log.append(add_one)
    old = storage.list("_log")
    for _ in range(3):
        log.append(add_one)
    stale = log_on(storage, list=lambda _: old)
    head = stale.head()
    assert head is not None
    assert (head.seq, head.state.total) == (5, 5)
    appended = log_on(storage, list=lambda _: old).append(add_one)
    assert appended is not None
    assert (appended.seq, appended.state.total) == (6, 6)
    newest = log.audit()
    assert newest is not None
    assert newest.token == appended.token
