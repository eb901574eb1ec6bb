"""Verify at scale: in parallel, on any executor, with progress; what is no finding."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from fsspec.callbacks import Callback

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.errors import StorageError
from hopsartifacts.guard import verify
from hopsartifacts.machine import workers

FILES: dict[str, str | bytes] = {f"{number}": f"{number}" * 50 for number in range(450)}
FOLDER = "Models/m/1/Files"
CHANGED = {f"{FOLDER}/{number}" for number in (0, 7, 449)}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_FIRST_PAUSE_S", 0.001)


@pytest.fixture
def full(project: Project, make_files: Callable[..., Path]) -> Project:
    model = project.get_model_registry().python.create_model("m")
    model.save(make_files(FILES))
    for path in CHANGED:
        before = project.storage.read(path)
        project.storage.write(path, [before[:-1], b"x"])
        project.storage.protect(path)
    return project


def changed(project: Project, **settings: Any) -> set[str]:
    report = project.verify(**settings)
    assert {finding.kind for finding in report.findings} <= {"changed"}
    return {finding.path for finding in report.findings}


class Counting(Executor):
    """Runs at once what it is given, and keeps what that was."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.batches.append(len(args[1]))
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - the future tells it
            future.set_exception(error)
        return future


def test_files_are_read_at_the_same_moment(
    full: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "BATCH_FILES", 10)
    monkeypatch.setattr(verify, "workers_for", lambda _: 3)
    together = threading.Barrier(3, timeout=20)
    met: set[int] = set()
    read = type(full.storage).read

    def wait_and_read(storage: Any, path: str) -> bytes:
        if path.startswith(FOLDER) and threading.get_ident() not in met:
            met.add(threading.get_ident())
            together.wait()
        return read(storage, path)

    monkeypatch.setattr(type(full.storage), "read", wait_and_read)
    assert changed(full) == CHANGED
    assert len(met) == 3


def test_an_executor_gets_batches_of_bounded_size(
    full: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = Counting()
    assert changed(full, executor=executor) == CHANGED
    assert sum(executor.batches) == len(FILES) + 1  # and the manifest
    assert max(executor.batches) == verify.BATCH_FILES
    monkeypatch.setattr(verify, "BATCH_BYTES", 1000)
    executor = Counting()
    assert changed(full, executor=executor) == CHANGED
    assert max(executor.batches) * 50 <= 1000
    monkeypatch.setattr(verify, "BATCH_BYTES", 40)  # less than any file has
    executor = Counting()
    assert changed(full, executor=executor) == CHANGED
    assert set(executor.batches) == {1}


def test_threads_of_the_callers_will_do(full: Project) -> None:
    with ThreadPoolExecutor(2) as executor:
        assert changed(full, executor=executor) == CHANGED


def test_processes_check_a_project_on_disk(
    local_project: Project, make_files: Callable[..., Path]
) -> None:
    registry = local_project.get_model_registry()
    registry.python.create_model("m").save(make_files(FILES))
    local_project.storage.write(f"{FOLDER}/7", [b"8" * 50])
    callback = Callback()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        found = changed(local_project, executor=executor, callback=callback)
        assert found == {f"{FOLDER}/7"}
        assert local_project.repair(executor=executor).repaired == ()
    assert callback.value == callback.size > 0


def test_processes_cannot_see_a_project_in_memory(
    memory_project: Project, make_files: Callable[..., Path]
) -> None:
    """It is said, and no file is called lost."""
    registry = memory_project.get_model_registry()
    registry.python.create_model("m").save(make_files())
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        pytest.raises(StorageError, match="does not see the project 'memory:"),
    ):
        memory_project.verify(executor=executor)


def test_progress_is_told_in_bytes(
    full: Project, make_files: Callable[..., Path]
) -> None:
    full.get_model_registry().python.create_model("big").save(
        make_files({"big": os.urandom(3 << 20)})
    )
    heard: list[int] = []

    class Hearing(Callback):  # type: ignore[misc]  # fsspec has no types
        def relative_update(self, inc: int = 1) -> None:
            heard.append(inc)
            super().relative_update(inc)

    callback = Hearing()
    report = full.verify(callback=callback)
    assert callback.value == callback.size == report.size_bytes
    assert max(heard) <= 1 << 20


def test_a_storage_that_is_down_is_an_error(
    full: Project, intercept: Callable[[Callable[..., None]], Project]
) -> None:
    """Not 450 lost files."""
    is_down = False

    def hook(method: str, path: str = "", *_: object) -> None:
        nonlocal is_down
        is_down = is_down or (method == "read" and path.startswith(FOLDER))
        if is_down:
            raise StorageError("the network is down")

    for settings in ({}, {"executor": Counting()}):
        is_down = False
        with pytest.raises(StorageError, match="the network is down"):
            intercept(hook).verify(**settings)  # type: ignore[arg-type]  # one or none
        is_down = False
        with pytest.raises(StorageError, match="the network is down"):
            intercept(hook).repair(**settings)  # type: ignore[arg-type]  # as above
    assert changed(full) == CHANGED


def test_a_read_that_fails_once_is_no_finding(
    full: Project, intercept: Callable[[Callable[..., None]], Project]
) -> None:
    failed: set[str] = set()

    def hook(method: str, path: str = "", *_: object) -> None:
        if method == "read" and path.startswith(FOLDER) and path not in failed:
            failed.add(path)
            raise StorageError("try again")

    callback = Callback()
    assert changed(intercept(hook), callback=callback) == CHANGED
    assert len(failed) > 400
    assert callback.value == callback.size
    assert changed(full) == CHANGED


def test_an_interrupt_ends_it(full: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting(Callback):  # type: ignore[misc]  # fsspec has no types
        def relative_update(self, inc: int = 1) -> None:
            raise KeyboardInterrupt(inc)

    calls = 0
    read = type(full.storage).read

    def count_and_read(storage: Any, path: str) -> bytes:
        nonlocal calls
        calls += path.startswith(FOLDER)
        return read(storage, path)

    monkeypatch.setattr(type(full.storage), "read", count_and_read)
    with pytest.raises(KeyboardInterrupt):
        full.verify(callback=Interrupting())
    assert calls < 450
    calls = 0
    full.verify()
    assert calls >= 450
    assert hopsartifacts.login(storage=full.storage).name == full.name
