"""The kit finds out back ends that break a promise, and says by which test."""

import itertools
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest

from hopsartifacts import layout
from hopsartifacts.errors import StorageError
from hopsartifacts.registry.documents import ModelState
from hopsartifacts.registry.versions import model_log
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store.entries import Draft
from hopsartifacts.testing.cases import Case, CaseRun, kinds, walk
from hopsartifacts.testing.checker import check
from hopsartifacts.testing.faults import FAIL, LOSE_ANSWER, Fault, FaultyStorage, Nth
from hopsartifacts.testing.jobs import JOBS, WriterJobs, project_at, registry
from hopsartifacts.testing.places import Place

HEAD = """
import broken
import pytest
from hypothesis import Phase, settings
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.backend import BackendConformance

# The same is tried in each run, and nothing shorter is looked for that fails too.
settings.register_profile("once", settings.get_profile("ci"), phases=[Phase.generate])
settings.load_profile("once")
"""
TESTS = """
class Test{kind}(BackendConformance):
    race_rounds, creations, lives = 3, 3, 3
    walked = ("delete a model",)

    @pytest.fixture
    def storage(self, tmp_path, monkeypatch):
        monkeypatch.setattr("hopsartifacts.storage.local.os.fsync", lambda _: None)
        return broken.{kind}(tmp_path / "project")
"""
TRIED = (
    "test_exactly_one_of_many_threads_creates",
    "test_exactly_one_of_many_processes_creates",
    "test_a_reader_sees_the_whole_object_or_none",
    "test_an_object_is_whole_or_not_there_when_its_writer_is_killed",
    "test_a_reader_sees_the_old_object_or_the_new",
    "test_a_replaced_object_is_the_old_or_the_new_when_its_writer_is_killed",
    "test_a_writer_killed_inside_a_call_leaves_the_old_state_or_the_new",
    "test_list_is_never_stale",
    "test_delete_tree_deletes_what_is_protected",
    "test_random_calls_do_what_they_do_to_a_dictionary",
)
"""What tries the storage itself: what is built on a broken one may wait for minutes."""


CAUGHT_BY: dict[str, set[str]] = {
    "LocalStorage": set(),
    "ChecksThenWrites": {
        "test_exactly_one_of_many_threads_creates",
        "test_exactly_one_of_many_processes_creates",
    },
    "LocksItsProcess": {"test_exactly_one_of_many_processes_creates"},
    "ReplacesInTwoSteps": {
        "test_a_reader_sees_the_old_object_or_the_new",
        "test_a_replaced_object_is_the_old_or_the_new_when_its_writer_is_killed",
    },
    "TearsObjects": {"test_a_reader_sees_the_whole_object_or_none"},
    "ListsWhatWas": {
        "test_list_is_never_stale",
        "test_random_calls_do_what_they_do_to_a_dictionary",
    },
    "SaysItDeletes": {
        "test_delete_tree_deletes_what_is_protected",
        "test_random_calls_do_what_they_do_to_a_dictionary",
    },
    "AnswersEarly": {"test_an_object_is_whole_or_not_there_when_its_writer_is_killed"},
}
"""Each back end of ``kit/broken.py``, and the tests that have to find it out."""


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Run what is ``TRIED`` on every back end; return which tests failed, by kind."""
    folder = tmp_path_factory.mktemp("kit")
    shutil.copy(Path(__file__).parent / "kit" / "broken.py", folder)
    tests = [TESTS.format(kind=kind) for kind in CAUGHT_BY]
    (folder / "test_mine.py").write_text("\n".join([HEAD, *tests]))
    names = [f"test_mine.py::Test{kind}::{it}" for kind in CAUGHT_BY for it in TRIED]
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [
            sys.executable,
            *("-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider"),
            *names,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    marks = ("FAILED ", "ERROR ")
    lines = [line for line in done.stdout.splitlines() if line.startswith(marks)]
    found: dict[str, set[str]] = {kind: set() for kind in CAUGHT_BY}
    for line in lines:
        _, kind, test = line.split(" - ")[0].split("::")
        found[kind.removeprefix("Test")].add(test.strip())
    assert sum(map(len, found.values())) == len(lines)
    return found


@pytest.mark.xdist_group("kit")  # the back ends are tried once
@pytest.mark.parametrize("kind", CAUGHT_BY)
def test_a_back_end_that_breaks_a_promise_fails(
    failures: dict[str, set[str]], kind: str
) -> None:
    found, caught_by = failures[kind], CAUGHT_BY[kind]
    assert caught_by <= found
    assert bool(found) == bool(caught_by)
    if kind == "LocksItsProcess":
        assert "test_exactly_one_of_many_threads_creates" not in found


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    """A project with two versions, an artifact and a deployment."""
    storage = LocalStorage(tmp_path / "project")
    jobs = WriterJobs(tmp_path / "users")
    for job in ("save", "save", "deploy_script"):
        jobs.do(job, storage)
    return storage


def test_the_checker_finds_a_good_project_good(storage: LocalStorage) -> None:
    checked = check(storage)
    assert checked.ok, checked
    assert checked.numbers == {
        "Models/m/_log": (1, 2),
        "Models/m/1/Artifacts/_log": (1,),
        "Models/m/2/Artifacts/_log": (),
        "Deployments/m/_log": (1,),
    }
    assert checked.entries == len(kinds(storage))
    assert "all intact" in str(checked)


def test_every_operation_of_the_kit_is_cut_off() -> None:
    tried = {step for job in JOBS.values() for step in (*job.before, job.name)}
    assert tried == {name for name in vars(WriterJobs) if name[0] != "_"} - {"do"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("Models/m/1/Files/model.bin", "missing: Models/m/1/Files/model.bin"),
        (layout.log_entry("Models/m/_log", 2), "log entry"),
        (".hopsartifacts/names/models/m.json", "is claimed by None"),
    ],
    ids=["file", "entry", "name"],
)
def test_the_checker_finds_what_is_gone(
    storage: LocalStorage, path: str, words: str
) -> None:
    storage.delete_tree(path)
    checked = check(storage)
    assert not checked.ok
    assert words in str(checked)


def test_the_checker_lets_go_what_the_log_can_write_again(
    storage: LocalStorage,
) -> None:
    for path in ("Deployments/m/1/deployment.json", "Models/m/1/Artifacts/1"):
        storage.delete_tree(path)
    checked = check(storage)
    assert checked.ok, checked


def test_the_checker_finds_a_history_that_left_something_out(
    storage: LocalStorage,
) -> None:
    models = registry(storage)
    for version in (1, 2, 1):
        models.set_alias("m", "champion", version)
    assert check(storage).ok

    def decide(state: ModelState, _: int) -> Draft[ModelState]:
        record = msgspec.structs.replace(state.aliases["champion"], before=None)
        op = {"kind": "tag", "version": 1}
        return Draft(op=op, state=state.aliased("champion", record))

    model_log(storage, "m").append(decide)
    assert "the history of alias 'champion'" in str(check(storage))


def test_litter_is_garbage_of_every_kind(tmp_path: Path) -> None:
    storage, jobs = LocalStorage(tmp_path / "littered"), WriterJobs(tmp_path / "users")
    jobs.save(storage)
    jobs.litter(storage)
    found = project_at(storage).gc(dry_run=True, grace_s=0).freed
    assert [it.path.removesuffix(it.path.rpartition("/")[2]) for it in found] == [
        ".hopsartifacts/probes/",
        ".hopsartifacts/tmp/",
        "Deployments/m/",
        "Models/m/1/Artifacts/",
        "Models/m/1/Artifacts/_payload/",
        "Models/m/1/Artifacts/_payload/",
        *["Models/m/2/"] * 3,
        "Models/m/",
    ]


def test_the_checker_finds_numbers_that_were_left_out(
    storage: LocalStorage, tmp_path: Path
) -> None:
    model = registry(storage).python.create_model("m", version=5)
    model.save(tmp_path / "users" / "weights")
    assert "assigns [5] instead of 3" in str(check(storage))
    assert check(storage, has_chosen_numbers=True).ok


@pytest.mark.usefixtures("clear_memory")
@pytest.mark.parametrize("only_changes", [False, True])
def test_all_parts_of_a_walk_together_try_every_point(
    tmp_path: Path, only_changes: bool
) -> None:
    """Each day does one part: a point that is in none of them would never be tried."""
    places = itertools.count()
    case = Case(
        "tag",
        lambda: partial(MemoryStorage, f"place{next(places)}"),
        tmp_path / "users",
    )

    def tried(**which: int) -> list[tuple[int, Fault]]:
        points = []

        def attempt(place: Place, number: int, fault: Fault) -> CaseRun:
            plan = Nth(number, fault, only_changes=only_changes)
            error: StorageError | None = None
            try:
                case.do(FaultyStorage(place(), plan))
            except StorageError as raised:
                error = raised
            if plan.was_due:
                points.append((number, fault))
            return CaseRun(was_due=plan.was_due, error=error)

        steps = case.changes if only_changes else case.calls
        walk(case, attempt, [FAIL, LOSE_ANSWER], steps=steps, **which)
        return points

    every_point = tried(every=1)
    assert len(every_point) == 2 * (case.changes if only_changes else case.calls)
    parts = [tried(every=3, part=number) for number in range(3)]
    assert set(itertools.chain(*parts)) == set(every_point)
    assert max(len(it) for it in parts) < len(every_point)
