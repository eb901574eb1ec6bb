"""What the documentation shows is true: blocks run, and links lead somewhere."""

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import click
import joblib
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import hopsartifacts
from hopsartifacts import Deployment, Model, Project
from hopsartifacts.cli.app import app
from hopsartifacts.storage.local import LocalStorage
from tests.doc_blocks import PAGES, ROOT, blocks, parse, run
from tests.rest.servers import Process, make_key

BLOCKS = [block for page in PAGES for block in blocks(page)]
NOT_RUN = {
    "it installs packages",
    "it needs a WebDAV server",
    "it needs a bucket",
    "it needs accounts and servers",
    "it needs nginx",
    "it needs root",
    "it needs the official client; tests/clients runs it",
    "it runs all tests",
    "it runs until it is stopped",
}
"""The reasons why blocks do not run here."""
SETTING_TESTS = ("plain_examples", "test_plain_settings", "test_settings")
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
ROW = [[5.1, 3.5, 1.4, 0.2]]

Names = dict[str, Any]
Check = Callable[[Names], None]
Preparation = Callable[[Names, dict[str, str]], Iterator[None]]


def iris(project: Project, **settings: Any) -> Model:
    """Save a scikit-learn model from the folder ``model_dir``."""
    folder = Path("model_dir")
    folder.mkdir(exist_ok=True)
    estimator = LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))
    joblib.dump(estimator, folder / "model.joblib")
    registry = project.get_model_registry()
    return registry.sklearn.create_model("iris", **settings).save(folder)


def api(names: Names, texts: dict[str, str]) -> Iterator[None]:
    """A server with two versions of a model, and a key."""
    project = hopsartifacts.login("served")
    for accuracy in (0.7, 0.9):
        iris(project, metrics={"accuracy": accuracy}, description="Flowers.")
    Path("key.txt").write_text(make_key("served", "--scope", "admin"))
    server = Process("served")
    try:
        shutil.copy(server.certificate, "certificate.pem")
        texts["https://localhost:8443"] = server.url
        yield
    finally:
        if "api" in names:
            names["api"].close()
        server.end()


def backends_howto(names: Names, _: dict[str, str]) -> Iterator[None]:
    """A back end of one's own."""
    names["MyStorage"] = lambda place: LocalStorage(Path(place).absolute())
    yield


def bundles(_: Names, __: dict[str, str]) -> Iterator[None]:
    """A project with a deployment."""
    iris(hopsartifacts.login("my-project")).deploy()
    yield


def catalog(_: Names, __: dict[str, str]) -> Iterator[None]:
    """A project with three versions, and a deployment of the last."""
    project = hopsartifacts.login("my-project")
    for auc in (0.5, 0.875, 0.75):
        model = iris(project, metrics={"auc": auc}, tags={"stage": "test"})
    model.deploy("web")
    yield


def cli(_: Names, texts: dict[str, str]) -> Iterator[None]:
    """A folder with a model and a script."""
    iris(hopsartifacts.login("elsewhere"))
    Path("predictor.py").write_text(SCRIPT)
    texts["/data/"] = f"{Path.cwd()}/data/"
    yield


def contributing(_: Names, texts: dict[str, str]) -> Iterator[None]:
    """A clone, as far as its first change needs it."""
    for name in (
        "hopsartifacts",
        "tests/conftest.py",
        "tests/depth.py",
        "tests/in_place.py",
        *(f"tests/deployments/{it}.py" for it in SETTING_TESTS),
    ):
        target = Path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, target)
    shutil.copy(ROOT / "pyproject.toml", "pyproject.toml")
    texts[".venv/bin/pytest"] = f"PYTHONPATH={Path.cwd()} pytest"
    yield


def inference_log(_: Names, __: dict[str, str]) -> Iterator[None]:
    """A model in the default project."""
    iris(hopsartifacts.login())
    yield


def kserve(_: Names, __: dict[str, str]) -> Iterator[None]:
    """A deployment in the default project."""
    iris(hopsartifacts.login()).deploy()
    yield


def server(_: Names, texts: dict[str, str]) -> Iterator[None]:
    """A project."""
    texts["/data/"] = f"{Path.cwd()}/data/"
    iris(hopsartifacts.login("data/team"))
    yield


QUICKSTART = next(it.text for it in blocks("README.md") if it.language == "python")


def after_readme(names: Names) -> None:
    with redirect_stdout(StringIO()) as printed:
        exec(QUICKSTART, {})  # noqa: S102 - it can be run again
    assert "Deployment 'iris' exists: saved as its version 2" in printed.getvalue()
    assert "{'predictions': [0]}" in printed.getvalue()
    for version in (1, 2):
        files = Path(f"hopsartifacts-project/Models/iris/{version}/Files")
        assert (files / "model.joblib").is_file()
    deployment: Deployment = names["scripted"]
    deployment.start()
    assert deployment.predict(inputs=ROW) == {"predictions": [0]}
    deployment.stop()


def after_api(_: Names) -> None:
    model = hopsartifacts.login("served").get_model_registry().get_model("iris", 1)
    assert model.description == "Flowers. Checked."


def after_bundles(names: Names) -> None:
    assert names["site"].get_model_serving().get_deployment("iris").version == 1
    assert names["data"] == Path("model_dir/model.joblib").read_bytes()


def after_catalog(names: Names) -> None:
    assert names["best"].fetchall()[0] == ("iris", 2, 0.875, "test")
    assert names["leaders"].rows() == [("iris", 2, "auc", 0.875)]
    assert names["active"]["model_version"].tolist() == [3]
    assert names["active"]["deployment"].tolist() == ["web"]


def after_cli(names: Names) -> None:
    shown = CliRunner().invoke(names["command"], [])
    assert shown.output == "hopsartifacts-project\n"


def after_kserve(names: Names) -> None:
    address = "specification=" + names["deployment"].specification.digest
    for text in (Path("iris.yaml").read_text(), names["staged"]):
        assert address in text
    assert Path("staging.yaml").read_text() == names["staged"]


def after_serving(names: Names) -> None:
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [[0.0, 51.0]]}
    prepared = names["Transformer"]().preprocess({"inputs": [tensor]})
    assert prepared["inputs"][0]["data"] == [[0.0, 0.2]]


PREPARED: dict[str, Preparation] = {
    "CONTRIBUTING.md": contributing,
    "docs/api.md": api,
    "docs/backends-howto.md": backends_howto,
    "docs/bundles.md": bundles,
    "docs/catalog.md": catalog,
    "docs/cli.md": cli,
    "docs/inference-log.md": inference_log,
    "docs/kserve.md": kserve,
    "docs/server.md": server,
}
"""What a page needs before its first block."""

CHECKED: dict[str, Check] = {
    "README.md": after_readme,
    "docs/api.md": after_api,
    "docs/bundles.md": after_bundles,
    "docs/catalog.md": after_catalog,
    "docs/cli.md": after_cli,
    "docs/kserve.md": after_kserve,
    "docs/serving.md": after_serving,
}
"""What is true after the last block of a page, beside what it says it prints."""


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOPSARTIFACTS_URL", raising=False)
    # So commands find what tests have prepared, and the other way round.
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS}))
def test_the_blocks_of_a_page_run(page: str) -> None:
    names: Names = {"__name__": "page"}
    texts: dict[str, str] = {}
    with contextmanager(PREPARED.get(page, _nothing))(names, texts):
        for block in blocks(page):
            parse(block)
            if not block.not_run:
                run(block, names, texts)
        CHECKED.get(page, _no_check)(names)


def _nothing(_: Names, __: dict[str, str]) -> Iterator[None]:
    yield


def _no_check(_: Names) -> None:
    pass


def test_every_reason_for_not_running_is_known_and_used() -> None:
    assert {block.not_run for block in BLOCKS if block.not_run} == NOT_RUN


def test_the_quickstart_is_short() -> None:
    assert len(QUICKSTART.splitlines()) <= 15


def commands() -> Iterator[tuple[str, str]]:
    """Yield each call of the command line in a block, also of those that do not run."""
    for block in BLOCKS:
        if block.language == "sh":
            text = block.text.replace("\\\n", " ")
            for call in re.findall(
                r"(?:^|\| |/)hopsartifacts (.+?)(?: > .+)?$", text, re.MULTILINE
            ):
                yield block.place, call


@pytest.mark.parametrize(("place", "call"), list(commands()))
def test_commands_are_understood(
    place: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("[[1.0, 2.0]]"))
    Path("options.json").write_text("{}")
    words = shlex.split(call, comments=True)
    command: click.Command = app
    while isinstance(command, click.Group) and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    if words != ["--help"]:
        command.make_context(place, words)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headlines, as they are made by forges."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", it.lower()).replace(" ", "-") for it in titles}


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md", "SECURITY.md"])
def test_links_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text("utf-8")):
        if not re.match(r"\w+:", link):
            path, _, anchor = link.partition("#")
            target = (ROOT / page).parent / path if path else ROOT / page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_the_readme_leads_to_every_page() -> None:
    links = set(re.findall(r"\]\((docs/[^)#\s]+)", (ROOT / "README.md").read_text()))
    pages = {page for page in PAGES if page.startswith("docs/")}
    assert {page for page in pages if "decisions/0" not in page} <= links
