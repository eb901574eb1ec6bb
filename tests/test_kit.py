"""The kit finds out back ends that break a promise, and says by which test."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from hopsartifacts import layout
from hopsartifacts.registry.documents import ModelState
from hopsartifacts.registry.versions import model_log
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.store.entries import Draft
from hopsartifacts.testing.cases import kinds
from hopsartifacts.testing.checker import check
from hopsartifacts.testing.jobs import JOBS, WriterJobs, project_at, registry

TESTS = """
import pytest
from broken import {kind}
from hopsartifacts.testing.backend import BackendConformance

class TestMine(BackendConformance):
    race_rounds, creations, lives = 3, 3, 3
    walked = ("delete a model",)

    @pytest.fixture
    def storage(self, tmp_path, monkeypatch):
        monkeypatch.setattr("hopsartifacts.storage.local.os.fsync", lambda _: None)
        return {kind}(tmp_path / "project")
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


def failures(kind: str, folder: Path) -> set[str]:
    """Run what is ``TRIED`` on a back end and return which tests failed."""
    shutil.copy(Path(__file__).parent / "kit" / "broken.py", folder)
    (folder / "test_mine.py").write_text(TESTS.format(kind=kind))
    names = [f"test_mine.py::TestMine::{name}" for name in TRIED]
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rfE",
            "-p",
            "no:cacheprovider",
            *names,
        ],
        cwd=folder,
        # Hypothesis then tries the same in each run.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "CI": "true"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    marks = ("FAILED ", "ERROR ")
    lines = [line for line in done.stdout.splitlines() if line.startswith(marks)]
    found = {line.split(" - ")[0].rpartition("::")[2].strip() for line in lines}
    assert len(found) == len(lines)
    assert done.returncode == bool(found), done.stdout
    return found


@pytest.mark.parametrize(
    ("kind", "caught_by"),
    [
        ("LocalStorage", set()),
        (
            "ChecksThenWrites",
            {
                "test_exactly_one_of_many_threads_creates",
                "test_exactly_one_of_many_processes_creates",
            },
        ),
        ("LocksItsProcess", {"test_exactly_one_of_many_processes_creates"}),
        (
            "ReplacesInTwoSteps",
            {
                "test_a_reader_sees_the_old_object_or_the_new",
                "test_a_replaced_object_is_the_old_or_the_new_when_its_writer_is_killed",
            },
        ),
        ("TearsObjects", {"test_a_reader_sees_the_whole_object_or_none"}),
        (
            "ListsWhatWas",
            {
                "test_list_is_never_stale",
                "test_random_calls_do_what_they_do_to_a_dictionary",
            },
        ),
        (
            "SaysItDeletes",
            {
                "test_delete_tree_deletes_what_is_protected",
                "test_random_calls_do_what_they_do_to_a_dictionary",
            },
        ),
        (
            "AnswersEarly",
            {"test_an_object_is_whole_or_not_there_when_its_writer_is_killed"},
        ),
    ],
)
def test_a_back_end_that_breaks_a_promise_fails(
    kind: str, caught_by: set[str], tmp_path: Path
) -> None:
    found = failures(kind, tmp_path)
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
