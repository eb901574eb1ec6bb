"""Cases (a job, its initial state and its possible final states) and their walks.

A walk repeats the job with its fault one step later each time, until the job ends
normally.
"""

import itertools
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from hopsartifacts import layout
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import State
from hopsartifacts.store.log import Log
from hopsartifacts.testing.checker import (
    View,
    check,
    check_deployments_start,
    footprint,
    view,
)
from hopsartifacts.testing.faults import READS, FaultyStorage
from hopsartifacts.testing.jobs import JOBS, MODEL, WriterJobs, project_at
from hopsartifacts.testing.places import Place, StorageSnapshot

FaultKind = TypeVar("FaultKind")

_USERS = {"Resources/notes.txt": b"the user's"}
_WRITERS = {
    ".hopsartifacts/staging/0123456789abcdef0123456789abcdef/half": b"a writer's"
}
"""Files of other writers, and of the user, that are present during each job."""
_UNDONE = frozenset({"reserve", "stage", "abort", "mark"})
_LEAST_POINTS = 2


class CaseRun(NamedTuple):
    """The outcome of one run of a job."""

    was_due: bool
    """Whether the fault occurred; if not, the job ended normally."""
    is_told: bool = True
    """Whether the caller survived to get a result."""
    error: HopsArtifactsError | None = None


class Case:
    """The job *name*, with its user files in *folder*.

    Attributes:
        calls: how many storage calls the job makes.
        changes: how many of them change something.

    Args:
        name: one of ``JOBS``.
        new_place: makes an empty place for a project at each call.
        folder: an empty local folder.
    """

    def __init__(self, name: str, new_place: Callable[[], Place], folder: Path) -> None:
        self.name = name
        self.job = JOBS[name]
        self.jobs = WriterJobs(folder)
        self._new_place = new_place
        self._others = _USERS if self.job.takes_garbage else {**_USERS, **_WRITERS}
        self._begin: StorageSnapshot | None = None
        storage = self.fresh()()
        if self.job.is_copied:
            self._begin = StorageSnapshot(storage)
        lay = footprint(storage)
        self.old = view(storage)
        counting = FaultyStorage(storage)
        self.do(counting)
        self.calls = len(counting.calls)
        self.changes = sum(call.method not in READS for call in counting.calls)
        self.new = view(storage)
        assert (self.old != self.new) == self.job.is_seen, f"{name!r}: is_seen is wrong"
        assert lay != footprint(storage), f"{name!r} changes nothing"
        # An artifact is a separate version, created before the deployment that uses it.
        halfway = {**self.old, "artifacts": self.new["artifacts"]}
        is_same_models = self.old["models"] == self.new["models"]
        self.states = [self.old, self.new, *([halfway] if is_same_models else [])]

    def fresh(self) -> Place:
        """Return a new place with the initial state of the job."""
        place = self._new_place()
        storage = place()
        if self._begin:
            self._begin.put(storage)
            return place
        for path, data in {**_USERS, **_WRITERS}.items():
            storage.write(path, [data])
        for step in self.job.before:
            self.jobs.do(step, storage)
        return place

    def do(self, storage: Storage) -> None:
        """Run the job."""
        self.jobs.do(self.job.name, storage)

    def check(self, storage: Storage) -> View:
        """Check that the old or the new state is left, intact, and return it."""
        seen = view(storage)
        assert seen in self.states
        check_deployments_start(storage)
        checked = check(storage)
        assert checked.ok, checked
        assert {path: storage.read(path) for path in self._others} == self._others
        return seen

    def check_truth(
        self, storage: Storage, seen: View, error: HopsArtifactsError | None
    ) -> None:
        """Check that the state agrees with the result that the caller got."""
        if error is None:
            assert seen == self.new
        if error is None or not self.job.is_seen:
            return
        done = kinds(storage).get(getattr(error, "token", ""))
        if done is None:
            assert seen != self.new, error
        elif done in _UNDONE:
            assert seen == self.old, error
        else:
            assert seen != self.old, error

    def check_next(self, storage: Storage, before: View) -> None:
        """Check that later writers, a repair and a garbage collection succeed.

        Args:
            storage: where the job was interrupted.
            before: what readers see there.
        """
        if f"{MODEL}/1" in before["models"]:
            self.jobs.deploy_without_script(storage)
        number = self.jobs.save(storage)
        project = project_at(storage)
        repaired = project.repair()
        assert repaired.ok, repaired
        report = project.verify()
        assert report.ok, report
        self.jobs.gc(storage)
        left = project.gc(dry_run=True, grace_s=0)
        assert not left.freed, left
        checked = check(storage)
        assert checked.ok, checked
        after = view(storage)
        added = after["models"].keys() - before["models"].keys()
        assert added == {f"{MODEL}/{number}"}
        for kind in ("models", "artifacts", "aliases"):
            assert {**after[kind], **before[kind]} == after[kind], kind
        assert after["deleted"] == before["deleted"]
        assert {path: storage.read(path) for path in _USERS} == _USERS


def walk(
    case: Case,
    attempt: Callable[[Place, int, FaultKind], CaseRun],
    faults: Sequence[FaultKind],
    *,
    every: int = 1,
    part: int = 0,
    steps: int | None = None,
) -> int:
    """Run *case* with each of *faults* at each step, and check the result.

    Args:
        case: the case to run.
        attempt: runs the job at a place, with the fault at the step with this number.
        faults: the ways in which each step fails.
        every: try only every n-th combination of step and fault, but at least one.
        part: with which of the first *every* combinations to begin, modulo *every*;
            each part tries other combinations than the others.
        steps: how many steps the job has, if only some are tried; by default the number
            of its changes.

    Returns:
        At how many points the job was interrupted.
    """
    if every == 1:
        points = _walk(case, attempt, faults, itertools.count())
        assert points >= _LEAST_POINTS, f"only {points} points"
        return points
    there = (steps or case.changes) * len(faults)
    first = (zlib.crc32(case.name.encode()) + part) % min(every, there)
    points = _walk(case, attempt, faults, range(first, there, every))
    while not points and first:
        # A job may take fewer steps than it was seen to take.
        first //= 2
        points = _walk(case, attempt, faults, range(first, there, every))
    assert points, f"none of {there} points"
    return points


def _walk(
    case: Case,
    attempt: Callable[[Place, int, FaultKind], CaseRun],
    faults: Sequence[FaultKind],
    points: Iterable[int],
) -> int:
    done = 0
    for point in points:
        number, kind = divmod(point, len(faults))
        place = case.fresh()
        run = attempt(place, number + 1, faults[kind])
        storage = place()
        try:
            seen = case.check(storage)
            if run.is_told:
                case.check_truth(storage, seen, run.error)
            if not run.was_due:
                return done
            case.check_next(storage, seen)
            done += 1
        except AssertionError as error:
            error.add_note(f"{case.name}: step {number + 1}, {faults[kind]}, {run}")
            raise
        storage.delete_tree("")
    return done


def kinds(storage: Storage) -> dict[str, str]:
    """Return the operation of every log entry, by token."""
    paths = {layout.log_of(entry.path) for entry in storage.find("")}
    return {
        entry.token: entry.op["kind"]
        for path in paths
        if path
        for entry in Log(storage, path, State).entries()
    }
