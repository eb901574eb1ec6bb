"""What the client lets pass and the server must not."""

from __future__ import annotations

from typing import Any

from common import RELEASE, UPLOADS_SCRIPTS, refused
from deployments import PREDICTOR, TRANSFORMER, saved_model, script
from hopsworks_common.client.exceptions import RestAPIError
from hsml.inference_batcher import InferenceBatcher
from hsml.resources import PredictorResources, Resources
from hsml.transformer import Transformer


def names_that_are_none(project: Any) -> None:
    model = saved_model(project, "refused")
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    for name in ("a_b", "a-b", "a b", "ä", "a.b", "../up", "a" * 46, "a/b"):
        with refused():
            model.deploy(name=name, script_file=path)


def requests_above_limits(project: Any) -> None:
    model = saved_model(project, "refused")
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    with refused(ValueError, RestAPIError, says="limit"):
        model.deploy(
            name="greedy",
            script_file=path,
            resources=PredictorResources(
                num_instances=1,
                requests=Resources(cores=3, memory=32, gpus=0),
                limits=Resources(cores=2, memory=1024, gpus=0),
            ),
        )


def a_transformer_on_the_default_tool(project: Any) -> None:
    model = saved_model(project, "refused")
    with refused(says="ransformer", status=400):
        model.deploy(
            name="transforming",
            serving_tool="DEFAULT",
            script_file=script(project, "times2.py", PREDICTOR.format(factor=2)),
            transformer=Transformer(
                script_file=script(project, "around.py", TRANSFORMER)
            ),
        )


def grpc_on_the_default_tool(project: Any) -> None:
    model = saved_model(project, "refused")
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    with refused(says="gRPC", status=400):
        model.deploy(
            name="calling",
            serving_tool="DEFAULT",
            script_file=path,
            api_protocol="GRPC",
        )
    with refused(says="ZZ", status=400):
        model.deploy(name="calling", script_file=path, api_protocol="ZZ")


def a_batcher_that_is_none(project: Any) -> None:
    model = saved_model(project, "refused")
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    with refused(status=400):
        model.deploy(
            name="batching",
            script_file=path,
            inference_batcher=InferenceBatcher(enabled=True, max_batch_size=-1),
        )


def no_script_where_one_is_needed(project: Any) -> None:
    for framework in ("torch", "python"):
        model = saved_model(project, f"refused_{framework}", framework)
        with refused(ValueError, RestAPIError):
            model.deploy(name="scriptless")
    model = saved_model(project, "refused_sklearn", "sklearn")
    with refused(says="script", status=400):
        model.deploy(name="scriptless", serving_tool="DEFAULT")


def a_script_where_none_may_be(project: Any) -> None:
    model = saved_model(project, "refused_tensorflow", "tensorflow")
    with refused(ValueError, RestAPIError):
        model.deploy(
            name="scripted",
            script_file=script(project, "times2.py", PREDICTOR.format(factor=2)),
        )


def scripts_that_are_none(project: Any) -> None:
    model = saved_model(project, "refused")
    kinds = (ValueError,) if UPLOADS_SCRIPTS else (RestAPIError,)
    for path in (
        "nowhere.py",
        "Resources/nowhere.py",
        "/Projects/another/Resources/x.py",
        "../../etc/hosts.py",
    ):
        with refused(*kinds):
            model.deploy(name="lost", script_file=path)
    for name, code in (
        ("broken.py", "class Predict(:\n"),
        ("classless.py", "x = 1\n"),
        ("script.txt", PREDICTOR.format(factor=2)),
    ):
        with refused(status=400):
            model.deploy(name="lost", script_file=script(project, name, code))


def artifact_versions_that_are_none(project: Any) -> None:
    """Only releases before 4.6 send them."""
    if RELEASE >= (4, 6):
        return
    model = saved_model(project, "refused")
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    for version in ("MODEL-ONLY", 99, "1x", -7):
        with refused():
            model.deploy(name="versioned", script_file=path, artifact_version=version)


def nothing_came_of_it(project: Any) -> None:
    assert project.get_model_serving().get_deployments() == []


STEPS = (
    names_that_are_none,
    requests_above_limits,
    a_transformer_on_the_default_tool,
    grpc_on_the_default_tool,
    a_batcher_that_is_none,
    no_script_where_one_is_needed,
    a_script_where_none_may_be,
    scripts_that_are_none,
    artifact_versions_that_are_none,
    nothing_came_of_it,
)
