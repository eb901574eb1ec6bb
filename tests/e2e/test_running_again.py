"""A script or a cell that saves, deploys and starts is run again and again."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import hopsartifacts

TIMES = 3
PREDICTOR = """
import os

class Predictor:
    def __init__(self):
        with open(os.environ["MODEL_FILES_PATH"] + "/weights.txt") as file:
            self.weights = file.read()

    def predict(self, inputs):
        return [self.weights for _ in inputs]
"""
FLOW = """
import hopsartifacts

project = hopsartifacts.login()
mr = project.get_model_registry()
model = mr.python.create_model("cancer")
model.save("model_dir")
deployment = model.deploy(script_file="predictor.py")
deployment.start()
answer = deployment.predict(inputs=[[1]])
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOPSARTIFACTS_URL", raising=False)
    Path("predictor.py").write_text(PREDICTOR)
    Path("model_dir").mkdir()
    yield tmp_path
    serving = hopsartifacts.login().get_model_serving()
    for deployment in serving.get_deployments():
        deployment.stop()


def _train(weights: int) -> None:
    Path("model_dir/weights.txt").write_text(str(weights))


@pytest.mark.usefixtures("folder")
def test_one_kernel_runs_the_cells_again(capsys: pytest.CaptureFixture[str]) -> None:
    """The deployment moves to the newest model, and no request fails meanwhile."""
    names: dict[str, Any] = {}
    asking: list[_Asking] = []
    for number in range(1, TIMES + 1):
        _train(number)
        exec(dedent(FLOW), names)  # noqa: S102 - as a kernel does
        assert names["answer"] == {"predictions": [str(number)]}
        assert names["deployment"].version == number
        said = capsys.readouterr().out
        if number == 1:
            asking.append(_Asking(names["deployment"].predict))
            asking[0].start()
        else:
            assert f"model.version: {number - 1} -> {number}" in said
    [asked] = asking
    answers = asked.finish()
    assert answers == sorted(answers), "never back to an older model"
    assert {"1", str(TIMES)} <= set(answers)


@pytest.mark.usefixtures("folder")
def test_a_script_is_run_again() -> None:
    for number in range(1, TIMES + 1):
        _train(number)
        ran = subprocess.run(
            [sys.executable, "-c", FLOW + "print(answer)"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr
        said = ran.stdout.splitlines()
        assert said[-1] == f"{{'predictions': ['{number}']}}"
        assert (f"version {number} (model.version" in ran.stdout) == (number > 1)


class _Asking(threading.Thread):
    """Asks without a pause until it is told to finish; remembers each answer."""

    def __init__(self, predict: Callable[..., Any]) -> None:
        super().__init__(daemon=True)
        self._predict = predict
        self._is_over = threading.Event()
        self._answers: list[str] = []
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._is_over.is_set():
                self._answers += self._predict(inputs=[[1]])["predictions"]
        except BaseException as error:  # noqa: BLE001 - told by finish
            self._failure = error

    def finish(self) -> list[str]:
        """Return the answers in order; raise what went wrong."""
        self._is_over.set()
        self.join()
        if self._failure is not None:
            raise self._failure
        return self._answers
