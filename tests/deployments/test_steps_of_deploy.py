"""How far ``model.deploy`` walks: the modules and functions of ours that it calls.

A profiler counts each start of a Python function of the package, and each time that a
generator of the package goes on; a comprehension and a lambda count as functions. It
runs on a local disk, up to the commit and the copies after it; nothing is started. Each
kind is deployed twice, and both times are counted. Before, something else was deployed,
so all modules are imported.
"""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

import hopsartifacts
from hopsartifacts import Model
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.states_only import StatesOnly

PACKAGE = f"{Path(hopsartifacts.__file__).parent}/"
CODE = "class Predictor:\n    def predict(self, inputs): return inputs\n"


class Kind(NamedTuple):
    """A way to deploy, and the most that it may touch."""

    what: str
    files: int
    calls: int
    given: Callable[[Path, int], dict[str, Any]]
    """Returns what is given at the first and at the second time."""


def named(_: Path, number: int) -> dict[str, Any]:
    return {"name": f"d{number}"}


def with_script(folder: Path, number: int) -> dict[str, Any]:
    path = folder / "predictor.py"
    path.write_text(CODE)
    return {"name": f"d{number}", "script_file": path}


def with_new_script(folder: Path, number: int) -> dict[str, Any]:
    path = folder / "predictor.py"
    path.write_text(f"{CODE}# {number}\n")
    return {"name": f"d{number}", "script_file": path}


KINDS = (
    Kind("without a script", 31, 400, named),
    Kind("the same", 29, 345, lambda *_: {"name": "before"}),
    Kind("with a script that is there", 35, 555, with_script),
    Kind("with a new script", 35, 735, with_new_script),
)


class Walk(NamedTuple):
    """The calls of an operation."""

    calls: Counter[tuple[str, str]]
    """By the path of the module and the name of the function."""
    modules: list[str]
    """The modules, in the order of their first calls."""


def walk(work: Callable[[], object]) -> Walk:
    calls: Counter[tuple[str, str]] = Counter()

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE):
            name = code.co_filename.removeprefix(PACKAGE)
            calls[name, code.co_qualname] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return Walk(calls, list(dict.fromkeys(module for module, _ in calls)))


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """A saved model; something of it was deployed, with a script and without."""
    storage = LocalStorage(tmp_path / "project")
    project = hopsartifacts.Project(storage, backend=StatesOnly())
    (tmp_path / "weights").write_bytes(b"weights")
    registry = project.get_model_registry()
    model = registry.sklearn.create_model("m").save(tmp_path / "weights")
    model.deploy("before")
    model.deploy(**with_script(tmp_path, 0))
    return model


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.what)
def test_deploy_takes_few_steps(
    model: Model, tmp_path: Path, kind: Kind, time: int
) -> None:
    for number in range(1, time):
        model.deploy(**kind.given(tmp_path, number))
    given = kind.given(tmp_path, time)
    found = walk(lambda: model.deploy(**given))
    longest = "\n".join(f"{count} {name}" for name, count in found.calls.most_common())
    assert len(found.modules) <= kind.files, "\n".join(found.modules)
    assert found.calls.total() <= kind.calls, longest
