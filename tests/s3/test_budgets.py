"""How many requests an operation costs on S3, counted by a proxy, with nothing known.

Each runs in a project that was just opened, which itself is one request.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from hopsartifacts.store.compaction import compact

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.artifacts.documents import ArtifactSource, Asked
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.registry.versions import model_log
from tests.in_place import InPlace
from tests.s3.conftest import Server
from tests.s3.proxy import Proxy

NAME = "m"
FILES = 5
MANY = 1000
SCRIPT = "class Predictor:\n    def predict(self, inputs): return {answer}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "model").mkdir()
    for number in range(FILES):
        (tmp_path / "model" / f"{number}.bin").write_bytes(os.urandom(100 + number))
    (tmp_path / "predict.py").write_text(SCRIPT.format(answer="inputs"))
    return tmp_path


@pytest.fixture
def opened(
    s3: Server, proxy: Proxy, bucket: str
) -> Callable[[], tuple[Project, Callable[[], list[str]]]]:
    """Open the project anew and return it with a function that names its requests."""
    url = f"s3://{bucket}/p"

    def cold() -> tuple[Project, Callable[[], list[str]]]:
        project = hopsartifacts.login(
            url, storage_options=Server(proxy.endpoint).options()
        )
        proxy.plan()
        return project, lambda: [f"{it.method} {it.target}" for it in proxy.seen()]

    # Begun, so that the root is marked.
    hopsartifacts.login(url, storage_options=s3.options()).get_dataset_api()
    return cold


Opened = Callable[[], tuple[Project, Callable[[], list[str]]]]


def save(project: Project, folder: Path, name: str = NAME) -> Model:
    model = project.get_model_registry().python.create_model(name)
    return model.save(folder / "model")


def changed(folder: Path) -> Path:
    """Give every file another size, so that none of them is there already."""
    for path in (folder / "model").iterdir():
        path.write_bytes(path.read_bytes() + os.urandom(50))
    return folder


def test_saving_costs_four_requests_besides_the_files(
    opened: Opened, folder: Path
) -> None:
    first, requests = opened()
    save(first, folder, "first-of-all")
    # A new model in a project that is there.
    project, requests = opened()
    save(project, folder)
    assert len(requests()) <= FILES + 4, "\n".join(requests())
    # A further version, by somebody who has seen nothing of the first.
    project, requests = opened()
    model = save(project, changed(folder))
    assert len(requests()) <= FILES + 4, "\n".join(requests())
    # One more, after something else happened to the model. What is newest, and so is
    # worth a look, is told by times, which servers tell in whole seconds.
    time.sleep(1.1)
    model.set_tag("colour", "red")
    model.set_alias("champion")
    project, requests = opened()
    save(project, changed(folder))
    assert len(requests()) <= FILES + 4, "\n".join(requests())
    assert project.verify().ok


def test_a_version_is_one_request_and_the_latest_two(
    opened: Opened, folder: Path
) -> None:
    project, _ = opened()
    ids = [save(project, changed(folder)).id for _ in range(3)]
    project.get_model_registry().get_model(NAME, 1).set_tag("colour", "red")

    project, requests = opened()
    assert project.get_model_registry().get_model(NAME, 2).id == ids[1]
    assert len(requests()) == 1, requests()

    project, requests = opened()
    assert project.get_model_registry().get_model(NAME).id == ids[2]
    assert len(requests()) == 2, requests()


def script(content: bytes) -> tuple[ArtifactSource, ...]:
    return (
        ArtifactSource(role="predictor", name="p.py", chunks=lambda: iter([content])),
    )


@pytest.mark.parametrize("asked", [None, "CREATE"])
def test_an_artifact_is_made_in_four_requests_and_found_in_two(
    opened: Opened, folder: Path, asked: Asked
) -> None:
    project, _ = opened()
    save(project, folder)
    for number, expected in ((1, 4), (2, 4), (3, 4)):
        project, requests = opened()
        store = ArtifactStore(project.storage, NAME, 1)
        made = store.save(script(b"script %d" % number), asked)
        assert (made.version, made.is_new) == (number, True)
        assert len(requests()) <= expected, requests()
    project, requests = opened()
    found = ArtifactStore(project.storage, NAME, 1).save(script(b"script 2"), None)
    assert (found.version, found.is_new) == (2, False)
    assert len(requests()) == 2, requests()
    assert project.verify().ok


def test_a_thousand_versions_are_listed_in_five_requests(
    opened: Opened, s3: Server, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "weights").write_bytes(b"w")
    made = Project(InPlace(f"thousand/{uuid4().hex}"))
    mr = made.get_model_registry()
    for number in range(MANY):
        model = mr.python.create_model(NAME, metrics={"loss": 1 / (1 + number)})
        model.save(tmp_path / "weights")
        if number % 100 == 99:
            compact(model_log(made.storage, NAME))
    there = hopsartifacts.login(f"s3://{bucket}/p", storage_options=s3.options())
    logs = [entry.path for entry in made.storage.find(f"Models/{NAME}/_log")]

    def carry(path: str) -> None:
        there.storage.write(path, [made.storage.read(path)])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(carry, [".hopsartifacts/project.json", *logs]))

    project, requests = opened()
    listed = project.get_model_registry().get_models(NAME)
    assert [model.version for model in listed] == list(range(1, MANY + 1))
    assert listed[-1].training_metrics == {"loss": 1 / MANY}
    assert len(requests()) <= 5, requests()
    best = project.get_model_registry().get_best_model(NAME, "loss", "min")
    assert best is not None
    assert best.version == MANY
