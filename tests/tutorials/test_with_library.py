"""Scripts as in the vendor's tutorials, deployed by the library."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import InferenceBatcher, Project
from tests.tutorials.table import TUTORIALS, Tutorial, save_model


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project with the tutorials' model."""
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    project = hopsartifacts.login(tmp_path / "project")
    save_model(project, tmp_path / "model")
    yield project
    for deployment in project.get_model_serving().get_deployments():
        deployment.delete(force=True)


def started(project: Project, tutorial: Tutorial, **settings: Any) -> Any:
    transformer = tutorial.transformer
    if transformer is not None:
        serving = project.get_model_serving()
        settings["transformer"] = serving.create_transformer(script_file=transformer)
    model = project.get_model_registry().get_model("fitted")
    deployment = model.deploy(tutorial.name, script_file=tutorial.predictor, **settings)
    deployment.start()
    return deployment


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda it: it.name)
def test_a_tutorials_scripts_run_from_the_library(
    project: Project, tutorial: Tutorial
) -> None:
    deployment = started(project, tutorial)
    assert deployment.predict(data=tutorial.asked) == tutorial.answer


@pytest.mark.parametrize(
    "tutorial",
    [it for it in TUTORIALS if it.transformer is not None],
    ids=lambda it: it.name,
)
def test_they_run_with_a_batcher_and_answer_a_golden_request(
    project: Project, tutorial: Tutorial
) -> None:
    deployment = started(
        project, tutorial, inference_batcher=InferenceBatcher(enabled=True)
    )
    deployment.record_golden(tutorial.asked)
    deployment.description = "the next version"
    deployment.save()
    assert deployment.predict(data=tutorial.asked) == tutorial.answer
