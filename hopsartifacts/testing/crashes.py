"""Writers that are killed, or whose storage fails, at or within storage calls.

A writer may crash between two steps within a call, so that the call is half done. On a
disk, the steps are system calls; elsewhere, they are method calls of the client objects
that the storage keeps in its attributes.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from hopsartifacts.errors import StorageError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.cases import Case, CaseRun, walk
from hopsartifacts.testing.children import children_for
from hopsartifacts.testing.faults import (
    FAIL,
    KILL_AFTER,
    KILL_BEFORE,
    LOSE_ANSWER,
    STOP_AFTER,
    STOP_BEFORE,
    Fault,
    FaultyStorage,
    InjectedStop,
    Nth,
)
from hopsartifacts.testing.jobs import JOBS, WriterJobs
from hopsartifacts.testing.places import Connecting, Place, Reconnect, StorageFolder

Tell = Callable[[], object]

_SYSTEM = frozenset(
    {"os.mkdir", "os.rename", "os.link", "os.remove", "os.chmod", "os.rmdir"}
)
"""Audit events of changes to a disk, besides those of opened files."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CALLS = frozenset(
    {
        # file systems of fsspec
        *("open", "pipe_file", "put_file", "cp_file", "mv", "rm", "rm_file"),
        *("mkdir", "makedirs", "rmdir"),
        # servers with an exclusive rename
        *("put", "rename", "replace", "make_folder", "set_mode"),
        *("remove_file", "remove_folder"),
        # S3
        "submit",
    }
)
"""Client methods by which a storage changes data on a server."""
_READS = ("get_", "head_", "list_")
"""Prefixes of the names of requests that change nothing."""
_FAILURES = [
    (FAIL, None),
    (LOSE_ANSWER, None),
    (FAIL, FAIL),
    (LOSE_ANSWER, LOSE_ANSWER),
]
_OBJECT = bytes(range(256)) * 1024
_CONTENTS = [bytes([number]) * 256 * 1024 for number in range(4)]
_LONGEST_LIFE_S = 0.3

Count = Callable[[str, object], None]


def is_on_disk(storage: Storage) -> bool:
    """Return whether the steps of *storage* take place on a local disk."""
    return storage.local_path("") is not None


@contextmanager
def watching(storage: Storage, tell: Tell) -> Iterator[None]:
    """Call *tell* before each step that changes something below *storage*.

    On a disk this lasts until the process ends, so use it in child processes only.
    Elsewhere it ends with the context, because other storages of this process may share
    the client objects.
    """
    while isinstance(storage, StorageFolder):
        # Temporary files may be stored above the folder.
        storage = storage.inner
    root = storage.local_path("")
    with ExitStack() as patches:
        if root is not None:
            watch_disk(str(root), tell)
        else:
            for client in vars(storage).values():
                for name in _CALLS:
                    _watch_method(client, name, tell, patches)
        yield


def watch_disk(root: str, tell: Tell) -> None:
    """Call *tell* before each change below *root*, until this process ends."""

    def watch(event: str, given: tuple[Any, ...]) -> None:
        if _changes(event, given, root):
            tell()

    sys.addaudithook(watch)


def on_step(number: int, act: Tell) -> Callable[[], int]:
    """Return a function that counts its calls, and calls *act* from the *number*-th on.

    It returns how often it was called before.
    """
    count = itertools.count()

    def tell() -> int:
        seen = next(count)
        if number and seen + 1 >= number:
            act()
        return seen

    return tell


def _watch_method(client: Any, name: str, tell: Tell, patches: ExitStack) -> None:
    method = getattr(client, name, None)
    # An object that does not accept attributes is not a client.
    if not callable(method) or not hasattr(client, "__dict__"):
        return

    def call(*given: Any, **named: Any) -> Any:
        if not (given and str(given[0]).startswith(_READS)):
            tell()
        return method(*given, **named)

    patches.enter_context(patch.object(client, name, call))


def _changes(event: str, given: tuple[Any, ...], root: str) -> bool:
    if event == "open":
        is_writing = bool(given[2] & _WRITING)
        return is_writing and str(given[0]).startswith(root)
    if event not in _SYSTEM:
        return False
    # An integer is a file descriptor; a relative name is used with a folder's.
    name = str(given[0])
    return not name.startswith("/") or name.startswith(root)


class _Walking(Connecting):
    """The base of parts that interrupt every job at every step.

    Attributes:
        every: 1 tries every call; n > 1 (best an odd number) tries every n-th call, to
            take less time.
        part: which n-th calls: parts 0 to n - 1 together try every call.
        walked: the jobs to interrupt.
    """

    every = 1
    part = 0
    walked: Iterable[str] = JOBS

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Generate a test for each job."""
        if "job" in metafunc.fixturenames:
            metafunc.parametrize("job", self.walked)

    @pytest.fixture
    def case(self, job: str, new_place: Callable[[], Place], tmp_path: Path) -> Case:
        """Return the job with its initial state."""
        return Case(job, new_place, tmp_path / "users")


class CrashConformance(_Walking):
    """A writer that crashes leaves the old state or the new, and harms no one else.

    If processes share the storage, a process is killed; otherwise the crash is
    simulated.

    Attributes:
        kills: False simulates crashes within this process: the writer is stopped, and
            its later calls have no effect. For servers to which connecting is slow.
        kills_at_reads: False does not kill at calls that only read, which leave the
            state of the preceding change. Simulated crashes never happen at reads.
        lives: how many writers of objects are killed at arbitrary moments.
    """

    kills = True
    kills_at_reads = True
    lives = 10

    def test_a_killed_writer_leaves_the_old_state_or_the_new(
        self, case: Case, reconnect: Reconnect, record_property: Count
    ) -> None:
        """Before and after each call: everything committed is intact and usable."""
        kills = self.kills and reconnect().capabilities.is_shared
        only_changes = not kills or not self.kills_at_reads

        def kill(place: Place, number: int, fault: Fault) -> CaseRun:
            plan = Nth(number, fault, only_changes=only_changes)
            work = partial(_do, place, case.jobs, case.job.name, plan)
            [ended] = children_for(reconnect).run([work])
            assert ended.signal in {None, signal.SIGKILL}, (
                "the writer did not end normally"
            )
            return CaseRun(was_due=bool(ended.signal), is_told=not ended.signal)

        def stop(place: Place, number: int, fault: Fault) -> CaseRun:
            # A call that only reads leaves the state of the preceding change.
            plan = Nth(number, fault, then=STOP_BEFORE, only_changes=only_changes)
            try:
                case.do(FaultyStorage(place(), plan))
            except InjectedStop:
                return CaseRun(was_due=True, is_told=False)
            assert not plan.was_due, "the simulated crash was caught"
            return CaseRun(was_due=False)

        faults = [KILL_BEFORE, KILL_AFTER] if kills else [STOP_BEFORE, STOP_AFTER]
        points = walk(
            case,
            kill if kills else stop,
            faults,
            every=self.every,
            part=self.part,
            steps=case.changes if only_changes else case.calls,
        )
        record_property("crash points", points)

    def test_a_writer_killed_inside_a_call_leaves_the_old_state_or_the_new(
        self, case: Case, reconnect: Reconnect, record_property: Count
    ) -> None:
        """Before each step that a call takes on the disk or the server."""
        storage = reconnect()
        if not storage.capabilities.is_shared:
            return  # no other process can look afterwards
        kills = self.kills or is_on_disk(storage)

        def kill(place: Place, number: int, _: None) -> CaseRun:
            work = partial(_do_to_step, place, case.jobs, case.job.name, number)
            [ended] = children_for(reconnect).run([work])
            assert ended.signal in {None, signal.SIGKILL}, (
                "the writer did not end normally"
            )
            return CaseRun(was_due=bool(ended.signal), is_told=not ended.signal)

        def stop_at(place: Place, number: int, _: None) -> CaseRun:
            try:
                _do_to_step(place, case.jobs, case.job.name, number, kills=False)
            except InjectedStop:
                return CaseRun(was_due=True, is_told=False)
            return CaseRun(was_due=False)

        steps = None
        if self.every > 1:
            count = partial(_do_to_step, case.fresh(), case.jobs, case.job.name, 0)
            if kills:
                [ended] = children_for(reconnect).run([count])
                steps = ended.answer
            else:
                steps = count()
        points = walk(
            case,
            kill if kills else stop_at,
            [None],
            every=self.every,
            part=self.part,
            steps=steps,
        )
        record_property("crash points", points)

    def test_a_replaced_object_is_the_old_or_the_new_when_its_writer_is_killed(
        self, new_place: Callable[[], Place], reconnect: Reconnect, tmp_path: Path
    ) -> None:
        """At any moment, except where only one process may write."""
        can = reconnect().capabilities
        if not can.is_shared or can.is_single_writer:
            return
        children = children_for(reconnect)
        for life in range(1, self.lives + 1):
            place, told = new_place(), tmp_path / f"told{life}"
            life_s = life * _LONGEST_LIFE_S / self.lives
            [ended] = children.run([partial(_replace, place, told, life_s)])
            assert ended.signal == signal.SIGALRM
            assert place().read("objects/replaced") in _CONTENTS

    def test_an_object_is_whole_or_not_there_when_its_writer_is_killed(
        self, new_place: Callable[[], Place], reconnect: Reconnect, tmp_path: Path
    ) -> None:
        """At any moment of a creation; every confirmed object exists."""
        if not reconnect().capabilities.is_shared:
            return  # no other process can look afterwards
        children = children_for(reconnect)
        made = 0
        for life in range(1, self.lives + 1):
            place, told = new_place(), tmp_path / f"told{life}"
            life_s = life * _LONGEST_LIFE_S / self.lives
            [ended] = children.run([partial(_create, place, told, life_s)])
            assert ended.signal == signal.SIGALRM
            storage = place()
            found = [entry.path for entry in storage.find("objects")]
            assert all(storage.read(path) == _OBJECT for path in found)
            assert set(told.read_text().split()) <= set(found)
            made += len(found)
        assert made, "no writer lived long enough to create an object"


class FaultConformance(_Walking):
    """A writer whose storage fails reports the true outcome, and harms no one else.

    Attributes:
        fails_at_reads: False lets only calls fail that change something.
    """

    fails_at_reads = True

    def test_a_writer_whose_storage_fails_tells_the_truth(
        self, case: Case, record_property: Count
    ) -> None:
        """A call fails or loses its response, either alone or with all later calls."""
        only_changes = not self.fails_at_reads

        def fail(
            place: Place, number: int, faults: tuple[Fault, Fault | None]
        ) -> CaseRun:
            fault, then = faults
            plan = Nth(number, fault, then=then, only_changes=only_changes)
            error: StorageError | None = None
            try:
                case.do(FaultyStorage(place(), plan))
            except StorageError as raised:
                error = raised
            assert plan.was_due or not error, error
            return CaseRun(was_due=plan.was_due, error=error)

        points = walk(
            case,
            fail,
            _FAILURES,
            every=self.every,
            part=self.part,
            steps=case.changes if only_changes else case.calls,
        )
        record_property("failure points", points)


def _do(place: Place, jobs: WriterJobs, name: str, plan: Nth, _: object) -> None:
    jobs.do(name, FaultyStorage(place(), plan))


def _do_to_step(
    place: Place,
    jobs: WriterJobs,
    name: str,
    number: int,
    _: object = None,
    *,
    kills: bool = True,
) -> int:
    """Run a job up to step *number*, or to its end; return how many steps it took."""
    storage = place()
    tell = on_step(number, _kill if kills else _stop)
    with watching(storage, tell):
        jobs.do(name, storage)
    return tell()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    raise InjectedStop


def _replace(place: Place, told: Path, life_s: float, _: object) -> None:
    storage = place()
    storage.write("objects/replaced", [_CONTENTS[0]])
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, life_s)
    told.write_text("it is there")
    for content in itertools.cycle(_CONTENTS):
        storage.write("objects/replaced", [content])


def _create(place: Place, told: Path, life_s: float, _: object) -> None:
    storage = place()
    with told.open("w") as file:
        for number in itertools.count():
            path = f"objects/{number}"
            storage.create(path, _OBJECT)
            file.write(f"{path}\n")
            file.flush()
            if number == 0:
                # The signal has no handler, so it ends the process at any point.
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_REAL, life_s)
