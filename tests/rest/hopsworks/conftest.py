"""The dataset API, and a project with a model whose deployments only know states."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hopsartifacts.project import Project
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.testing.states_only import StatesOnly
from tests.rest.hopsworks.dataset_wire import Wire
from tests.rest.hopsworks.wire import Serving

PREDICTOR = "class Predict:\n    def predict(self, inputs): return inputs\n"
TRANSFORMER = "class Transformer:\n    def preprocess(self, inputs): return inputs\n"


@pytest.fixture
def backend() -> StatesOnly:
    return StatesOnly()


@pytest.fixture
def serving_project(project: Project, backend: StatesOnly) -> Project:
    """The project, whose deployments start and do not run."""
    return Project(project.storage, backend=backend)


@pytest.fixture
def save_model(project: Project, tmp_path: Path) -> Callable[..., None]:
    """Save a version of ``my_model``, or of another name or framework."""

    def save(framework: str = "sklearn", name: str = "my_model") -> None:
        folder = tmp_path / "weights"
        folder.mkdir(exist_ok=True)
        (folder / "weights.bin").write_bytes(b"weights")
        registry = project.get_model_registry()
        getattr(registry, framework).create_model(name).save(folder)

    return save


@pytest.fixture
def upload(project: Project, tmp_path: Path) -> Callable[..., str]:
    """Put a script into ``Resources`` and return its absolute path there."""

    def up(name: str, code: str) -> str:
        path = tmp_path / name
        path.write_text(code)
        inside = project.get_dataset_api().upload(path, overwrite=True)
        return f"/Projects/{project.name}/{inside}"

    return up


@pytest.fixture
def predictor(upload: Callable[..., str]) -> str:
    """Where a predictor's script is."""
    return upload("predict.py", PREDICTOR)


@pytest.fixture
def transformer(upload: Callable[..., str]) -> str:
    """Where a transformer's script is."""
    return upload("transform.py", TRANSFORMER)


@pytest.fixture
def hosted_serving(hosted: Hosted, serving_project: Project) -> Hosted:
    """What the application serves, where deployments only know states."""
    hosted.project = serving_project
    return hosted


@pytest.fixture
def serving(client: TestClient, hosted_serving: Hosted) -> Serving:
    """The serving part of the surface."""
    return Serving(client, hosted_serving.project_id)


@pytest.fixture
def wire(client: TestClient, hosted: Hosted) -> Wire:
    """The dataset API of that server."""
    return Wire(client, hosted)
