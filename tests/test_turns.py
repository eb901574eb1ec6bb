"""Who lost a race on this machine takes turns with the others, but needs nobody's."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread

import pytest

from hopsartifacts.errors import StorageError
from hopsartifacts.machine.state_folder import state_folder
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store import races
from hopsartifacts.store.entries import Draft, Head, State
from hopsartifacts.store.log import Log
from hopsartifacts.store.races import turn

WRITERS, EACH = 6, 10


class Total(Head, frozen=True, omit_defaults=True):
    total: int = 0


class Count(State[Total, Total]):
    """How many entries there are; it has no records."""

    head_type = Total
    record_type = Total


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return LocalStorage(tmp_path / "project")


def log_on(storage: Storage) -> Log[Count]:
    return Log(storage, "_log", Count)


def add_one(state: Count, seq: int) -> Draft[Count]:
    return Draft(op={"at": seq}, state=state.changed(total=state.head.total + 1))


def append_after_a_lost_race(storage: Storage) -> int:
    """Commit one entry, for which another writer was faster once."""
    rival = iter([log_on(storage)])

    def decide(state: Count, seq: int) -> Draft[Count]:
        for log in rival:
            log.append(add_one)
        return add_one(state, seq)

    head = log_on(storage).append(decide)
    assert head is not None
    return head.state.head.total


@pytest.fixture
def hold(storage: Storage) -> Iterator[Event]:
    """Have the turn until the event is set."""
    begun, end = Event(), Event()

    def work() -> None:
        with turn(storage, "_log"):
            begun.set()
            end.wait(60)

    holder = Thread(target=work)
    holder.start()
    assert begun.wait(10)
    yield end
    end.set()
    holder.join()


def test_a_lost_race_waits_for_its_turn(storage: Storage, hold: Event) -> None:
    with ThreadPoolExecutor(1) as pool:
        appending = pool.submit(append_after_a_lost_race, storage)
        time.sleep(0.3)
        assert not appending.done()
        hold.set()
        assert appending.result(10) == 2


def test_a_holder_that_hangs_only_costs_time(
    storage: Storage, hold: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(races, "_LONGEST_WAIT_S", 0.1)
    assert append_after_a_lost_race(storage) == 2
    assert not hold.is_set()


def test_who_lost_no_race_waits_for_nobody(storage: Storage, hold: Event) -> None:
    log_on(storage).append(add_one)
    head = log_on(storage).append(add_one)
    assert head is not None
    assert head.state.head.total == 2
    assert not hold.is_set()


@pytest.mark.usefixtures("hold")
def test_another_log_is_not_waited_for(tmp_path: Path) -> None:
    """Unless they meet in one of the few locks."""
    others = (LocalStorage(tmp_path / str(number)) for number in range(3))
    took = []
    for other in others:
        started = time.monotonic()
        assert append_after_a_lost_race(other) == 2
        took.append(time.monotonic() - started)
    assert min(took) < races._LONGEST_WAIT_S


def test_without_a_folder_of_its_own_a_writer_goes_on(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "file" / "state"))
    assert append_after_a_lost_race(storage) == 2


def test_without_a_home_a_writer_goes_on(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless(_: str) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HOPSARTIFACTS_STATE_DIR")
    monkeypatch.setattr("platformdirs.user_state_path", homeless)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(StorageError, match="HOPSARTIFACTS_STATE_DIR"):
        state_folder()
    assert append_after_a_lost_race(storage) == 2


def test_memory_leaves_nothing_on_the_disk(clear_memory: None) -> None:  # noqa: ARG001 - a fixture
    assert append_after_a_lost_race(MemoryStorage("turns")) == 2
    assert not (state_folder() / "turns").exists()


def test_many_processes_commit_each_entry_once(storage: Storage) -> None:
    root = storage.local_path("")
    assert root is not None
    context = get_context("spawn")
    writers = [context.Process(target=write, args=(root,)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    log = log_on(storage)
    totals = [log.snapshot(it).state.head.total for it in log.entries()]
    assert totals == list(range(1, WRITERS * EACH + 1))


def write(root: Path) -> None:
    for _ in range(EACH):
        log_on(LocalStorage(root)).append(add_one)
