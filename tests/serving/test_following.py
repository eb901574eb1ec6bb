"""A log is followed while it is written, from its last lines to the end of the run."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from hopsartifacts.serving.contract import Launch, LogLine
from hopsartifacts.serving.local import LocalBackend, log_files
from hopsartifacts.serving.local.log_files import follow
from tests.serving.conftest import FLOWERS


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "_PAUSE_S", 0.001)


def texts(lines: Iterable[LogLine]) -> list[str]:
    return [line.text for line in lines]


@pytest.mark.parametrize("tail", [0, 1, 2, 9])
def test_the_last_lines_come_first_and_each_new_one_once(
    tmp_path: Path, tail: int
) -> None:
    log = tmp_path / "run.log"
    log.write_text("one\ntwo\n")
    steps = iter(["thr", "ee\n", "", "four\nfive\nsi", "x"])
    is_over = threading.Event()

    def look() -> bool:
        """Something is written before each look but the last."""
        text = next(steps, None)
        if text is None:
            is_over.set()
        elif text:
            with log.open("a") as file:
                file.write(text)
        return is_over.is_set()

    lines = texts(follow(lambda: log, look, tail + 1))
    # The first look wrote "thr" before anything was read.
    new = ["three", "four", "five", "six"]
    assert lines == [*["one", "two"][max(0, 2 - tail) :], *new]


def test_what_is_written_in_the_moment_of_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("first\n")

    def end() -> bool:
        log.write_text("first\nlast words\n")
        return True

    assert texts(follow(lambda: log, end, 5)) == ["first", "last words"]


def test_another_log_is_followed_from_its_beginning(tmp_path: Path) -> None:
    first, second = tmp_path / "1.log", tmp_path / "2.log"
    first.write_text("old\n" * 3)
    second.write_text("new 1\nnew 2\n")
    newest = iter([first, first, second])
    looks = iter([False, False])

    def latest() -> Path:
        return next(newest, second)

    lines = follow(latest, lambda: next(looks, True), 1)
    assert texts(lines) == ["old", "new 1", "new 2"]


def test_no_log_has_no_lines(tmp_path: Path) -> None:
    assert list(follow(lambda: None, lambda: True, 5)) == []
    assert list(follow(lambda: tmp_path / "gone", lambda: True, 5)) == []


@pytest.mark.parametrize("seen", [0, 1, 2, 3])
def test_it_goes_on_behind_a_line_that_was_seen(tmp_path: Path, seen: int) -> None:
    log = tmp_path / "run.log"
    log.write_text("one\ntwo\n")
    ends = iter([False])

    def look() -> bool:
        is_first = next(ends, None) is False
        if not is_first:
            log.write_text("one\ntwo\nthr\u00e9e\nfour")
        return not is_first

    lines = list(follow(lambda: log, look, 9))
    assert texts(lines) == ["one", "two", "thr\u00e9e", "four"]
    more = follow(lambda: log, lambda: True, 0, after=lines[seen].position)
    assert list(more) == lines[seen + 1 :]


@pytest.mark.parametrize("mark", ["other.log:4", "run.log:99", "run.log:x", "run.log"])
def test_a_mark_of_another_log_is_left_aside(tmp_path: Path, mark: str) -> None:
    log = tmp_path / "run.log"
    log.write_text("one\ntwo\n")
    assert texts(follow(lambda: log, lambda: True, 1, after=mark)) == ["two"]


def test_a_line_without_end_comes_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "_MOST_BYTES", 8)
    log = tmp_path / "run.log"
    log.write_text("one\n" + "x" * 30 + "\ntwo\n")
    lines = list(follow(lambda: log, lambda: True, 9))
    found = texts(lines)
    assert (found[0], found[-1], "".join(found[1:-1])) == ("one", "two", "x" * 30)
    assert max(map(len, found)) <= 16
    assert (
        list(follow(lambda: log, lambda: True, 9, after=lines[2].position)) == lines[3:]
    )


def test_it_ends_when_nobody_wants_it(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("one\n")
    wanted = iter([True, True, False])
    lines = follow(lambda: log, lambda: False, 9, is_wanted=lambda: next(wanted))
    assert texts(lines) == ["one"]


def test_a_deployment_is_followed_until_it_ends(
    backend: LocalBackend, make_launch: Callable[..., Launch]
) -> None:
    launch = make_launch(
        """
        class Predictor:
            def predict(self, inputs):
                print("asked for", inputs)
                return inputs
        """
    )
    assert list(backend.follow_logs(FLOWERS, "predictor", 5)) == []
    backend.start(launch, await_running_s=60)
    seen: list[str] = []
    lines = backend.follow_logs(FLOWERS, "predictor", 1000)
    reader = threading.Thread(target=lambda: seen.extend(texts(lines)), daemon=True)
    reader.start()
    for number in range(3):
        backend.predict(FLOWERS, {"instances": [[number]]})
    backend.stop(FLOWERS, await_stopped_s=30)
    reader.join(30)
    assert not reader.is_alive()
    asked = [line for line in seen if line.startswith("asked")]
    assert asked == [f"asked for [[{number}]]" for number in range(3)]
