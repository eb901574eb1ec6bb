"""Projects whose deployments only know states, and what is asked of their API."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.testing.states_only import StatesOnly

Get = Callable[..., Any]


@pytest.fixture
def backend() -> StatesOnly:
    return StatesOnly()


@pytest.fixture
def project(tmp_path: Path, backend: StatesOnly) -> Project:
    storage = hopsartifacts.login(str(tmp_path / "demo")).storage
    return Project(storage, backend=backend)


@pytest.fixture
def get(client: TestClient) -> Get:
    """Return the JSON of a path that answers 200."""

    def get(path: str, /, **query: Any) -> Any:
        answer = client.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get


@pytest.fixture
def finished(get: Get) -> Callable[[Any], Any]:
    """Return the job that an answer is about, once it has ended."""

    def wait(answer: Any) -> Any:
        assert answer.status_code == 202, answer.text
        path = answer.headers["location"].removeprefix("/api/v1")
        for _ in range(400):
            job = get(path)
            if job["status"] != "running":
                return job
            time.sleep(0.02)
        raise AssertionError(job)

    return wait


@pytest.fixture
def deployed(
    project: Project,
    save_model: Callable[..., Model],
    make_script: Callable[..., Path],
) -> Callable[..., Any]:
    """Save a model and a deployment of it."""

    def deploy(name: str = "flowers", model: str = "my_model", **settings: Any) -> Any:
        saved = save_model(model)
        assert saved.project_name == project.name
        return saved.deploy(name, script_file=make_script(), **settings)

    return deploy
