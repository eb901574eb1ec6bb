"""The Hopsworks guide on creating a deployment: pasted, with one line changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

import hopsartifacts
from tests import guide
from tests.guide import (
    OPTION_A,
    OPTION_B_DEPLOYMENT,
    OPTION_B_PREDICTOR,
    OPTION_B_SERVING,
)

CONNECT = guide.CONNECT.replace("import hopsworks", "import hopsartifacts as hopsworks")


@pytest.fixture(params=["local", "memory"])
def paste(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clear_memory: None,  # noqa: ARG001 - a fixture
) -> Callable[..., dict[str, Any]]:
    """Run pasted snippets in a project that holds the guide's model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOPSARTIFACTS_URL", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if request.param == "memory":
        monkeypatch.setenv("HOPSARTIFACTS_URL", "memory://guide")
    folder = tmp_path / "model"
    folder.mkdir()
    joblib.dump(LogisticRegression().fit([[0], [1]], [0, 1]), folder / "model.pkl")
    registry = hopsartifacts.login().get_model_registry()
    registry.sklearn.create_model("my_model").save(folder)

    def run(*snippets: str) -> dict[str, Any]:
        names: dict[str, Any] = {}
        for snippet in snippets:
            exec(snippet, names)  # noqa: S102 - what a user pastes
        return names

    return run


def check(deployment: Any) -> None:
    assert deployment.name == "mymodel"
    assert deployment.version == 1
    assert (deployment.model_name, deployment.model_version) == ("my_model", 1)
    assert deployment.artifact_version == 0
    assert deployment.serving_tool == "KSERVE"
    assert deployment.api_protocol == "REST"
    assert deployment.resources.to_dict() == {
        "num_instances": 1,
        "requests": {"cores": 0.2, "memory": 32, "gpus": 0},
        "limits": {"cores": 2.0, "memory": 1024, "gpus": 0},
    }


def test_option_a_deploys_the_model(paste: Callable[..., dict[str, Any]]) -> None:
    check(paste(CONNECT, OPTION_A)["my_deployment"])


def test_option_b_deploys_a_predictor(paste: Callable[..., dict[str, Any]]) -> None:
    check(paste(CONNECT, OPTION_B_SERVING, OPTION_B_PREDICTOR)["my_deployment"])


def test_option_b_saves_a_deployment_of_it(
    paste: Callable[..., dict[str, Any]],
) -> None:
    """The guide runs on: the deployment of that name is there already."""
    names = paste(CONNECT, OPTION_B_SERVING, OPTION_B_PREDICTOR, OPTION_B_DEPLOYMENT)
    check(names["my_deployment"])
    assert len(names["ms"].get_deployments()) == 1


def test_both_options_are_one_deployment(paste: Callable[..., dict[str, Any]]) -> None:
    options = [OPTION_A, OPTION_B_SERVING, OPTION_B_PREDICTOR, OPTION_B_DEPLOYMENT]
    check(paste(CONNECT, *options)["my_deployment"])
