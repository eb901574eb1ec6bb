"""Whatever an error is, there are words for it."""

from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.errors import DeploymentFailedError
from hopsartifacts.serving.local import LocalBackend
from hopsartifacts.serving.runtime.failures import (
    MOST_CHARACTERS,
    error_text,
    said_by,
    sayable,
)
from tests.serving.conftest import FLOWERS


class MuteError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


LOST = "Can't get attribute 'Mine' on <module 'hopsartifacts.serving.__main__'>"
ERRORS = [
    (ValueError("boom"), "ValueError: boom"),
    (ValueError("ü \ud800"), "ValueError: ü \\ud800"),
    (MuteError(), "MuteError: (its str() raised SystemExit)"),
    (ValueError("x" * 5000), f"ValueError: {'x' * MOST_CHARACTERS}… (1000 more charac"),
    (AttributeError(LOST), "Mine was defined in a notebook or in the main script"),
]


@pytest.mark.parametrize(("error", "text"), ERRORS)
def test_every_error_has_words(error: BaseException, text: str) -> None:
    found = error_text(error)
    assert text in found
    assert found.encode().decode() == found
    assert len(found) < 2 * MOST_CHARACTERS
    assert said_by(error) in found


def test_words_that_can_be_said_stay_as_they_are() -> None:
    assert sayable("x" * MOST_CHARACTERS) == "x" * MOST_CHARACTERS
    assert sayable("xyz", 2) == "xy… (1 more characters)"


RAISED = [
    (r"raise ValueError('\ud800')", r"ValueError: \ud800"),
    (
        "class E(Exception):\n    def __str__(self): 1 / 0\nraise E",
        "E: (its str() raised ZeroDivisionError)",
    ),
    ("raise ValueError('x' * 3_000_000)", "more characters)"),
    ("print('y' * 3_000_000)\nraise ValueError('bad')", "ValueError: bad"),
    ("import os\nos.close(2)\nraise ValueError('bad')", "ValueError: bad"),
    ("import sys\nsys.stderr = None\nraise ValueError('bad')", "ValueError: bad"),
]


@pytest.mark.parametrize(("code", "reason"), RAISED)
def test_a_start_that_fails_says_why_in_so_many_words(
    backend: LocalBackend, make_launch: Any, code: str, reason: str
) -> None:
    with pytest.raises(DeploymentFailedError) as raised:
        backend.start(make_launch(code), await_running_s=60)
    assert reason in str(raised.value)
    assert len(str(raised.value)) < 50_000
    condition = backend.state(FLOWERS).condition
    assert condition is not None
    assert reason in str(condition.reason)
    assert len(str(condition.reason)) < 50_000


def test_a_pickle_of_a_class_of_another_main_script_says_what_to_do(
    backend: LocalBackend, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import os, pickle
        class Mine:
            pass
        class Predictor:
            def __init__(self):
                with open(os.environ["MODEL_FILES_PATH"] + "/m.pkl", "rb") as file:
                    self.model = pickle.load(file)
            def predict(self, x): ...
        """
    )
    # The class itself, as pickle writes it.
    Path(launch.model_files_path, "m.pkl").write_bytes(b"c__main__\nMine\n.")
    with pytest.raises(DeploymentFailedError, match="Mine was defined in a notebook"):
        backend.start(launch, await_running_s=60)
