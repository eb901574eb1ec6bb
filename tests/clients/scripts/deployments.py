"""Deployments, as both generations of the client handle them."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from common import (
    PROJECT,
    RELEASE,
    UPLOADS_SCRIPTS,
    contents,
    folder,
    missing,
    refused,
)
from hopsworks_common.client.exceptions import ModelServingException, RestAPIError
from hsml.inference_batcher import InferenceBatcher
from hsml.inference_logger import InferenceLogger
from hsml.resources import PredictorResources, Resources, TransformerResources
from hsml.transformer import Transformer

PREDICTOR = """
import os


class Predict(object):
    def __init__(self):
        with open(os.environ["MODEL_FILES_PATH"] + "/model.bin") as file:
            print("loaded", file.read(), flush=True)

    def predict(self, inputs):
        return [[{factor} * value for value in row] for row in inputs]
"""

TRANSFORMER = """
class Transformer(object):
    def __init__(self):
        print("the transformer is up", flush=True)

    def preprocess(self, inputs):
        rows = inputs["instances"] if "instances" in inputs else inputs["inputs"]
        return {"instances": [[value + 1 for value in row] for row in rows]}

    def postprocess(self, outputs):
        return [[value + 100 for value in row] for row in outputs["predictions"]]
"""

WHILE_STARTING = 120


def saved_model(project: Any, name: str, framework: str = "python") -> Any:
    """Return version 1 of a model; save it if it is not there."""
    registry = project.get_model_registry()
    try:
        found = registry.get_model(name, 1)
    except RestAPIError:
        found = None
    if found is None:
        place = folder(f"model-{name}", {"model.bin": "weights"})
        found = getattr(registry, framework).create_model(name).save(place)
    return found


def script(project: Any, name: str, code: str) -> str:
    """Return the path of a script that ``deploy`` takes.

    Releases before 5 know only files in the project; later ones send local ones.
    """
    Path("local").mkdir(exist_ok=True)
    local = Path("local", name).absolute()
    local.write_text(code)
    if UPLOADS_SCRIPTS:
        return str(local)
    files = project.get_dataset_api()
    if not files.exists("Resources/scripts"):
        files.mkdir("Resources/scripts")
    files.upload(str(local), "Resources/scripts", overwrite=True)
    return f"/Projects/{PROJECT}/Resources/scripts/{name}"


def printed(call: Any) -> str:
    """Return what *call* prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        call()
    return out.getvalue()


def from_the_model(project: Any) -> None:
    """The guide's option A, with all that there is to set."""
    model = saved_model(project, "deployed_one")
    deployment = model.deploy(
        name="optiona",
        description="From the model",
        script_file=script(project, "times2.py", PREDICTOR.format(factor=2)),
        resources=PredictorResources(
            num_instances=1,
            requests=Resources(cores=0.3, memory=64, gpus=0),
            limits=Resources(cores=1, memory=512, gpus=0),
        ),
        transformer=Transformer(
            script_file=script(project, "around.py", TRANSFORMER),
            resources=TransformerResources(num_instances=1),
        ),
        inference_batcher=InferenceBatcher(
            enabled=True, max_batch_size=4, max_latency=5, timeout=5
        ),
    )
    assert deployment.id is not None
    assert deployment.name == "optiona"
    assert deployment.model_name == "deployed_one"
    assert deployment.model_version == 1
    assert deployment.model_server == "PYTHON"
    assert deployment.serving_tool == "KSERVE"
    assert deployment.api_protocol == "REST"
    assert Path(deployment.script_file).name == "times2.py"
    assert Path(deployment.transformer.script_file).name == "around.py"
    assert deployment.resources.requests.cores == 0.3
    assert deployment.resources.requests.memory == 64
    assert deployment.resources.limits.cores == 1
    assert deployment.resources.limits.memory == 512
    assert deployment.inference_batcher.enabled
    assert deployment.inference_batcher.max_batch_size == 4
    assert deployment.requested_instances == 2
    assert deployment.is_stopped()
    assert deployment.get_state().status in {"Created", "Stopped"}
    assert deployment.get_url()


def it_is_found(project: Any) -> None:
    serving = project.get_model_serving()
    found = serving.get_deployment("optiona")
    assert found.description == "From the model"
    assert found.resources.requests.memory == 64
    assert serving.get_deployment_by_id(found.id).name == "optiona"
    assert [it.name for it in serving.get_deployments()] == ["optiona"]
    model = project.get_model_registry().get_model("deployed_one", 1)
    assert [it.name for it in serving.get_deployments(model=model)] == ["optiona"]
    assert serving.get_deployments(model=saved_model(project, "deployed_two")) == []
    assert found.get_model().id == model.id
    assert missing(lambda: serving.get_deployment("nothing"))
    assert missing(lambda: serving.get_deployment_by_id(f"nothing-{'0' * 32}"))
    assert missing(lambda: serving.get_deployment_by_id(17))


def it_runs(project: Any) -> None:
    deployment = project.get_model_serving().get_deployment("optiona")
    with refused(ModelServingException, says="not created or running"):
        deployment.predict(inputs=[[1, 2]])
    deployment.start(await_running=WHILE_STARTING)
    assert deployment.is_running()
    state = deployment.get_state()
    assert state.status == "Running"
    assert state.available_predictor_instances == 1, state.available_predictor_instances
    answer = deployment.predict(inputs=[[1, 2], [3, 4]])
    assert answer == {"predictions": [[104, 106], [108, 110]]}, answer
    assert deployment.predict(inputs=[1, 2]) == {"predictions": [[104, 106]]}
    data = {"instances": [[0, 0]]}
    assert deployment.predict(data=data) == {"predictions": [[102, 102]]}
    assert deployment.predict(data={"inputs": [[0, 0]]}) is not None
    with refused(RestAPIError):
        deployment.predict(inputs=[["text", None]])
    assert deployment.predict(inputs=[[1, 2]]) == {"predictions": [[104, 106]]}
    assert "already running" in printed(deployment.start)
    with refused(ModelServingException, says="stop"):
        deployment.delete()


def it_logs(project: Any) -> None:
    deployment = project.get_model_serving().get_deployment("optiona")
    said = printed(lambda: deployment.get_logs(tail=1000))
    assert "loaded weights" in said, said
    said = printed(lambda: deployment.get_logs(component="transformer", tail=1000))
    assert "the transformer is up" in said, said
    if hasattr(deployment, "read_logs"):
        assert "loaded weights" in deployment.read_logs(tail=1000)


def its_files_are_downloaded(project: Any) -> None:
    deployment = project.get_model_serving().get_deployment("optiona")
    back = contents(deployment.download_artifact_files())
    assert back["predictor-times2.py"] == PREDICTOR.format(factor=2).encode(), back
    assert back["transformer-around.py"] == TRANSFORMER.encode()
    assert set(back) == {"predictor-times2.py", "transformer-around.py"}, set(back)


def it_is_updated_while_it_runs(project: Any) -> None:
    serving = project.get_model_serving()
    deployment = serving.get_deployment("optiona")
    number = deployment.artifact_version
    deployment.script_file = script(project, "times3.py", PREDICTOR.format(factor=3))
    deployment.save(await_update=WHILE_STARTING)
    assert deployment.predict(inputs=[[1, 2]]) == {"predictions": [[106, 109]]}
    found = serving.get_deployment("optiona")
    assert Path(found.script_file).name == "times3.py"
    assert Path(found.transformer.script_file).name == "around.py"
    assert found.artifact_version is not None
    if RELEASE < (4, 6):
        assert found.artifact_version == number + 1
    back = contents(found.download_artifact_files())
    assert set(back) == {"predictor-times3.py", "transformer-around.py"}, set(back)


def saving_what_did_not_change_changes_nothing(project: Any) -> None:
    serving = project.get_model_serving()
    deployment = serving.get_deployment("optiona")
    number = deployment.artifact_version
    deployment.save(await_update=WHILE_STARTING)
    found = serving.get_deployment("optiona")
    assert found.artifact_version == number
    assert found.predict(inputs=[[1, 2]]) == {"predictions": [[106, 109]]}


def an_earlier_script_comes_back(project: Any) -> None:
    """Whatever number its artifact has: releases before 4.6 ask for a new one."""
    serving = project.get_model_serving()
    deployment = serving.get_deployment("optiona")
    deployment.script_file = script(project, "times2.py", PREDICTOR.format(factor=2))
    deployment.save(await_update=WHILE_STARTING)
    assert deployment.predict(inputs=[[1, 2]]) == {"predictions": [[104, 106]]}
    back = contents(serving.get_deployment("optiona").download_artifact_files())
    assert set(back) == {"predictor-times2.py", "transformer-around.py"}, set(back)
    assert back["predictor-times2.py"] == PREDICTOR.format(factor=2).encode()


def resources_are_updated(project: Any) -> None:
    serving = project.get_model_serving()
    deployment = serving.get_deployment("optiona")
    deployment.resources = PredictorResources(
        num_instances=1,
        requests=Resources(cores=0.5, memory=128, gpus=0),
        limits=Resources(cores=2, memory=1024, gpus=0),
    )
    deployment.save(await_update=WHILE_STARTING)
    found = serving.get_deployment("optiona")
    assert found.resources.requests.cores == 0.5
    assert found.resources.requests.memory == 128


def it_stops_and_is_deleted(project: Any) -> None:
    serving = project.get_model_serving()
    deployment = serving.get_deployment("optiona")
    deployment.stop()
    assert deployment.is_stopped()
    assert deployment.get_state().status == "Stopped"
    with refused(ModelServingException, says="not created or running"):
        deployment.predict(inputs=[[1, 2]])
    assert "already stopped" in printed(deployment.stop)
    deployment.delete()
    assert missing(lambda: serving.get_deployment("optiona"))
    assert serving.get_deployments() == []
    with refused(ModelServingException, says="not found"):
        deployment.get_state()


def from_a_predictor(project: Any) -> None:
    """The guide's option B: predictor, transformer and deployment made one by one."""
    serving = project.get_model_serving()
    model = saved_model(project, "deployed_two", "torch")
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    transformer = serving.create_transformer(
        script_file=script(project, "around.py", TRANSFORMER)
    )
    predictor = serving.create_predictor(
        model,
        name="optionb",
        script_file=path,
        transformer=transformer,
        inference_logger=InferenceLogger(mode="ALL"),
    )
    deployment = serving.create_deployment(predictor)
    assert deployment.id is None
    deployment.save()
    assert deployment.id is not None
    found = serving.get_deployment("optionb")
    assert found.model_server == "PYTHON"
    assert found.inference_logger.mode == "ALL", found.inference_logger.mode
    assert found.resources.requests.cores == 0.2
    assert found.resources.limits.memory == 1024
    found.start(await_running=WHILE_STARTING)
    assert found.predict(inputs=[[1, 2]]) == {"predictions": [[104, 106]]}
    found.delete(force=True)
    assert missing(lambda: serving.get_deployment("optionb"))
    # The name is free again, and is another deployment.
    again = model.deploy(name="optionb", script_file=path)
    assert again.id != found.id
    again.delete()


def the_same_name_twice(project: Any) -> None:
    """For the same model it is that deployment, for another one a mistake."""
    serving = project.get_model_serving()
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    first = saved_model(project, "deployed_one")
    second = saved_model(project, "deployed_two", "torch")
    made = first.deploy(name="twice", script_file=path)
    assert first.deploy(name="twice", script_file=path).id == made.id
    with refused():
        second.deploy(name="twice", script_file=path)
    assert serving.get_deployment("twice").model_name == "deployed_one"
    made.delete()


def an_idle_name_of_the_model(project: Any) -> None:
    """The default name has no character that a deployment's may not have."""
    serving = project.get_model_serving()
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    deployment = saved_model(project, "deployed_one").deploy(script_file=path)
    assert deployment.name == "deployedone", deployment.name
    assert serving.get_deployment("deployedone").id == deployment.id
    deployment.delete()


def a_failing_script_is_reported(project: Any) -> None:
    serving = project.get_model_serving()
    model = saved_model(project, "deployed_one")
    code = "class Predict:\n    def __init__(self):\n        raise OSError('no disk')\n"
    code += "    def predict(self, inputs):\n        return inputs\n"
    deployment = model.deploy(
        name="failing", script_file=script(project, "failing.py", code)
    )
    with refused(ModelServingException):
        deployment.start(await_running=WHILE_STARTING)
    assert deployment.get_state().status == "Failed"
    assert deployment.get_state().condition.reason
    serving.get_deployment("failing").delete(force=True)
    assert serving.get_deployments() == []


def on_the_default_tool(project: Any) -> None:
    serving = project.get_model_serving()
    model = saved_model(project, "deployed_one")
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    predictor = serving.create_predictor(
        model, name="plain", script_file=path, serving_tool="DEFAULT"
    )
    deployment = predictor.deploy()
    assert deployment.serving_tool == "DEFAULT"
    deployment.start(await_running=WHILE_STARTING)
    assert deployment.predict(inputs=[[1, 2]]) == {"predictions": [[2, 4]]}
    deployment.stop()
    deployment.delete()


STEPS = (
    from_the_model,
    it_is_found,
    it_runs,
    it_logs,
    its_files_are_downloaded,
    it_is_updated_while_it_runs,
    saving_what_did_not_change_changes_nothing,
    an_earlier_script_comes_back,
    resources_are_updated,
    it_stops_and_is_deleted,
    from_a_predictor,
    the_same_name_twice,
    an_idle_name_of_the_model,
    a_failing_script_is_reported,
    on_the_default_tool,
)
