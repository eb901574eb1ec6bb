"""Logs have bounds, and lose nothing but what is too old."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local import LocalBackend, log_files
from hopsartifacts.serving.local.log_files import (
    KEPT_RUNS,
    RunLog,
    drop_old_runs,
    follow,
    last_lines,
)
from tests.serving.conftest import FLOWERS, wait_until


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunLog]:
    monkeypatch.setattr(log_files, "FILE_BYTES", 100)
    made = RunLog(tmp_path / "run.log")
    yield made
    # Its thread ends with the process; it is not to see the files of other tests.
    made.take()


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_said_is_in_the_file(log: RunLog, tmp_path: Path) -> None:
    for word in ("one", "two"):
        os.write(log.writing, f"{word}\n".encode())
        log.take()
        assert last_lines(tmp_path / "run.log", 1) == word


def test_full_files_are_put_aside_between_lines_and_the_oldest_go(
    log: RunLog, tmp_path: Path
) -> None:
    for number in range(60):
        os.write(log.writing, f"line {number:03}\n".encode())
        log.take()
    assert files_of(tmp_path) == ["run.log", "run.log.3", "run.log.4"]
    for path in tmp_path.iterdir():
        text = path.read_text()
        assert len(text) <= 109
        assert text.startswith("line ")
        assert text.endswith("\n")
    lines = last_lines(tmp_path / "run.log", 1000).splitlines()
    assert lines == [f"line {number:03}" for number in range(60 - len(lines), 60)]
    assert len(lines) > 22


def test_a_line_without_end_has_the_same_bounds(log: RunLog, tmp_path: Path) -> None:
    for _ in range(100):
        os.write(log.writing, b"x" * 50)
        log.take()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 300


def test_a_log_is_followed_over_files_that_are_put_aside(
    log: RunLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "_PAUSE_S", 0)
    expected = [f"line {number}" for number in range(200)]
    steps = iter(expected)

    def look() -> bool:
        """Five lines are written before each look."""
        for _ in range(5):
            text = next(steps, None)
            if text is None:
                return True
            os.write(log.writing, f"{text}\n".encode())
            log.take()
        return False

    lines = list(follow(lambda: tmp_path / "run.log", look, 5))
    assert [line.text for line in lines] == expected
    for number in (195, 185):
        more = follow(
            lambda: tmp_path / "run.log", lambda: True, 0, after=lines[number].position
        )
        assert list(more) == lines[number + 1 :]
    gone = follow(
        lambda: tmp_path / "run.log", lambda: True, 1, after=lines[0].position
    )
    assert [line.text for line in gone] == ["line 199"]


def test_a_full_disk_keeps_nobody_from_printing(
    log: RunLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = log_files._write_all
    os.write(log.writing, b"before\n")
    log.take()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log_files, "_write_all", fail)
    os.write(log.writing, b"lost\n")
    log.take()
    monkeypatch.setattr(log_files, "_write_all", write)
    os.write(log.writing, b"after\n")
    log.take()
    note = "keeper: 5 bytes could not be written here"
    assert last_lines(tmp_path / "run.log", 9) == f"before\n{note}\nafter"


def test_logs_of_the_newest_runs_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT_RUNS + 3):
        for name in ("predictor.log", "predictor.log.1", "transformer.log"):
            (tmp_path / f"20260101-0000{number:02}_ab_{name}").touch()
    (tmp_path / "notes.txt").touch()
    drop_old_runs(tmp_path)
    kept = {name[:18] for name in files_of(tmp_path)} - {"notes.txt"}
    assert len(kept) == KEPT_RUNS - 1
    assert min(kept) == "20260101-000004_ab"
    drop_old_runs(tmp_path)
    assert len(files_of(tmp_path)) == 3 * (KEPT_RUNS - 1) + 1


def test_what_processes_of_a_script_say_comes_to_the_log_too(
    backend: LocalBackend,
    make_launch: Callable[..., Launch],
    workers: Callable[[], list[psutil.Process]],
    tmp_path: Path,
) -> None:
    """Processes of scripts write to the log themselves, more than a pipe holds."""
    launch = make_launch(
        """
        import subprocess, sys
        class Predictor:
            def predict(self, inputs):
                code = "import sys; print('x' * 90_000, 'out'); sys.exit('err')"
                subprocess.run([sys.executable, "-u", "-c", code])
                return 1
        """,
        """
        class Transformer:
            def preprocess(self, inputs):
                print("y" * 90_000)
                print("asked")
                return inputs
        """,
    )
    backend.start(launch, await_running_s=60)
    assert backend.predict(FLOWERS, {"instances": [[1]]}) == {"predictions": 1}

    def said(component: Any, words: list[str]) -> bool:
        return backend.read_logs(FLOWERS, component, 2).split()[-len(words) :] == words

    wait_until(lambda: said("predictor", ["x" * 90_000, "out", "err"]))
    wait_until(lambda: said("transformer", ["asked"]))
    [worker] = workers()
    pipes = {it.path for it in worker.open_files()}
    assert not [path for path in pipes if path.endswith(".log")]
    backend.stop(FLOWERS, await_stopped_s=30)
    found = sorted((tmp_path / "Logs" / "flowers").iterdir())
    assert [path.stat().st_size > 90_000 for path in found] == [True, True]
    logs = [tmp_path / "Logs" / "flowers"]
    assert log_files.newest_log(logs, FLOWERS.id) == found[0]


def test_the_log_of_a_run_that_still_writes_is_kept(tmp_path: Path) -> None:
    """Of a process that has another state folder, or of another deployment."""
    old = tmp_path / "20200101-000000_id_0000_predictor.log"
    log = RunLog(old)
    for number in range(KEPT_RUNS + 3):
        (tmp_path / f"20260101-0000{number:02}_id_0001_predictor.log").touch()
    drop_old_runs(tmp_path)
    assert old.exists()
    assert len(files_of(tmp_path)) == KEPT_RUNS
    os.close(log._file)
    drop_old_runs(tmp_path)
    assert not old.exists()
