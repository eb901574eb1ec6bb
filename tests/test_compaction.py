"""Compaction takes states out of old entries, and nothing else, whatever happens."""

import itertools
from collections.abc import Callable
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest

from hopsartifacts import layout
from hopsartifacts.errors import IntegrityError, StorageError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store.compaction import compact, compactable_bytes
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.log import Log
from hopsartifacts.testing.faults import FAIL, LOSE_ANSWER, Fault, FaultyStorage

MANY = 60


class Names(msgspec.Struct, frozen=True):
    given: tuple[str, ...] = ()


@pytest.fixture(params=["memory", "file"])
def storage(request: pytest.FixtureRequest, tmp_path: Any) -> Storage:
    request.getfixturevalue("clear_memory")
    if request.param == "file":
        return LocalStorage(tmp_path / "project")
    return MemoryStorage(uuid4().hex)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hopsartifacts.store.once.pause_s", lambda _: 0.0)


def log_on(storage: Storage) -> Log[Names]:
    return Log(storage, "_log", Names)


def add(storage: Storage, name: str) -> int:
    def decide(state: Names | None, _: int) -> Draft[Names]:
        given = state.given if state else ()
        return Draft(
            op={"name": name}, state=Names((*given, name)), payload={"of": name}
        )

    head = log_on(storage).append(decide)
    assert head is not None
    return head.seq


def fill(storage: Storage, count: int = MANY) -> list[str]:
    names = [f"name-{number}" for number in range(count)]
    for name in names:
        add(storage, name)
    return names


def gain(storage: Storage) -> int:
    log = log_on(storage)
    head = log.head()
    assert head is not None
    return compactable_bytes(log, head)


def said(storage: Storage) -> list[tuple[Any, ...]]:
    """Return all that the entries say but their states and compactions."""
    return [
        (it.seq, it.token, it.body.time, it.body.op, bytes(it.body.payload), it.sha256)
        for it in log_on(storage).entries()
        if it.body.op.get("kind") != "compact"
    ]


def size(storage: Storage) -> int:
    return sum(entry.size_bytes for entry in storage.list("_log"))


def test_only_states_go(storage: Storage) -> None:
    names = fill(storage)
    before, old_size, expected = (
        said(storage),
        size(storage),
        gain(storage),
    )
    assert compact(log_on(storage)) == expected > 0
    assert said(storage) == before
    head = log_on(storage).head()
    assert head is not None
    assert head.state.given == tuple(names)
    announcement = storage.stat(layout.log_entry("_log", MANY + 1))
    assert announcement is not None
    assert size(storage) == old_size - expected + announcement.size_bytes
    with pytest.raises(IntegrityError, match="was compacted"):
        _ = log_on(storage).entry(1).state


def test_writing_goes_on_and_can_be_compacted_again(storage: Storage) -> None:
    names = fill(storage)
    compact(log_on(storage))
    more = fill(storage)
    assert compact(log_on(storage)) > 0
    head = log_on(storage).audit()
    assert head is not None
    assert head.state.given == (*names, *more)
    assert len(said(storage)) == 2 * MANY


def test_little_is_left_alone(storage: Storage) -> None:
    fill(storage, 30)
    before = {entry.path: storage.read(entry.path) for entry in storage.find("")}
    assert gain(storage) == 0
    assert compact(log_on(storage)) == 0
    assert {it.path: storage.read(it.path) for it in storage.find("")} == before
    assert compact(Log(storage, "absent", Names)) == 0


def test_a_writer_that_was_held_up_still_loses_its_race(storage: Storage) -> None:
    fill(storage)
    slow = log_on(storage)
    slow.head()
    fill(storage)
    compact(log_on(storage))
    head = slow.append(
        lambda state, _: Draft(
            op={"name": "slow"}, state=Names((*(state or Names()).given, "slow"))
        )
    )
    assert head is not None
    assert head.seq == 2 * MANY + 2
    assert len(head.state.given) == 2 * MANY + 1
    assert log_on(storage).audit() is not None


def test_a_lost_answer_is_understood_after_a_compaction(storage: Storage) -> None:
    fill(storage, 3)
    calls = itertools.count()

    def go_on(_: object) -> None:
        if next(calls) == 0:
            fill(storage)
            compact(log_on(storage))
            raise StorageError("the answer was lost")

    def plan(call: Any) -> Fault | None:
        return Fault(after=go_on) if call.method == "create" else None

    assert add(FaultyStorage(storage, plan), "mine") == 4
    head = log_on(storage).audit()
    assert head is not None
    assert head.state.given.count("mine") == 1


def test_a_reader_that_was_held_up_sees_the_newest(storage: Storage) -> None:
    fill(storage)
    listed = itertools.count()

    def go_on(_: object) -> None:
        if next(listed) == 0:
            fill(storage)
            compact(log_on(storage))

    def plan(call: Any) -> Fault | None:
        return Fault(after=go_on) if call.method == "list" else None

    head = log_on(cast("Storage", FaultyStorage(storage, plan))).head()
    assert head is not None
    assert len(head.state.given) == 2 * MANY


@pytest.mark.parametrize("fault", [FAIL, LOSE_ANSWER], ids=["fails", "loses"])
def test_what_a_failure_leaves_is_whole_and_is_finished_by_the_next(
    storage: Storage, fault: Fault
) -> None:
    names = tuple(fill(storage, 45))
    files = {entry.path: storage.read(entry.path) for entry in storage.find("_log")}
    before = said(storage)
    number = done = 0
    while not done:
        number += 1
        for path in {entry.path for entry in storage.find("_log")} - files.keys():
            storage.delete_tree(path)
        for path, data in files.items():
            storage.delete_tree(path)
            storage.create(path, data)
        faulty = FaultyStorage(storage, {number: fault})
        try:
            compact(Log(faulty, "_log", Names))
        except StorageError:
            pass
        else:
            done = len(faulty.calls) < number
        assert said(storage) == before
        head = log_on(storage).audit()
        assert head is not None
        assert head.state.given == names
        compact(log_on(storage))
        assert said(storage) == before
        assert gain(storage) == 0
    assert number > 40


@pytest.mark.parametrize(
    "edit",
    [
        lambda entry: msgspec.structs.replace(entry.body, op={"name": "forged"}),
        lambda entry: msgspec.structs.replace(entry.body, time="2000-01-01T00:00:00Z"),
        lambda entry: msgspec.structs.replace(entry.body, payload=msgspec.Raw(b"{}")),
    ],
    ids=["operation", "time", "payload"],
)
def test_an_edit_of_what_is_left_is_found(
    storage: Storage, edit: Callable[[Any], Any]
) -> None:
    from hopsartifacts.store.entries import seal  # noqa: PLC0415 - a forger's tool

    fill(storage)
    compact(log_on(storage))
    entry = log_on(storage).entry(7)
    forged = seal(edit(entry), entry.sha256)
    storage.write(layout.log_entry("_log", 7), [forged])
    with pytest.raises(IntegrityError, match="not what they were"):
        log_on(storage).audit()
    with pytest.raises(IntegrityError, match="not what they were"):
        compact(log_on(storage))


def test_a_state_that_nobody_took_out_is_missed(storage: Storage) -> None:
    fill(storage)
    storage.write(layout.log_entry("_log", 7), [log_on(storage).entry(7).stub])
    with pytest.raises(IntegrityError, match="nobody compacted"):
        log_on(storage).audit()


def test_two_compact_at_once(storage: Storage) -> None:
    fill(storage)
    before = said(storage)
    calls = itertools.count()

    def other(_: object) -> None:
        if next(calls) == 0:
            compact(log_on(storage))

    def plan(call: Any) -> Fault | None:
        return Fault(before=other) if call.method == "create" else None

    compact(Log(FaultyStorage(storage, plan), "_log", Names))
    assert said(storage) == before
    announced = [
        it for it in log_on(storage).entries() if it.body.op.get("kind") == "compact"
    ]
    assert len(announced) == 1
