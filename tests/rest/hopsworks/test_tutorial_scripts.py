"""Scripts as in the vendor's tutorials, deployed by the server and asked there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts.project import Project
from hopsartifacts.rest.hosted import Hosted
from tests.rest.front.conftest import opened
from tests.rest.hopsworks.wire import Serving, of_5_2, with_transformer
from tests.tutorials.table import TUTORIALS, Tutorial, save_model


@pytest.fixture
def served(
    client: TestClient, project: Project, hosted: Hosted, tmp_path: Path
) -> Iterator[Serving]:
    """The serving part of the surface, before a project with the tutorials' model."""
    save_model(project, tmp_path / "model", name="my_model")
    yield Serving(client, hosted.project_id)
    for deployment in project.get_model_serving().get_deployments():
        deployment.stop(10)


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda it: it.name)
def test_a_tutorials_scripts_run_from_the_server(
    served: Serving, project: Project, upload: Any, tutorial: Tutorial
) -> None:
    parts = {"predictor": upload("predict.py", tutorial.predictor.read_text())}
    if tutorial.transformer is not None:
        path = upload("transform.py", tutorial.transformer.read_text())
        parts |= with_transformer(path)
    served.saved(of_5_2(project, name=tutorial.name, **parts))
    # The surface starts it as well, and clients then ask for its state.
    project.get_model_serving().get_deployment(tutorial.name).start(60)
    url = f"{served.project}/inference/models/{tutorial.name}:predict"
    assert served.client.post(url, json=tutorial.asked).json() == tutorial.answer
    with opened(project) as front, front.client() as client:
        path = f"{front.path(tutorial.name)}/v1/models/{tutorial.name}:predict"
        assert client.post(path, json=tutorial.asked).json() == tutorial.answer
