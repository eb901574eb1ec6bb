"""What is drawn while a deployment starts and stops, and when."""

import io
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from hopsartifacts import Deployment, Model, Project
from hopsartifacts.cli.output import progress as command_progress
from hopsartifacts.deployments import state as progress
from hopsartifacts.deployments.state import started, while_starting, while_stopping
from hopsartifacts.serving.contract import Condition, ConditionType, RunState, Status
from hopsartifacts.testing.states_only import StatesOnly

pytest.importorskip("tqdm", reason="needs the extra serving")


class Screen(io.StringIO):
    def __init__(self, *, is_terminal: bool = True) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def _look_at(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    # sys.stderr itself is pytest's: it is set again before each test.
    there = SimpleNamespace(stderr=screen, modules=sys.modules)
    monkeypatch.setattr(progress, "sys", there)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen()
    _look_at(made, monkeypatch)
    monkeypatch.setattr(progress, "_PAUSE_S", 0.001)
    monkeypatch.delenv("HOPSARTIFACTS_PROGRESS", raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    return made


def state(
    status: Status, kind: ConditionType | None = None, available: int = 0
) -> RunState:
    condition = Condition(type=kind, reason=f"now {kind}") if kind else None
    return RunState(
        status=status, condition=condition, available_predictor_instances=available
    )


@pytest.mark.parametrize(
    ("seen", "steps"),
    [
        (state("Created", "STOPPED"), 0),
        (state("Stopped", "STOPPED"), 0),
        (state("Starting"), 0),
        (state("Starting", "SCHEDULED"), 1),
        (state("Starting", "INITIALIZED"), 2),
        (state("Starting", "STARTED", 1), 4),
        (state("Running", "READY", 2), 6),
        (state("Failed", "READY"), 0),
    ],
)
def test_each_condition_and_each_instance_is_a_step(seen: RunState, steps: int) -> None:
    assert started(seen) == steps


def test_a_start_is_drawn_step_by_step(screen: Screen) -> None:
    seen: Iterator[RunState] = iter(
        [state("Starting", "SCHEDULED"), state("Starting", "INITIALIZED")]
    )
    last = state("Running", "READY", 2)

    with while_starting("d", 2, lambda: next(seen, last), wanted=None):
        deadline = time.monotonic() + 10
        while "now READY" not in screen.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    drawn = screen.getvalue()
    for words in ("now SCHEDULED", "1/6", "now INITIALIZED", "2/6", "now READY"):
        assert words in drawn
    assert drawn.rstrip().endswith("| 6/6")
    assert "Starting d: done" in drawn


def test_a_start_that_fails_does_not_look_whole(screen: Screen) -> None:
    def fail() -> None:
        with while_starting("d", 1, lambda: state("Failed", "STARTED"), wanted=None):
            time.sleep(0.02)
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        fail()
    assert "5/5" not in screen.getvalue()
    assert "done" not in screen.getvalue()


def test_a_stop_is_drawn(screen: Screen) -> None:
    with while_stopping("d", 1, lambda: state("Stopping", "READY"), wanted=None):
        time.sleep(0.02)
    assert "Stopping d: now READY" in screen.getvalue()
    assert screen.getvalue().rstrip().endswith("| 5/5")


@pytest.fixture
def deployment(memory_project: Project, make_files: Callable[..., Path]) -> Deployment:
    project = Project(memory_project.storage, backend=StatesOnly())
    model: Model = project.get_model_registry().sklearn.create_model("m")
    made: Deployment = model.save(make_files()).deploy("d")
    return made


def test_deployments_draw_on_a_terminal(screen: Screen, deployment: Deployment) -> None:
    deployment.start()
    assert "Starting d: done |" in screen.getvalue()
    deployment.stop()
    assert "Stopping d: done |" in screen.getvalue()
    before = screen.getvalue()
    deployment.stop()
    assert screen.getvalue() == before


@pytest.mark.parametrize("wanted", [None, True, False])
@pytest.mark.parametrize("stream", [None, SimpleNamespace()])
def test_a_program_without_a_terminal_can_start_and_stop(
    monkeypatch: pytest.MonkeyPatch,
    deployment: Deployment,
    stream: object,
    *,
    wanted: bool | None,
) -> None:
    if stream is not None and wanted:
        pytest.skip("a bar cannot be wanted on what cannot be written")
    monkeypatch.setattr(sys, "stderr", stream)
    deployment.start(progress=wanted)
    deployment.stop(progress=wanted)
    with command_progress("saving") as bar:
        bar.set_size(3)
        bar.relative_update(3)


def test_nothing_is_drawn_where_nobody_looks(
    monkeypatch: pytest.MonkeyPatch, screen: Screen, deployment: Deployment
) -> None:
    deployment.start(progress=False)
    deployment.stop(progress=False)
    monkeypatch.setenv("HOPSARTIFACTS_PROGRESS", "0")
    deployment.start()
    deployment.stop()
    monkeypatch.delenv("HOPSARTIFACTS_PROGRESS")
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    deployment.start()
    deployment.stop()
    assert screen.getvalue() == ""
    file = Screen(is_terminal=False)
    monkeypatch.undo()
    _look_at(file, monkeypatch)
    deployment.start()
    assert file.getvalue() == ""
    deployment.stop(progress=True)
    assert "Stopping d: done" in file.getvalue()
