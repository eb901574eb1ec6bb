"""Environment variables that users give their scripts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts import Model, ModelServing, Project
from hopsartifacts.deployments.parts import RESERVED
from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.process_environment import deployment_variables
from hopsartifacts.testing.states_only import StatesOnly


@pytest.fixture
def model(save_model: Callable[..., Model]) -> Model:
    return save_model("m", framework="sklearn")


def test_they_are_sealed_and_reach_the_launch(
    model: Model, ms: ModelServing, backend: StatesOnly
) -> None:
    model.deploy("d", env_vars={"THRESHOLD": "0.5", "A": ""}).start()
    found = ms.get_deployment("d")
    assert found.env_vars == {"A": "", "THRESHOLD": "0.5"}
    assert backend.running["d"].env_vars == found.env_vars
    found.env_vars = {"THRESHOLD": "0.5", "A": ""}
    found.save()
    assert found.version == 1
    found.env_vars = None
    found.save()
    assert ms.get_deployment("d").env_vars == {}
    assert backend.running["d"].env_vars == {}
    found.rollback(1)
    assert found.env_vars == {"A": "", "THRESHOLD": "0.5"}


def test_what_is_changed_in_place_is_saved_and_checked(
    model: Model, ms: ModelServing
) -> None:
    deployment = model.deploy("d", env_vars={"A": "1"})
    deployment.env_vars["B"] = "2"
    deployment.save()
    assert ms.get_deployment("d").env_vars == {"A": "1", "B": "2"}
    assert deployment.get_versions()[1].specification.env_vars == {"A": "1"}
    deployment.env_vars["MODEL_NAME"] = "mine"
    with pytest.raises(InvalidDeploymentError, match="MODEL_NAME is set by"):
        deployment.save()


def test_two_deployments_of_one_predictor_have_their_own(
    model: Model, ms: ModelServing
) -> None:
    given = {"A": "1"}
    predictor = ms.create_predictor(model, env_vars=given)
    first = ms.create_deployment(predictor, "first")
    second = ms.create_deployment(predictor, "second")
    first.env_vars["B"] = "2"
    first.save()
    second.save()
    assert second.env_vars == predictor.env_vars == given == {"A": "1"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["A=1"], "env_vars is a list: give a dict"),
        ({"": "1"}, "'' is not a variable's name"),
        ({"1A": "1"}, "'1A' is not a variable's name"),
        ({"A=B": "1"}, "'A=B' is not"),
        ({"A\n": "1"}, "is not a variable's name"),
        ({"Ä": "1"}, "is not a variable's name"),
        ({5: "1"}, "5 is not a variable's name"),
        ({"MODEL_FILES_PATH": "/"}, "MODEL_FILES_PATH is set by the deployment"),
        ({"SERVING_ANYTHING": "1"}, "SERVING_ANYTHING is set by"),
        ({"HOPSWORKS_PROJECT_ID": "1"}, "is set by the deployment itself"),
        ({"HOPSARTIFACTS_MAX_REQUEST_BYTES": "1"}, "is set by the deployment itself"),
        ({"PYTHONPATH": "/x"}, "PYTHONPATH would keep the server from starting"),
        ({"A": 5}, "the value of A is 5: give a text, like '5'"),
        ({"A": None}, "the value of A is None"),
        ({"A": "\0"}, "the value of A is"),
        ({"A": "\ud800"}, "the value of A is"),
    ],
)
def test_what_no_variable_can_be_is_refused(
    model: Model, ms: ModelServing, given: Any, words: str
) -> None:
    with pytest.raises(InvalidDeploymentError, match=words):
        model.deploy("d", env_vars=given)
    assert ms.get_deployments() == []


def test_all_that_a_deployment_sets_itself_is_reserved(
    model: Model,
    backend: StatesOnly,
    transformer_script: Any,
    ms: ModelServing,
    tmp_path: Path,
) -> None:
    transformer = ms.create_transformer(transformer_script)
    script = transformer_script.with_name("predict.py")
    script.write_text("class Predictor:\n    pass\n")
    model.deploy(
        "d", script_file=script, config_file=script, transformer=transformer
    ).start()
    place = str(tmp_path)
    launch = Launch(
        **msgspec.structs.asdict(backend.running["d"]),
        model_files_path=place,
        artifact_files_path=place,
    )
    assert set(deployment_variables(launch)) <= RESERVED


def test_scripts_find_them(
    local_project: Project,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
) -> None:
    pytest.importorskip("uvicorn", reason="needs the extra serving")
    script = make_script(
        """
        import os

        AT_IMPORT = os.environ["THRESHOLD"]

        class Predictor:
            def predict(self, inputs):
                return [AT_IMPORT, os.environ["MODEL_NAME"]]
        """
    )
    model = local_project.get_model_registry().python.create_model("m")
    model.save(make_files())
    deployment = model.deploy("d", script_file=script, env_vars={"THRESHOLD": "0.5"})
    deployment.start()
    try:
        assert deployment.predict(inputs=[1]) == {"predictions": ["0.5", "m"]}
        deployment.env_vars = {"THRESHOLD": "0.75"}
        deployment.save()
        deployment.restart()
        assert deployment.predict(inputs=[1]) == {"predictions": ["0.75", "m"]}
    finally:
        deployment.stop()
