"""A writer is killed or fails at every step; readers see the old state or the new.

Each loop does its job again and again, ending it one step later each time, until it
comes to its end by itself.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts.errors import HopsArtifactsError, StorageError
from hopsartifacts.guard.verify import VerifyReport
from hopsartifacts.project import Project
from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store.log import Log
from hopsartifacts.testing.faults import (
    FAIL,
    KILL_AFTER,
    KILL_BEFORE,
    LOSE_ANSWER,
    Call,
    Fault,
    FaultyStorage,
)
from tests.crashes.observing import (
    JOBS,
    Jobs,
    View,
    check_deployments_start,
    copy_tree,
    view,
)

EVENTS = {
    "os.mkdir",
    "os.rename",
    "os.link",
    "os.remove",
    "os.chmod",
    "os.rmdir",
}
PROJECTIONS = ("/manifest.json", "/deployment.json")


class Case:
    """One job, the state before it and the states it may leave."""

    def __init__(self, folder: Path, name: str) -> None:
        before, job = JOBS[name]
        self.folder = folder
        self.jobs = Jobs(folder)
        self.job: Callable[[Storage], Any] = getattr(self.jobs, job)
        self._base = folder / "base"
        self._count = itertools.count()
        base = LocalStorage(self._base)
        for step in before:
            getattr(self.jobs, step)(base)
        self.old = view(base)
        done = self.fresh()
        self.job(done)
        self.new = view(done)
        assert self.old != self.new
        # An artifact is a version of its own, made before what deploys it.
        halfway = {**self.old, "artifacts": self.new["artifacts"]}
        is_same_models = self.old["models"] == self.new["models"]
        self.states = [self.old, self.new, *([halfway] if is_same_models else [])]

    def fresh(self) -> LocalStorage:
        """Return the state before the job, in a folder of its own."""
        folder = self.folder / f"run{next(self._count)}"
        copy_tree(self._base, folder)
        return LocalStorage(folder)

    def check(self, storage: Storage) -> View:
        """Look at what is left; returns it."""
        seen = view(storage)
        assert seen in self.states
        check_deployments_start(storage)
        check_report(Project(storage).verify())
        return seen

    def check_next(self, storage: Storage) -> None:
        """The next writers succeed, and all can be made good."""
        if "m/1" in view(storage)["models"]:
            self.jobs.deploy_without_script(storage)
        before = view(storage)["models"]
        number = self.jobs.save(storage)
        after = view(storage)
        assert after["models"].keys() - before.keys() == {f"m/{number}"}
        assert {**after["models"], **before} == after["models"]
        report = Project(storage).verify()
        own = f"Models/m/{number}"
        assert not [it for it in report.findings if it.path.startswith(f"{own}/")]
        check_report(report)
        repaired = Project(storage).repair()
        assert repaired.ok, repaired
        assert Project(storage).verify().ok
        assert view(storage) == after


def check_report(report: VerifyReport) -> None:
    """No edit is reported where there was none.

    What the log can write again may be missing until somebody does.
    """
    for finding in report.findings:
        if finding.kind == "missing":
            is_artifact = "/Artifacts/" in finding.path and "_payload" not in (
                finding.path
            )
            assert is_artifact or finding.path.endswith(PROJECTIONS), report
        else:
            assert finding.kind in {"leftover", "unprotected"}, report


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


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    # Processes die here, the machine goes on: what was written is there.
    monkeypatch.setattr("hopsartifacts.storage.local.os.fsync", lambda _: None)
    # No other writer is at work when verify looks.
    monkeypatch.setattr("hopsartifacts.guard.verify._SECOND_LOOK_S", 0)


@pytest.fixture(params=JOBS)
def case(tmp_path: Path, request: pytest.FixtureRequest) -> Case:
    return Case(tmp_path, request.param)


@pytest.mark.parametrize("fault", [KILL_BEFORE, KILL_AFTER], ids=["before", "after"])
def test_a_writer_killed_at_any_storage_call_leaves_old_or_new(
    case: Case, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    def run(storage: Storage) -> bool:
        return killed(lambda: case.job(storage))

    points = 0
    for number in itertools.count(1):
        storage = case.fresh()
        if not run(FaultyStorage(storage, {number: fault})):
            break
        points += 1
        case.check(storage)
        case.check_next(storage)
    assert points >= 3
    assert case.check(storage) == case.new
    record_property("crash points", points)
    print(f"{points} crash points")  # noqa: T201 - shown with -s


def test_a_writer_killed_at_any_step_of_the_system_leaves_old_or_new(
    case: Case, record_property: Callable[[str, object], None]
) -> None:
    points = 0
    for number in itertools.count(1):
        storage = case.fresh()

        def work(storage: Storage = storage, number: int = number) -> None:
            kill_at_event(number, str(storage.local_path("")))
            case.job(storage)

        if not killed(work):
            break
        points += 1
        case.check(storage)
        case.check_next(storage)
    assert points >= 3
    assert case.check(storage) == case.new
    record_property("crash points", points)
    print(f"{points} crash points")  # noqa: T201 - shown with -s


def kill_at_event(number: int, root: str) -> None:
    """Kill this process just before its *number*-th change below *root*."""
    count = itertools.count(1)

    def watch(event: str, given: tuple[Any, ...]) -> None:
        if not _changes(event, given, root):
            return
        if next(count) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def _changes(event: str, given: tuple[Any, ...], root: str) -> bool:
    if event == "open":
        writes = bool(given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        return writes and str(given[0]).startswith(root)
    # Relative names come with the folder's descriptor: of a folder being deleted.
    name = os.fspath(given[0]) if event in EVENTS else ""
    return event in EVENTS and (not name.startswith("/") or name.startswith(root))


class InPlace(MemoryStorage):
    """Memory that fills versions in the place reserved for them, as buckets do."""

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, moves_trees=False)


class Memory(Case):
    """As ``Case``, in memory."""

    kind: type[MemoryStorage] = MemoryStorage

    def fresh(self) -> Any:
        root = f"crashes-{self.folder.name}-{next(self._count)}"
        storage = self.kind(root)
        base = LocalStorage(self._base)
        for entry in base.find(""):
            storage.write(entry.path, base.chunks(entry.path))
        return storage


class MemoryInPlace(Memory):
    kind = InPlace


def interrupt(call: Call) -> None:
    raise KeyboardInterrupt(str(call))


def test_a_writer_interrupted_after_any_storage_call_leaves_old_or_new(
    case: Case,
) -> None:
    for number in itertools.count(1):
        storage = case.fresh()
        faulty = FaultyStorage(storage, {number: Fault(after=interrupt)})
        try:
            case.job(faulty)
        except KeyboardInterrupt:
            case.check(storage)
            case.check_next(storage)
        else:
            assert len(faulty.calls) < number, "the interrupt was swallowed"
            break
    assert case.check(storage) == case.new


@pytest.fixture
def either_case(
    case: Case, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Case]:
    params = request.node.callspec.params
    if params["kind"] == "file":
        yield case
        return
    (tmp_path / "memory").mkdir()
    made = MemoryInPlace if params["kind"] == "in place" else Memory
    yield made(tmp_path / "memory", params["case"])
    MemoryStorage("").delete_tree("")


@pytest.mark.parametrize("fault", [FAIL, LOSE_ANSWER], ids=["fails", "loses"])
@pytest.mark.parametrize(
    ("kind", "is_down"),
    [
        ("file", False),
        ("file", True),
        ("memory", False),
        ("in place", False),
        ("in place", True),
    ],
)
def test_a_writer_whose_storage_fails_tells_the_truth(
    either_case: Case,
    fault: Fault,
    kind: str,
    is_down: bool,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setattr("hopsartifacts.store.log._pause_s", lambda _: 0.0)
    case = either_case
    points = 0
    for number in itertools.count(1):
        storage = case.fresh()

        def plan(call: Call, number: int = number) -> Fault | None:
            is_due = call.number >= number if is_down else call.number == number
            return fault if is_due else None

        faulty = FaultyStorage(storage, plan)
        error: HopsArtifactsError | None = None
        try:
            case.job(faulty)
        except StorageError as raised:
            error = raised
        seen = case.check(storage)
        check_truth(case, storage, seen, error)
        case.check_next(storage)
        if len(faulty.calls) < number:
            break
        points += 1
    assert points >= 3
    assert seen == case.new
    record_property("failure points", points)
    print(f"{points} failure points ({kind})")  # noqa: T201 - shown with -s


def check_truth(
    case: Case, storage: Storage, seen: View, error: HopsArtifactsError | None
) -> None:
    if error is None:
        assert seen == case.new
        return
    done = kinds(storage).get(getattr(error, "token", ""))
    if done is None:
        assert seen != case.new, error
    elif done in {"reserve", "abort", "deleting"}:
        assert seen == case.old, error
    else:
        assert seen != case.old, error


class Anything(msgspec.Struct):
    """Any state of a log."""


def kinds(storage: Storage) -> dict[str, str]:
    """Return what every log entry did, by its token."""
    folders = {entry.path.rpartition("/")[0] for entry in storage.find("")}
    return {
        entry.token: entry.body.op["kind"]
        for folder in folders
        if folder.endswith("/_log")
        for entry in Log(storage, folder, Anything).entries()
    }
