"""Cases: a job, the state before it, the states it may leave; and the walk through it.

A walk does the job again and again, each time with its fault one step later, until the
job comes to its end by itself.
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
from hopsartifacts.testing.checker import check
from hopsartifacts.testing.faults import READS, FaultyStorage
from hopsartifacts.testing.jobs import JOBS, MODEL, Jobs, project_at
from hopsartifacts.testing.observing import (
    View,
    check_deployments_start,
    footprint,
    view,
)
from hopsartifacts.testing.snapshots import Snapshot

Place = Callable[[], Storage]
"""Opens one storage; each call gives a connection of its own."""
FaultKind = TypeVar("FaultKind")

_USERS = {"Resources/notes.txt": b"the user's"}
_WRITERS = {
    ".hopsartifacts/staging/0123456789abcdef0123456789abcdef/half": b"a writer's"
}
"""With the user's: what belongs to somebody else, and is there during each job."""
_UNDONE = frozenset({"reserve", "stage", "abort", "mark"})
_LEAST_POINTS = 2


class Run(NamedTuple):
    """How a job went."""

    was_due: bool
    """Whether the fault came; if not, the job came to its end by itself."""
    is_told: bool = True
    """Whether anybody lived to hear what became of it."""
    error: HopsArtifactsError | None = None


class Case:
    """The job *name*, whose user's files lie in *folder*.

    Attributes:
        changes: how many of its storage calls change something.

    Args:
        name: one of ``JOBS``.
        new_place: makes an empty place for a project at each call.
        folder: an empty folder on this machine.
    """

    def __init__(self, name: str, new_place: Callable[[], Place], folder: Path) -> None:
        self.name = name
        self.job = JOBS[name]
        self.jobs = Jobs(folder)
        self._new_place = new_place
        self._others = _USERS if self.job.takes_garbage else {**_USERS, **_WRITERS}
        self._begin: Snapshot | None = None
        storage = self.fresh()()
        if self.job.is_copied:
            self._begin = Snapshot(storage)
        lay = footprint(storage)
        self.old = view(storage)
        self.changes = self._count_changes(storage)
        self.new = view(storage)
        assert (self.old != self.new) == self.job.is_seen, f"{name!r} shows otherwise"
        assert lay != footprint(storage), f"{name!r} changes nothing"
        # An artifact is a version of its own, made before what deploys it.
        halfway = {**self.old, "artifacts": self.new["artifacts"]}
        is_same_models = self.old["models"] == self.new["models"]
        self.states = [self.old, self.new, *([halfway] if is_same_models else [])]

    def _count_changes(self, storage: Storage) -> int:
        counting = FaultyStorage(storage)
        self.do(counting)
        return sum(call.method not in READS for call in counting.calls)

    def fresh(self) -> Place:
        """Return a new place with the state before the job."""
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
        """Do the job."""
        self.jobs.do(self.job.name, storage)

    def check(self, storage: Storage) -> View:
        """Look at what is left, and return it: the old state or the new, whole."""
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
        """What the caller was told is so."""
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

    def check_next(self, storage: Storage) -> None:
        """The next writers succeed, all can be made good, and garbage can be freed."""
        before = view(storage)
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
    attempt: Callable[[Place, int, FaultKind], Run],
    faults: Sequence[FaultKind],
    *,
    every: int = 1,
    steps: int | None = None,
) -> int:
    """Try *case* with each of *faults* at each step, and look at what is left.

    Args:
        case: what is tried.
        attempt: does the job at a place, with the fault at the step with this number.
        faults: in how many ways each step fails.
        every: try only every n-th of all steps and ways, and at least one.
        steps: how many steps the job has; as many as it makes changes if not said.

    Returns:
        At how many points the job was cut off.
    """
    if every == 1:
        points = _walk(case, attempt, faults, itertools.count())
        assert points >= _LEAST_POINTS, f"only {points} points"
        return points
    there = (steps or case.changes) * len(faults)
    first = zlib.crc32(case.name.encode()) % min(every, there)
    points = _walk(case, attempt, faults, range(first, there, every))
    assert points, f"none of {there} points"
    return points


def _walk(
    case: Case,
    attempt: Callable[[Place, int, FaultKind], Run],
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
            case.check_next(storage)
            done += 1
        except AssertionError as error:
            error.add_note(f"{case.name}: step {number + 1}, {faults[kind]}, {run}")
            raise
        storage.delete_tree("")
    return done


def kinds(storage: Storage) -> dict[str, str]:
    """Return what every log entry did, by its token."""
    paths = {layout.log_of(entry.path) for entry in storage.find("")}
    return {
        entry.token: entry.op["kind"]
        for path in paths
        if path
        for entry in Log(storage, path, State).entries()
    }
