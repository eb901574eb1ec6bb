"""A writer is interrupted, or works in place; see also the kit's own tests."""

import itertools
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.testing.cases import Case, CaseRun, walk
from hopsartifacts.testing.crashes import (
    CrashConformance,
    FaultConformance,
    on_step,
    watch_disk,
)
from hopsartifacts.testing.faults import Fault, FaultyStorage, Nth, StorageCall
from hopsartifacts.testing.jobs import JOBS
from hopsartifacts.testing.places import Place, StorageFolder
from tests import depth

EVERY = depth.usually(5, 1)
"""Which of the points are tried in a run: every so many."""


def killed(work: Callable[[], object]) -> bool:
    """Run *work* in a child; tell whether it was killed rather than came to its end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "the job failed: see its output"
    return False


def kill_at_event(number: int, root: str) -> None:
    """Kill this process just before its *number*-th change below *root*."""
    watch_disk(root, on_step(number, lambda: os.kill(os.getpid(), signal.SIGKILL)))


@pytest.fixture(autouse=True)
def _without_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr("hopsartifacts.store.races.pause_s", lambda *_: 0.0)
    # No other writer is at work when verify looks.
    monkeypatch.setattr("hopsartifacts.guard.verify._SECOND_LOOK_S", 0)


@pytest.fixture(params=JOBS)
def case(tmp_path: Path, request: pytest.FixtureRequest) -> Case:
    runs = itertools.count(1)

    def new_place() -> Place:
        return partial(LocalStorage, tmp_path / f"run{next(runs)}")

    return Case(request.param, new_place, tmp_path / "users")


def interrupt(call: StorageCall) -> None:
    raise KeyboardInterrupt(str(call))


def test_a_writer_interrupted_after_any_storage_call_leaves_old_or_new(
    case: Case,
) -> None:
    def interrupted(place: Place, number: int, fault: Fault) -> CaseRun:
        plan = Nth(number, fault)
        try:
            case.do(FaultyStorage(place(), plan))
        except KeyboardInterrupt:
            return CaseRun(was_due=True, is_told=False)
        assert not plan.was_due, "the interrupt was swallowed"
        return CaseRun(was_due=False)

    walk(
        case,
        interrupted,
        [Fault(after=interrupt)],
        every=EVERY,
        part=depth.part(),
        steps=case.calls,
    )


class InPlace(StorageFolder):
    """A folder whose versions are filled in the place reserved for them."""

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, moves_trees=False)


@pytest.mark.usefixtures("clear_memory")
class TestInPlace(CrashConformance, FaultConformance):
    """As buckets do it."""

    every, part = EVERY, depth.part()
    folder_of = InPlace

    @pytest.fixture
    def storage(self) -> Storage:
        return MemoryStorage("crashes")
