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
    """Those with a transformer run with a batcher, and answer a golden request.

    All of them run without a batcher in tests/rest/hopsworks/test_tutorial_scripts.py.
    """
    if tutorial.transformer is None:
        deployment = started(project, tutorial)
    else:
        batcher = InferenceBatcher(enabled=True)
        deployment = started(project, tutorial, inference_batcher=batcher)
        golden = deployment.record_golden(tutorial.asked)
        assert golden.answer == tutorial.answer
    assert deployment.predict(data=tutorial.asked) == tutorial.answer
