"""What deployments have beside scripts: instances, logs, variables, tags, versions."""

from collections.abc import Callable
from typing import Any

import pytest

from hopsartifacts import InferenceLogger
from hopsartifacts.deployments.parts import KafkaTopic
from hopsartifacts.project import Project
from tests.rest.hopsworks.wire import (
    AMOUNTS,
    Serving,
    error_of,
    of_4_1,
    of_5_2,
    sent_back_by_4_1,
    sent_back_by_5_2,
)


@pytest.fixture(autouse=True)
def model(save_model: Callable[..., None]) -> None:
    save_model()


def scaling(least: int, **more: Any) -> dict[str, Any]:
    return {"predictorScalingConfig": {"minInstances": least, **more}}


def test_either_number_of_instances_may_be_changed(
    serving: Serving, serving_project: Project
) -> None:
    old = serving.saved(of_4_1(serving_project, requestedInstances=2))
    assert (old["requestedInstances"], old["predictorScalingConfig"]) == (
        2,
        {"minInstances": 2},
    )
    assert serving.saved(sent_back_by_4_1(old, requestedInstances=3))["version"] == 2

    # From 4.6 on there are two; a new deployment has a default in one of them.
    idle = of_5_2(serving_project, name="e", **scaling(0, scaleMetric="CONCURRENCY"))
    made = serving.saved(idle)
    assert made["predictorScalingConfig"] == {"minInstances": 0}
    assert made["requestedInstances"] == 0
    second = serving.saved(sent_back_by_5_2(made, requestedInstances=2))
    assert second["predictorScalingConfig"] == {"minInstances": 2}
    third = serving.saved(sent_back_by_5_2(second, **scaling(4, maxInstances=4)))
    assert third["requestedInstances"] == 4


def test_what_clients_leave_out_of_resources_is_the_librarys_default(
    serving: Serving, serving_project: Project
) -> None:
    body = of_4_1(serving_project, requestedInstances=None)
    body["predictorResources"] = {"requests": {"cores": 3}, "limits": None}
    made = serving.saved(body)
    assert made["requestedInstances"] == 1
    assert made["predictorResources"] == {
        "requests": {**AMOUNTS["requests"], "cores": 3},
        "limits": {**AMOUNTS["limits"], "cores": 3},
    }


def test_a_logger_without_a_topic_is_sent_with_the_name_that_clients_need(
    serving: Serving, serving_project: Project
) -> None:
    wanted = {"name": "CREATE", "numOfReplicas": 1, "numOfPartitions": 1}
    body = of_4_1(serving_project, inferenceLogging="ALL", kafkaTopicDTO=wanted)
    made = serving.saved(body)
    assert (made["inferenceLogging"], made["kafkaTopicDto"]) == ("ALL", wanted)
    ms = serving_project.get_model_serving()
    assert ms.get_deployment("d").inference_logger == InferenceLogger("ALL")
    assert serving.saved(sent_back_by_4_1(made)) == made
    off = serving.saved(sent_back_by_4_1(made, inferenceLogging="NONE"))
    assert off["inferenceLogging"] == "NONE"
    assert "kafkaTopicDto" not in off


def test_a_logger_keeps_what_clients_do_not_know_of(
    serving: Serving, serving_project: Project
) -> None:
    logger = InferenceLogger("PREDICTIONS", KafkaTopic("mine", servers="host:9092"))
    model = serving_project.get_model_registry().get_model("my_model")
    deployment = model.deploy("d", inference_logger=logger)
    shown = serving.get(f"d-{deployment.id}").json()
    assert shown["kafkaTopicDto"] == {"name": "mine"}
    assert serving.saved(sent_back_by_5_2(shown))["version"] == 1
    topic = {"kafkaTopicDTO": {"name": "other", "numOfReplicas": None}}
    serving.saved(sent_back_by_5_2(shown, **topic))
    ms = serving_project.get_model_serving()
    assert ms.get_deployment("d").inference_logger == InferenceLogger(
        "PREDICTIONS", KafkaTopic("other")
    )


def test_environment_variables_are_those_of_clients_that_know_them(
    serving: Serving, serving_project: Project
) -> None:
    given = {"predictorEnvVars": ["A=1", "B=x=y"], "transformerEnvVars": ["A=1"]}
    made = serving.saved(of_5_2(serving_project, **given))
    assert made["predictorEnvVars"] == ["A=1", "B=x=y"]
    assert serving.saved(sent_back_by_5_2(made)) == made
    assert serving.saved(sent_back_by_4_1(made)) == made, "4.1 knows of none"
    body = sent_back_by_5_2(made)
    del body["predictorEnvVars"]
    assert "predictorEnvVars" not in serving.saved(body)


def test_what_no_client_knows_of_is_kept(
    serving: Serving, serving_project: Project
) -> None:
    model = serving_project.get_model_registry().get_model("my_model")
    request = {"instances": [[1]]}
    deployment = model.deploy("d", golden_request=request, description="first")
    shown = serving.get(f"d-{deployment.id}").json()
    for again in (sent_back_by_4_1, sent_back_by_5_2):
        assert serving.saved(again(shown)) == shown
    changed = serving.saved(sent_back_by_4_1(shown, description="second"))
    assert changed["version"] == 2
    kept = serving_project.get_model_serving().get_deployment("d").golden_request
    assert kept is not None
    assert kept.request == request


def test_versions_are_listed_by_pages_and_rolled_back(
    serving: Serving, serving_project: Project
) -> None:
    """Clients of 5.2 page through versions, and roll back to one of them."""
    made = serving.saved(of_5_2(serving_project, environmentDTO={"name": "one"}))
    changed = serving.saved(sent_back_by_5_2(made, environmentDTO={"name": "two"}))
    assert changed["environmentDto"] == {"name": "one"}, "the newer name counts"
    new = {"predictorEnvironment": {"name": "two"}, "predictorEnvVars": ["A=1"]}
    changed = serving.saved(sent_back_by_5_2(made, **new))
    page = serving.get(made, "/versions", offset=0, limit=100).json()
    assert page["count"] == 2
    newest, first = page["items"]
    assert (newest["version"], newest["active"]) == (2, True)
    assert (first["version"], first["active"]) == (1, False)
    assert first["createdBy"] == made["creator"]
    assert newest["predictorEnvironment"] == {"name": "two"}
    assert newest["predictorEnvVars"] == ["A=1"]
    assert newest["predictorResources"] == AMOUNTS
    assert newest["predictorScalingConfig"] == {"minInstances": 1}
    probe = serving.get(made, "/versions", offset=0, limit=1).json()
    assert (probe["count"], len(probe["items"])) == (2, 1)
    assert serving.get(made, "/versions", offset=2).json()["items"] == []
    assert serving.get(made, "/versions", offset=-1).status_code == 400

    url = serving.at(made, "/rollback")
    back = serving.client.post(url, json={"version": 1}).json()
    assert (back["version"], back["id"]) == (1, made["id"])
    assert back == made
    assert error_of(serving.client.post(url, json={"version": 9})) == (404, 240000)
    assert serving.client.post(url, json={"version": "x"}).status_code == 400


def test_tags_are_kept_beside_the_versions(
    serving: Serving, serving_project: Project
) -> None:
    tags = [{"name": "team", "value": '{"a": 1}'}, {"name": "word", "value": "x"}]
    made = serving.saved(of_5_2(serving_project, tags={"count": 2, "items": tags}))
    url = serving.at(made, "/tags")
    assert serving.client.put(f"{url}/owner", json=["a", 1]).status_code == 200
    found = serving.client.get(url).json()
    assert found["count"] == 3
    assert {it["name"]: it["value"] for it in found["items"]} == {
        "team": '{"a":1}',
        "word": '"x"',
        "owner": '["a",1]',
    }
    one = serving.client.get(f"{url}/owner").json()
    assert one == {"count": 1, "items": [{"name": "owner", "value": '["a",1]'}]}
    assert serving.saved(sent_back_by_5_2(made))["version"] == 1
    assert serving.client.delete(f"{url}/owner").status_code == 204
    for answer in (
        serving.client.get(f"{url}/owner"),
        serving.client.delete(f"{url}/owner"),
    ):
        assert error_of(answer) == (404, 370002)
    assert serving.client.put(f"{url}/a%2Fb", json=1).status_code == 400


def test_there_is_no_schema(serving: Serving, serving_project: Project) -> None:
    made = serving.saved(of_5_2(serving_project))
    answer = serving.get(made, "/schema", format="schema", schemaId="x")
    assert error_of(answer) == (404, 240037)
    assert error_of(serving.get("vllmImageTags")) == (404, 240000)
