"""Nothing committed is written to, also where replacing takes two steps."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

import hopsartifacts
from hopsartifacts import layout
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.fallback import FallbackStorage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.crashes import CrashConformance
from hopsartifacts.testing.faults import FaultyStorage
from hopsartifacts.testing.jobs import JOBS, WriterJobs

CREATED = ("/_log/", "/names/", "project.json")
COMMITTED = (*CREATED, "/Files/", "/_payload/")


def fallback(folder: Path) -> Storage:
    """Return a back end that deletes an object before another one has its name."""
    inside = DirFileSystem(path=str(folder.parent), fs=LocalFileSystem())
    return FallbackStorage(inside, folder.name, f"elsewhere://{folder}")


def test_an_absolute_path_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    storage = FallbackStorage(LocalFileSystem(), str(folder), f"local://{folder}")
    project = hopsartifacts.login(storage=storage)
    project.get_dataset_api().upload(__file__)
    assert (folder / "Resources" / Path(__file__).name).exists()
    assert project.get_dataset_api().list() == ["Resources"]
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("make", [LocalStorage, fallback], ids=["disk", "fallback"])
@pytest.mark.parametrize("name", JOBS)
def test_nothing_committed_is_written_to(
    name: str, make: Callable[[Path], Storage], tmp_path: Path
) -> None:
    """Whatever is done: what a log, a claim or a version has is made and deleted."""
    job, jobs = JOBS[name], WriterJobs(tmp_path / "users")
    storage = FaultyStorage(make(tmp_path / "project"))
    there: dict[str, bytes] = {}
    for step in (*job.before, job.name, "gc"):
        jobs.do(step, storage)
        now = committed(storage)
        kept = there.keys() & now.keys()
        assert {path: now[path] for path in kept} == {it: there[it] for it in kept}
        there = now
    written = [it.path for it in storage.calls if it.method == "write"]
    files = [path for path in written if is_committed(path)]
    assert len(set(files)) == len(files)
    assert not [path for path in files if any(it in path for it in CREATED)]


def is_committed(path: str) -> bool:
    # What is in staging may be made again by whoever continues the save.
    is_staged = path.startswith(f"{layout.STAGING}/")
    return not is_staged and any(it in path for it in COMMITTED)


def committed(storage: Storage) -> dict[str, bytes]:
    return {
        it.path: storage.read(it.path)
        for it in storage.find("")
        if is_committed(it.path)
    }


class TestFallbackOnADisk(CrashConformance):
    """Its writers end between the steps of its own calls, too."""

    kills = False
    walked = ("tag", "move an alias", "delete a model", "collect garbage")

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return fallback(tmp_path / "elsewhere")

    @pytest.fixture
    def reconnect(self, tmp_path: Path) -> Callable[[], Storage]:
        return partial(fallback, tmp_path / "elsewhere")
