"""Deployments on the wire, as both generations of the client make and change them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.project import Project
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.testing.states_only import StatesOnly
from tests.rest.conftest import bearing
from tests.rest.hopsworks.conftest import PREDICTOR
from tests.rest.hopsworks.wire import (
    AMOUNTS,
    Serving,
    error_of,
    of_4_1,
    of_5_2,
    sent_back_by_4_1,
    sent_back_by_5_2,
    with_transformer,
)

Save = Callable[..., None]
Upload = Callable[..., str]
BOTH = pytest.mark.parametrize(
    ("new", "again"), [(of_4_1, sent_back_by_4_1), (of_5_2, sent_back_by_5_2)]
)


@pytest.fixture(autouse=True)
def model(save_model: Save) -> None:
    save_model()


@BOTH
def test_a_deployment_is_created_and_found(
    serving: Serving,
    serving_project: Project,
    predictor: str,
    transformer: str,
    new: Any,
    again: Any,
) -> None:
    """Each way to find a deployment gives the document that its creation gave."""
    assert again
    body = new(
        serving_project,
        predictor=predictor,
        description="what for",
        environmentDTO={"name": "inference"},
        **with_transformer(transformer),
    )
    made = serving.saved(body)
    assert made["predictor"] == "predict.py"
    assert made["transformer"] == "transform.py"
    assert made["description"] == "what for"
    assert made["environmentDto"] == made["predictorEnvironment"]
    assert made["environmentDto"] == {"name": "inference"}
    assert (made["version"], made["artifactVersion"]) == (1, 1)
    assert made["modelPath"] == f"/Projects/{serving_project.name}/Models/my_model"
    assert made["predictorScalingConfig"] == {"minInstances": 1}
    assert made["transformerScalingConfig"] == {"minInstances": 1}
    assert made["predictorResources"] == made["transformerResources"] == AMOUNTS
    assert made["requestedTransformerInstances"] == made["requestedInstances"] == 1
    assert (made["status"], made["availableInstances"]) == ("Created", 0)
    assert made["batchingConfiguration"] == {"batchingEnabled": False}
    assert None not in made.values()

    assert serving.get(made).json() == made
    by_name = {"name": "d", "expand": "mandatorytags"}
    assert serving.client.get(serving.url, params=by_name).json() == made
    assert serving.client.get(serving.url).json() == [made]
    deployment = serving_project.get_model_serving().get_deployment("d")
    assert made["id"].endswith(str(deployment.id))
    assert deployment.specification.environment == "inference"


def test_listings_are_of_a_model_or_a_status(
    serving: Serving, serving_project: Project, save_model: Save
) -> None:
    save_model(name="other")
    path = f"/Projects/{serving_project.name}/Models/other"
    serving.saved(of_4_1(serving_project))
    one = of_5_2(serving_project, name="e", modelName="other", modelPath=path)
    started = serving.saved(one)
    serving.client.post(serving.at(started), params={"action": "START"})

    def names(**query: str) -> list[str]:
        found = serving.client.get(serving.url, params=query).json()
        return [it["name"] for it in found]

    assert names() == ["d", "e"]
    assert names(model="other") == ["e"]
    assert names(status="Running") == ["e"]
    assert names(model="my_model", status="created") == ["d"]
    assert names(model="none") == []


@pytest.mark.parametrize("given", ["none", "my_model", "", "a" * 60])
def test_what_is_not_there_is_said_so(serving: Serving, given: str) -> None:
    by_name = serving.client.get(serving.url, params={"name": given})
    assert error_of(by_name) == (404, 240000)
    for path in ("", "/logs", "/versions", "/tags"):
        answer = serving.get(given or "1", path)
        assert error_of(answer) == (404, 240000)


@BOTH
def test_a_taken_name_is_refused_with_its_code(
    serving: Serving, serving_project: Project, new: Any, again: Any
) -> None:
    assert again
    made = serving.saved(new(serving_project))
    mr = serving_project.get_model_registry()
    other = mr.get_model("my_model").download()
    mr.sklearn.create_model("other_model").save(other)
    path = f"/Projects/{serving_project.name}/Models/other_model"
    body = new(serving_project, modelName="other_model", modelPath=path)
    assert error_of(serving.put(body)) == (400, 240011)
    twin = serving.put(new(serving_project, name="D"))
    assert error_of(twin) == (400, 240001)
    assert "'d'" in twin.json()["usrMsg"]
    assert serving.get(made).json() == made


@BOTH
def test_deploying_again_makes_the_next_version(
    serving: Serving, serving_project: Project, new: Any, again: Any
) -> None:
    """A client that runs its script again sends everything as if it were new."""
    assert again
    made = serving.saved(new(serving_project))
    assert serving.saved(new(serving_project)) == made
    changed = serving.saved(new(serving_project, description="other"))
    assert (changed["id"], changed["version"]) == (made["id"], 2)
    mr = serving_project.get_model_registry()
    mr.sklearn.create_model("my_model").save(mr.get_model("my_model").download())
    moved = serving.saved(new(serving_project, modelVersion=2))
    assert (moved["id"], moved["version"], moved["modelVersion"]) == (made["id"], 3, 2)


@BOTH
def test_what_is_sent_back_unchanged_makes_no_version(
    serving: Serving,
    serving_project: Project,
    predictor: str,
    transformer: str,
    new: Any,
    again: Any,
) -> None:
    made = serving.saved(
        new(
            serving_project,
            predictor=predictor,
            configFile=predictor,
            environmentDTO={"name": "inference"},
            inferenceLogging="ALL",
            kafkaTopicDTO={"name": "CREATE", "numOfReplicas": 1},
            batchingConfiguration={"batchingEnabled": True, "maxBatchSize": 5},
            **with_transformer(transformer),
        )
    )
    assert serving.saved(again(made)) == made
    assert serving.saved(again(made), newVersion="true") == made
    changed = serving.saved(again(made, description="other"))
    assert (changed["version"], changed["artifactVersion"]) == (2, 1)
    assert changed["id"] == made["id"]
    assert changed["created"] == made["created"]


@BOTH
def test_another_script_is_another_artifact_version(
    serving: Serving,
    serving_project: Project,
    predictor: str,
    transformer: str,
    upload: Upload,
    new: Any,
    again: Any,
) -> None:
    made = serving.saved(new(serving_project, predictor=predictor))
    assert "transformer" not in made
    other = upload("predict.py", PREDICTOR + "# other\n")
    second = serving.saved(again(made, predictor=other))
    assert (second["version"], second["artifactVersion"]) == (2, 2)
    third = serving.saved(again(second, **with_transformer(transformer)))
    assert (third["artifactVersion"], third["predictor"]) == (3, "predict.py")
    more = {**with_transformer("transform.py"), "requestedTransformerInstances": 2}
    fourth = serving.saved(again(third, **more))
    assert (fourth["version"], fourth["artifactVersion"]) == (4, 3)
    assert fourth["transformerScalingConfig"] == {"minInstances": 2}
    fifth = serving.saved(again(fourth, transformer=None))
    assert fifth["artifactVersion"] == 2
    bare = serving.saved(again(fifth, predictor=None))
    assert (bare["artifactVersion"], bare.get("predictor")) == (0, None)


@pytest.mark.parametrize(
    ("asked", "number"),
    [("CREATE", 2), (-1, 2), ("-1", 2), (1, 1), ("1", 1), (None, 1), ("MODEL-ONLY", 0)],
    ids=repr,
)
def test_artifact_versions_are_asked_for_as_in_4_1(
    serving: Serving,
    serving_project: Project,
    predictor: str,
    asked: Any,
    number: int,
) -> None:
    serving.saved(of_4_1(serving_project, predictor=predictor))
    script = None if asked == "MODEL-ONLY" else predictor
    body = of_4_1(serving_project, name="e", predictor=script, artifactVersion=asked)
    assert serving.saved(body)["artifactVersion"] == number


@pytest.mark.parametrize("asked", [7, "01", "LATEST", "MODEL-ONLY", 0])
def test_artifact_versions_that_do_not_fit_are_refused(
    serving: Serving, serving_project: Project, predictor: str, asked: Any
) -> None:
    body = of_4_1(serving_project, predictor=predictor, artifactVersion=asked)
    assert serving.put(body).status_code in {400, 404}
    assert serving.client.get(serving.url).json() == []


def test_an_earlier_artifact_version_can_be_asked_for(
    serving: Serving, serving_project: Project, predictor: str, upload: Upload
) -> None:
    made = serving.saved(of_4_1(serving_project, predictor=predictor))
    other = upload("other.py", PREDICTOR + "# other\n")
    second = serving.saved(
        sent_back_by_4_1(made, predictor=other, artifactVersion="CREATE")
    )
    assert (second["predictor"], second["artifactVersion"]) == ("other.py", 2)
    first = serving.saved(sent_back_by_4_1(second, artifactVersion=1))
    assert (first["predictor"], first["artifactVersion"]) == ("predict.py", 1)
    created = serving.saved(sent_back_by_4_1(first, artifactVersion="CREATE"))
    assert (created["predictor"], created["artifactVersion"]) == ("predict.py", 3)


def test_the_model_decides_the_framework(
    serving: Serving, serving_project: Project, predictor: str, save_model: Save
) -> None:
    save_model("torch", "net")
    path = f"/Projects/{serving_project.name}/Models/net"
    body = of_4_1(
        serving_project,
        modelName="net",
        modelPath=path,
        modelFramework="PYTHON",
        predictor=predictor,
    )
    made = serving.saved(body)
    assert (made["modelFramework"], made["modelServer"]) == ("TORCH", "PYTHON")
    assert "script" in serving.refused({**body, "name": "e", "predictor": None})
    other = {**body, "name": "e", "modelServer": "TENSORFLOW_SERVING"}
    assert "use PYTHON" in serving.refused(other)


@BOTH
def test_another_model_version_can_be_chosen_but_no_other_model(
    serving: Serving,
    serving_project: Project,
    predictor: str,
    save_model: Save,
    new: Any,
    again: Any,
) -> None:
    made = serving.saved(new(serving_project, predictor=predictor))
    save_model()
    moved = serving.saved(again(made, modelVersion=2))
    assert (moved["modelVersion"], moved["artifactVersion"]) == (2, 1)
    assert moved["predictor"] == "predict.py"
    missing = serving.put(again(made, modelVersion=9))
    assert error_of(missing) == (404, 360000)
    save_model(name="other")
    assert "create another one" in serving.refused(again(made, modelName="other"))
    assert "create another one" in serving.refused(again(made, name="e"))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"name": "my_other"}, "my_other"),
        ({"name": "d" * 46}, "45"),
        ({"apiProtocol": "SOAP"}, "SOAP"),
        ({"servingTool": "OTHER"}, "OTHER"),
        ({"servingTool": "DEFAULT"}, "script"),
        ({"modelName": None}, "modelVersion is missing"),
        ({"modelVersion": None}, "modelVersion is missing"),
        ({"modelPath": "/Projects/other/Models/my_model"}, "in this project"),
        ({"predictor": "/Projects/other/Resources/predict.py"}, "does not exist"),
        ({"predictor": "../../predict.py"}, "does not exist"),
        ({"predictor": "Resources/missing.py"}, "upload it first"),
        ({"configFile": "/etc/passwd"}, "upload it first"),
        ({"predictorResources": {"requests": {"cores": 5}}}, None),
        (
            {"predictorResources": {**AMOUNTS, "requests": {"memory": 4096}}},
            "exceeds its limit",
        ),
        ({"predictorScalingConfig": {"minInstances": -1}}, "num_instances"),
        (
            {"predictorScalingConfig": {"minInstances": 1, "maxInstances": 3}},
            "maxInstances 3",
        ),
        ({"inferenceLogging": "SOME"}, "SOME"),
        ({"batchingConfiguration": {"batchingEnabled": True, "timeout": 0}}, "timeout"),
        (
            {
                "inferenceLogging": "ALL",
                "kafkaTopicDTO": {"name": "mine", "numOfReplicas": 2},
            },
            "topics are not made",
        ),
        ({"gitUrl": "https://example.com/x.git"}, "gitUrl"),
        ({"tracing": {"otelTracingStorage": "x", "enabled": True}}, "tracing"),
        ({"tracing": {"enabled": False}}, None),
        ({"featureLogging": {"enabled": True}}, "inference logger"),
        ({"vllmVariant": "VLLM_OMNI"}, "vllm_variant"),
        ({"vllmVariant": "VLLM"}, None),
        ({"vllmVariant": "VLLM", "vllmImageTag": "v1"}, "vllm_image_tag"),
        ({"predictorEnvVars": ["NOVALUE"]}, "NOVALUE"),
        ({"predictorEnvVars": ["SERVING_SCHEMA_ID=x"]}, "SERVING_SCHEMA_ID"),
        ({"transformerEnvVars": ["A=1"]}, "predictor, too"),
        ({"transformerEnvironment": {"name": "x"}}, "the predictor the environment"),
        ({"tags": {"items": [{"value": "x"}]}}, "tags"),
        ({"tags": {"items": [{"name": "a/b", "value": "x"}]}}, "a/b"),
        ({"tags": 5}, "tags"),
    ],
)
@pytest.mark.parametrize("new", [of_4_1, of_5_2])
def test_rules_that_clients_do_not_check_are_checked_here(
    serving: Serving,
    serving_project: Project,
    new: Any,
    settings: dict[str, Any],
    why: str | None,
) -> None:
    body = new(serving_project, **settings)
    if why is None:
        serving.saved(body)
        return
    assert why in serving.refused(body)
    assert serving.client.get(serving.url).json() == []


@pytest.mark.parametrize(
    "body", [[], 5, {"modelVersion": "x"}, {"predictorResources": 5}, {"id": {}}]
)
def test_bodies_that_are_none_are_refused(serving: Serving, body: Any) -> None:
    assert error_of(serving.put(body))[0] == 400


def test_a_script_on_the_servers_disk_is_not_read(
    serving: Serving, serving_project: Project, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text(PREDICTOR)
    for path in (str(secret), f"/Projects/{serving_project.name}/{secret}"):
        body = of_4_1(serving_project, predictor=path)
        assert "does not exist in project" in serving.refused(body)


@pytest.mark.parametrize("folder", ["Models", "Resources"])
@pytest.mark.parametrize("form", ["{}", "/{}", "{root}/{}", "hdfs://{root}/{}"])
def test_a_script_is_named_in_any_form_that_users_write(
    serving: Serving, serving_project: Project, tmp_path: Path, folder: str, form: str
) -> None:
    script = tmp_path / "predict_example.py"
    script.write_text(PREDICTOR)
    path = serving_project.get_dataset_api().upload(script, folder)
    root = f"/Projects/{serving_project.name}"
    body = of_4_1(serving_project, predictor=form.format(path, root=root))
    assert serving.saved(body)["predictor"] == "predict_example.py"


@pytest.mark.parametrize("of_4_8", [{}, {"vllmVariant": "VLLM", "vllmImageTag": None}])
@pytest.mark.parametrize("files", ["configFile", "predictor"])
def test_a_language_model_is_deployed_as_by_all_releases(
    serving: Serving,
    serving_project: Project,
    save_model: Save,
    upload: Callable[..., str],
    files: str,
    of_4_8: dict[str, Any],
) -> None:
    save_model(framework="llm", name="llama")
    file = {
        "configFile": upload("vllm.yaml", "max-model-len: 10\n"),
        "predictor": upload("predict.py", PREDICTOR),
    }[files]
    root = f"/Projects/{serving_project.name}"
    named = {"modelName": "llama", "modelPath": f"{root}/Models/llama"}
    server = {"modelServer": "VLLM", "modelFramework": "LLM", **named}
    body = of_5_2(serving_project, **server, **of_4_8, **{files: file})
    made = serving.saved(body)
    assert (made["modelServer"], made["modelFramework"]) == ("VLLM", "LLM")
    again = sent_back_by_5_2(made, **of_4_8)
    assert serving.saved(again)["version"] == 1


class Spool:
    """What one owner has uploaded below a deployment's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def local_file(self, path: str, owner: str) -> Path | None:
        is_it = path == "Deployments/d/resources/predictor/predict.py"
        return self.path if is_it and owner == "admin" else None


def test_what_was_uploaded_for_a_deployment_is_taken(
    serving: Serving,
    serving_project: Project,
    hosted_serving: Hosted,
    tmp_path: Path,
) -> None:
    spooled = tmp_path / "8f1b"
    spooled.write_text(PREDICTOR)
    hosted_serving.uploads = Spool(spooled)
    folder = f"/Projects/{serving_project.name}/Deployments/d/resources/predictor"
    made = serving.saved(of_5_2(serving_project, predictor=f"{folder}/predict.py"))
    assert (made["predictor"], made["artifactVersion"]) == ("predict.py", 1)
    again = sent_back_by_5_2(made, predictor=f"{folder}/predict.py")
    assert serving.saved(again)["version"] == 1
    missing = of_5_2(serving_project, name="e", predictor=f"{folder}/other.py")
    assert "does not exist" in serving.refused(missing)
    deployer = serving.client.put(
        serving.url,
        json=of_5_2(serving_project, name="f", predictor=f"{folder}/predict.py"),
        headers=bearing("deployer"),
    )
    assert "does not exist" in deployer.json()["usrMsg"]


@pytest.mark.parametrize(
    ("key", "status"), [("reader", 403), ("writer", 403), ("deployer", 200)]
)
def test_deploying_needs_its_scope(
    serving: Serving,
    serving_project: Project,
    backend: StatesOnly,
    key: str,
    status: int,
) -> None:
    made = serving.saved(of_5_2(serving_project))
    headers = bearing(key)
    body = sent_back_by_5_2(made)
    put = serving.client.put(serving.url, json=body, headers=headers)
    assert put.status_code == status
    start = serving.client.post(
        serving.at(made), params={"action": "START"}, headers=headers
    )
    assert start.status_code == status
    assert ("d" in backend.running) == (status == 200)
    assert serving.client.get(serving.at(made), headers=headers).status_code == 200


def test_a_models_name_stands_for_the_default_name_of_its_deployment(
    serving: Serving, serving_project: Project, save_model: Callable[..., None]
) -> None:
    save_model()
    url = f"{serving.project}/serving"
    # Before 4.2 the model's name is sent where none is given.
    made = serving.saved(of_4_1(serving_project, name="my_model"))
    assert made["name"] == "mymodel"
    assert serving.saved(of_4_1(serving_project, name="my_model")) == made
    found = serving.client.get(url, params={"name": "my_model"}).json()
    assert found["id"] == made["id"]
    # From 4.2 on deployments are asked for by it.
    for model in ("my_model", "mymodel"):
        listed = serving.client.get(url, params={"model": model}).json()
        assert [it["name"] for it in listed] == ["mymodel"]
    assert serving.client.get(url, params={"model": "my"}).json() == []
    other = serving.client.get(url, params={"name": "my-model"})
    assert error_of(other) == (404, 240000)
