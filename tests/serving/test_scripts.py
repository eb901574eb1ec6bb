import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from hopsartifacts.errors import InvalidScriptError
from hopsartifacts.serving.contract import Component
from hopsartifacts.serving.runtime.chain_loader import (
    create_object,
    find_class,
    import_script,
)

Import = Callable[..., ModuleType]


@pytest.fixture
def import_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    for name in ["predictor_script", "transformer_script"]:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))

    def run(code: str, component: Component = "predictor") -> ModuleType:
        path = tmp_path / f"{component}-script.py"
        path.write_text(dedent(code))
        return import_script(path, component)

    return run


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("class Predict:\n  def predict(self, x): ...", "Predict"),
        ("class Predictor:\n  def predict(self, x): ...", "Predictor"),
        (
            (
                "class Predict:\n  def predict(self, x): ...\n"
                "class Predictor(Predict): ..."
            ),
            "Predictor",
        ),
        (
            "class Model:\n  def predict(self, x): ...\nPredict = Model",
            "Model",
        ),
        (
            # A library's class of the other name is not what the script offers.
            (
                "from hopsartifacts.serving.contract import Launch as Predictor\n"
                "class Predict:\n  def predict(self, x): ..."
            ),
            "Predict",
        ),
    ],
)
def test_the_class_is_found(import_code: Import, code: str, name: str) -> None:
    assert find_class(import_code(code), "predictor").__name__ == name


def test_an_imported_class_will_do(import_code: Import) -> None:
    code = "from decimal import Decimal as Transformer"
    found = find_class(import_code(code, "transformer"), "transformer")
    assert found.__name__ == "Decimal"


@pytest.mark.parametrize(
    ("code", "component", "message"),
    [
        ("x = 1", "predictor", "has no class Predictor or class Predict"),
        ("class Predictor: ...", "transformer", "has no class Transformer"),
        ("class Predictor: ...", "predictor", "class Predictor has no method predict"),
        ("def Predict(): ...", "predictor", "Predict in the script is not a class"),
    ],
)
def test_a_script_without_the_class_is_refused(
    import_code: Import, code: str, component: Component, message: str
) -> None:
    with pytest.raises(InvalidScriptError, match=re.escape(message)):
        find_class(import_code(code, component), component)


def test_a_notebook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidScriptError, match=r"save the script as \.py"):
        import_script(tmp_path / "predictor-notebook.ipynb", "predictor")


class Plain: ...


class Full:
    def __init__(
        self, model: Any, *rest: Any, deployment: Any = 1, size: int = 2, **more: Any
    ) -> None:
        self.given = (model, rest, deployment, size, more)


class Greedy:
    def __init__(self, model: Any, secret: Any) -> None: ...


class Positional:
    def __init__(self, model: Any, /) -> None: ...


def test_constructors_get_what_they_name() -> None:
    values = {"project": "p", "model": "m", "deployment": "d"}
    assert isinstance(create_object(Plain, values), Plain)
    full = create_object(Full, values)
    assert isinstance(full, Full)
    assert full.given == ("m", (), "d", 2, {})


@pytest.mark.parametrize(("cls", "name"), [(Greedy, "secret"), (Positional, "model")])
def test_a_constructor_that_wants_more_is_refused(cls: type, name: str) -> None:
    message = f"requires '{name}'; only these are passed, by name: deployment, model"
    with pytest.raises(InvalidScriptError, match=message):
        create_object(cls, {"model": 1, "deployment": 2})


def test_a_class_that_hides_its_signature_is_called_without() -> None:
    assert create_object(dict, {"model": 1}) == {}
