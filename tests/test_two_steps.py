"""Where an object is replaced in two steps, what was committed never is."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from hopsartifacts.store.compaction import compact, compactable_bytes

from hopsartifacts.errors import ModelNotFoundError
from hopsartifacts.registry.versions import model_log, sealed_manifest
from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.storage.fallback import FallbackStorage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.checker import check
from hopsartifacts.testing.crashes import CrashConformance
from hopsartifacts.testing.faults import FaultyStorage
from hopsartifacts.testing.jobs import Jobs, project_at, registry


class DiesMoving(LocalFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Ends this process where it would move a file to where a committed one was."""

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        if "/_log/" in path2:
            os.kill(os.getpid(), signal.SIGKILL)
        super().mv(path1, path2)


def fallback(folder: Path, filesystem: type[LocalFileSystem]) -> Storage:
    inside = DirFileSystem(path=str(folder.parent), fs=filesystem())
    return FallbackStorage(inside, folder.name, f"elsewhere://{folder}")


def ends(work: Callable[[], object]) -> int:
    """Do *work* in a child and return its exit code, negative for a signal."""
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    try:
        child.join()
    finally:
        child.kill()  # if it hangs
    assert child.exitcode is not None
    return child.exitcode


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Two versions, and so many entries that old ones are worth being compacted."""
    storage = fallback(tmp_path / "project", LocalFileSystem)
    jobs = Jobs(tmp_path / "users")
    for _ in range(2):
        jobs.save(storage)
    model = registry(storage).get_model("m", 2)
    for number in range(45):
        model.add_tag("number", number)
    return storage


def names(storage: Storage) -> set[str]:
    return {entry.path for entry in storage.find("")}


def test_gc_replaces_no_entry(storage: Storage, tmp_path: Path) -> None:
    before = {it: storage.read(it) for it in names(storage)}
    dying = fallback(tmp_path / "project", DiesMoving)
    # To delete needs no move, so it comes to its end.
    assert ends(partial(project_at(dying).gc, grace_s=0)) == 0
    assert {it: storage.read(it) for it in names(storage)} == before
    log = model_log(storage, "m")
    head = log.head()
    assert head is not None
    assert compactable_bytes(log, head) == compact(log) == 0


def test_a_deletion_that_ends_anywhere_loses_nothing_else(
    storage: Storage, tmp_path: Path
) -> None:
    dying = fallback(tmp_path / "project", DiesMoving)
    assert ends(registry(dying).get_model("m", 1).delete) == -signal.SIGKILL
    assert check(storage).ok
    assert registry(storage).get_model("m", 2).version == 2
    Jobs(tmp_path / "again").delete(storage)
    with pytest.raises(ModelNotFoundError, match="was deleted"):
        registry(storage).get_model("m", 1)
    assert check(storage).ok


def test_a_deleted_version_has_no_seal_left(storage: Storage, tmp_path: Path) -> None:
    """So it stays deleted for readers that go by seals, should it all be copied."""
    Jobs(tmp_path / "again").delete(storage)
    assert "Models/m/_log/v000000000001.json" not in names(storage)
    with pytest.raises(ModelNotFoundError, match="was deleted"):
        sealed_manifest(LocalStorage(tmp_path / "project"), "m", 1)
    assert project_at(storage).verify().ok


def test_a_seal_that_stayed_behind_is_garbage(storage: Storage, tmp_path: Path) -> None:
    seal = "Models/m/_log/v000000000001.json"
    data = storage.read(seal)
    Jobs(tmp_path / "again").delete(storage)
    storage.create(seal, data)
    with pytest.raises(ModelNotFoundError, match="was deleted"):
        registry(storage).get_model("m", 1)
    assert project_at(storage).verify().ok
    assert [it.path for it in project_at(storage).gc(grace_s=0).freed] == [seal]
    assert project_at(storage).gc(grace_s=0).freed == ()
    assert check(storage).ok


COMMITTED = ("/_log/", "/names/", "project.json")
JOBS_THAT_REPLACED = [("save", "delete"), ("save", "tag_often", "compact")]


@pytest.mark.parametrize("jobs", JOBS_THAT_REPLACED, ids=lambda it: it[-1])
def test_nothing_committed_is_written_to(jobs: tuple[str, ...], tmp_path: Path) -> None:
    """Whatever is done: a log, a claim and the marker are only created and deleted."""

    class TwoSteps(LocalStorage):
        @property
        def capabilities(self) -> Capabilities:
            can = super().capabilities
            return msgspec.structs.replace(can, replaces_in_one_step=False)

    storage = FaultyStorage(TwoSteps(tmp_path / "project"))
    work = Jobs(tmp_path / "users")
    for job in (*jobs, "gc"):
        work.do(job, storage)
    written = [it.path for it in storage.calls if it.method in {"write", "move"}]
    assert not [path for path in written if any(it in path for it in COMMITTED)]


class TestFallbackOnADisk(CrashConformance):
    """Its writers end between the steps of its own calls, too."""

    kills = False
    walked = ("tag", "move an alias", "delete a model", "collect garbage")

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return fallback(tmp_path / "elsewhere", LocalFileSystem)

    @pytest.fixture
    def reconnect(self, tmp_path: Path) -> Callable[[], Storage]:
        return partial(fallback, tmp_path / "elsewhere", LocalFileSystem)
