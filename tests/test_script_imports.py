"""What scripts import is looked for without running them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hopsartifacts import Model, ModelServing, Project
from hopsartifacts.deployments.scripts import MissingImportWarning, missing_modules
from hopsartifacts.errors import InvalidScriptError, UnsupportedHereError
from hopsartifacts.testing.states_only import StatesOnly

MakeScript = Callable[..., Path]
CLASS = "\nclass Predictor:\n    def predict(self, inputs):\n        return inputs\n"


def missing(code: str, *own: str) -> list[str]:
    found = missing_modules({"predict.py": code.encode()}, own)
    return [it.module for it in found]


@pytest.mark.parametrize(
    "code",
    [
        "import nowhere",
        "import nowhere.inside as n",
        "from nowhere import *",
        "from nowhere.inside import x",
        "class Predictor:\n    import nowhere",
        "try:\n    import nowhere\nfinally:\n    pass",
        "try:\n    import nowhere\nexcept ValueError:\n    pass",
        "with open('x'):\n    import nowhere",
        "with suppress(KeyError):\n    import nowhere",
        "for _ in 'a':\n    import nowhere",
        "import os, json, nowhere",
    ],
)
def test_what_has_to_be_there_to_load_a_script(code: str) -> None:
    assert missing(code) == ["nowhere"]


RELATIVE = [
    ("from . import nowhere", "import nowhere"),
    ("from . import a as b, c", "import a as b, c"),
    ("from .nowhere import x", "from nowhere import x"),
    ("from ..up.nowhere import *", "from up.nowhere import *"),
    ("import os\nclass Predictor:\n    from .x import y", "from x import y"),
    ("try:\n    from .x import y\nexcept ValueError:\n    pass", "from x import y"),
]
GUARDED = [
    "try:\n    from .x import y\nexcept ImportError:\n    from json import loads as y",
    "if __package__:\n    from . import nowhere",
    "def f():\n    from . import nowhere",
]


@pytest.mark.parametrize(("code", "instead"), RELATIVE)
def test_a_relative_import_that_would_fail_is_refused_when_it_is_saved(
    model: Model, ms: ModelServing, make_script: MakeScript, code: str, instead: str
) -> None:
    script = make_script(code + CLASS)
    with pytest.raises(InvalidScriptError, match="not part of a package") as caught:
        model.deploy("d", script_file=script)
    assert f"Write {instead!r}, and pass" in str(caught.value)
    assert f"in line {code[: code.index('from .')].count(chr(10)) + 1}:" in str(
        caught.value
    )
    assert ms.get_deployments() == []


@pytest.mark.parametrize("code", GUARDED)
def test_a_relative_import_that_need_not_run_is_saved(
    model: Model, make_script: MakeScript, code: str
) -> None:
    model.deploy("d", script_file=make_script(code + CLASS))


@pytest.mark.parametrize(
    "code",
    [
        "import os.path, json, __future__, sys",
        "import msgspec, pytest",
        "import xml.etree.ElementTree",
        "from . import nowhere",
        "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None",
        "try:\n    import nowhere\nexcept (KeyError, ModuleNotFoundError):\n    pass",
        "try:\n    import nowhere\nexcept builtins.ImportError:\n    pass",
        "try:\n    import nowhere\nexcept Exception:\n    pass",
        "try:\n    import nowhere\nexcept:\n    pass",
        "with contextlib.suppress(ImportError):\n    import nowhere",
        "def f():\n    import nowhere",
        "async def f():\n    import nowhere",
        "class P:\n    def f(self):\n        import nowhere",
        "if TYPE_CHECKING:\n    import nowhere",
        "if sys.version_info < (3,):\n    import nowhere",
        "import sys\nsys.path.append('/model')\nimport nowhere",
        "import site\nsite.addsitedir('/model')\nimport nowhere",
        "text = 'import nowhere'",
    ],
)
def test_what_may_be_missing(code: str) -> None:
    assert missing(code) == []


def test_what_lies_beside_a_script_is_there() -> None:
    code = "import helpers, package.inside, nowhere"
    assert missing(code, "helpers.py", "package/inside.py") == ["nowhere"]
    assert missing(code, "helpers.txt") == ["helpers", "nowhere", "package"]


def test_what_lies_in_the_folder_we_run_in_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside.py").touch()
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "spread").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    assert missing("import beside, package, spread") == ["beside", "package", "spread"]
    monkeypatch.setattr("sys.path", ["", str(tmp_path)])
    assert missing("import beside, package, spread") == []


def test_the_words_name_the_distribution_where_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hopsartifacts.deployments.scripts._is_here", lambda _: False)
    [found, other] = missing_modules({"p.py": b"import cv2, other"}, ())
    assert str(found) == (
        "cv2 (pip install opencv-python-headless), which p.py imports"
    )
    assert str(other) == "other, which p.py imports"


@pytest.fixture
def project(project: Project) -> Project:
    return Project(project.storage, backend=StatesOnly())


@pytest.fixture
def model(save_model: Callable[..., Model]) -> Model:
    return save_model("m")


def test_a_save_warns_and_a_start_refuses(
    model: Model, make_script: MakeScript
) -> None:
    script = make_script(f"import nowhere{CLASS}raise SystemExit('never run')\n")
    with pytest.warns(MissingImportWarning, match=r"nowhere, which predict.py imports"):
        deployment = model.deploy("d", script_file=script)
    deployment.description = "the same script again"
    deployment.save()
    with pytest.raises(UnsupportedHereError) as caught:
        deployment.start()
    assert "nowhere, which predictor-predict.py imports" in str(caught.value)
    assert "files=" in str(caught.value)
    deployment.start(ignore_environment=True)
    assert deployment.is_running()


def test_modules_of_the_artifact_are_there(
    model: Model, make_script: MakeScript
) -> None:
    deployment = model.deploy(
        "d",
        script_file=make_script(f"import nowhere{CLASS}"),
        files=[make_script("x = 1", "nowhere.py")],
    )
    deployment.start()
    assert deployment.is_running()


def test_transformers_import_too(
    model: Model, ms: ModelServing, make_script: MakeScript
) -> None:
    code = "import nowhere\nclass Transformer:\n    def preprocess(self, i): return i\n"
    transformer = ms.create_transformer(make_script(code, "transform.py"))
    with pytest.warns(MissingImportWarning, match="which transform.py imports"):
        model.deploy("d", script_file=make_script(), transformer=transformer)
