import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hopsartifacts.serving.local.control import Helper, Patience
from hopsartifacts.serving.local.keeper.helper_process import HelperProcess

CODE = """
import pathlib, sys
told = sys.stdin.buffer.read(200_000)
with open("told", "a") as file:
    file.write(f"{len(told)} {told[:1].decode()}\\n")
if told.startswith(b"f"):
    raise SystemExit(3)
sys.stdin.buffer.read()
pathlib.Path("ended").touch()
"""
PATIENCE = Patience(backoff_s=0.01, steady_s=100)


def helper(first: bytes) -> Helper:
    return Helper(command=(sys.executable, "-c", CODE), input=first * 200_000)


@pytest.fixture
def make_helping(tmp_path: Path) -> Iterator[Callable[[Helper | None], HelperProcess]]:
    made: list[HelperProcess] = []

    def make(of: Helper | None) -> HelperProcess:
        made.append(HelperProcess(of, tmp_path, PATIENCE))
        return made[-1]

    yield make
    for helping in made:
        helping.kill()
        helping.end()


def turn_until(
    helping: HelperProcess, is_true: Callable[[], bool], *, may_change: bool = True
) -> None:
    deadline = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen"
        helping.tick(time.monotonic(), may_change=may_change)
        time.sleep(0.01)


def told(folder: Path) -> list[str]:
    path = folder / "told"
    return path.read_text().splitlines() if path.exists() else []


def test_a_helper_is_told_more_than_a_pipe_holds_and_ends_in_order(
    make_helping: Callable[[Helper | None], HelperProcess], tmp_path: Path
) -> None:
    helping = make_helping(helper(b"a"))
    turn_until(helping, lambda: told(tmp_path) == ["200000 a"])
    assert not helping.is_over
    helping.end()
    turn_until(make_helping(None), lambda: helping.is_over)
    assert (tmp_path / "ended").exists()


def test_a_helper_that_ends_is_started_again(
    make_helping: Callable[[Helper | None], HelperProcess], tmp_path: Path
) -> None:
    helping = make_helping(helper(b"f"))
    turn_until(helping, lambda: told(tmp_path) == ["200000 f"] * 3)


def test_a_helper_is_changed_when_nobody_needs_the_one_before(
    make_helping: Callable[[Helper | None], HelperProcess], tmp_path: Path
) -> None:
    helping = make_helping(helper(b"a"))
    turn_until(helping, lambda: told(tmp_path) == ["200000 a"])
    helping.change(helper(b"b"))
    helping.tick(time.monotonic(), may_change=False)
    assert not (tmp_path / "ended").exists()
    turn_until(helping, lambda: len(told(tmp_path)) == 2)
    assert (tmp_path / "ended").exists()
    assert told(tmp_path)[1] == "200000 b"
    helping.change(None)
    turn_until(helping, lambda: helping.is_over)


def test_without_a_helper_nothing_runs(
    make_helping: Callable[[Helper | None], HelperProcess],
) -> None:
    helping = make_helping(None)
    helping.tick(time.monotonic(), may_change=True)
    assert helping.is_over
