"""On a file system that replaces in two steps what was committed is never replaced."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from hopsartifacts.errors import ModelNotFoundError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.fallback import FallbackStorage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.checker import check
from hopsartifacts.testing.crashes import CrashConformance
from hopsartifacts.testing.faults import FaultyStorage
from hopsartifacts.testing.jobs import Jobs, registry


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
    """Two versions of a model."""
    storage = fallback(tmp_path / "project", LocalFileSystem)
    jobs = Jobs(tmp_path / "users")
    for _ in range(2):
        jobs.save(storage)
    return storage


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


COMMITTED = ("/_log/", "/names/", "project.json")
JOBS_THAT_REPLACED = [("save", "delete"), ("save", "tag")]


@pytest.mark.parametrize("jobs", JOBS_THAT_REPLACED, ids=lambda it: it[-1])
def test_nothing_committed_is_written_to(jobs: tuple[str, ...], tmp_path: Path) -> None:
    """Whatever is done: a log, a claim and the marker are only created and deleted."""
    storage = FaultyStorage(LocalStorage(tmp_path / "project"))
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
