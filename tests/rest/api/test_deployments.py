"""Deployments: listed with their states, made, changed, compared, started, stopped."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Model, PredictorResources, Project
from hopsartifacts.deployments.launch import placed
from hopsartifacts.machine.identity import acting_as
from hopsartifacts.serving.contract import Condition, RunState, SealedVersion
from hopsartifacts.store.cache import Cache
from hopsartifacts.testing.states_only import StatesOnly

V1 = "/api/v1"
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"


@pytest.fixture
def resource(project: Project) -> str:
    """A script in the project."""
    project.storage.write("Resources/predict.py", [SCRIPT.encode()])
    return "Resources/predict.py"


def test_the_list_of_deployments(
    deployed: Callable[..., Any],
    save_model: Callable[..., Model],
    get: Callable[..., Any],
) -> None:
    assert get("/deployments")["items"] == []
    deployed("alpha")
    deployed("beta").start()
    save_model("other", framework="sklearn").deploy("gamma")
    page = get("/deployments")
    assert [it["name"] for it in page["items"]] == ["alpha", "beta", "gamma"]
    assert [it["state"]["status"] for it in page["items"]] == [
        "Created",
        "Running",
        "Created",
    ]
    alpha, beta, gamma = page["items"]
    assert (alpha["model_version"], beta["model_version"]) == (1, 2)
    assert (beta["artifact_version"], gamma["artifact_version"]) == (1, 0)
    assert get("/deployments", status="Running")["items"] == [beta]
    assert get("/deployments", model="my_model", model_version=2)["items"] == [beta]
    assert get("/deployments", framework="SKLEARN")["items"] == [gamma]
    assert get("/deployments", name="LPH")["items"] == [alpha]
    newest = get("/deployments", sort="-updated", limit=2)
    assert newest["items"] == [gamma, beta]
    assert get("/deployments", sort="-updated", cursor=newest["next"])["items"] == [
        alpha
    ]


def test_deployments_are_filtered_and_counted(
    deployed: Callable[..., Any],
    save_model: Callable[..., Model],
    get: Callable[..., Any],
    project: Project,
) -> None:
    deployed("alpha", resources=PredictorResources(num_instances=3)).start()
    save_model("other", framework="tensorflow").deploy("gamma", serving_tool="DEFAULT")
    with acting_as("ada"):
        deployed("beta", "my_model")
    project.get_model_registry().set_alias("my_model", "champion", 2)

    def names(**query: Any) -> list[str]:
        return [it["name"] for it in get("/deployments", **query)["items"]]

    assert names(creator="ada") == ["beta"]
    assert names(serving_tool="DEFAULT") == ["gamma"]
    assert names(sort="-artifact_version")[-1] == "gamma"
    page = get("/deployments", facets=True, framework="PYTHON")
    assert page["total"] == 2
    assert page["facets"]["framework"] == {"PYTHON": 2, "TENSORFLOW": 1}
    assert page["facets"]["status"] == {"Created": 1, "Running": 1}
    assert page["facets"]["serving_tool"] == {"KSERVE": 2}
    assert page["facets"]["creator"]["ada"] == 1
    assert "facets" not in get("/deployments")
    alpha, beta = page["items"]
    assert (alpha["instances"], alpha["model_aliases"]) == (3, [])
    assert beta["model_aliases"] == ["champion"]
    assert get("/deployments/beta")["model_aliases"] == ["champion"]


def test_deployments_with_errors(
    deployed: Callable[..., Any],
    get: Callable[..., Any],
    backend: StatesOnly,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("crashed", "sound", "stuck"):
        deployed(name)
    reason = "the process ended with exit code 3"
    failed = Condition(type="STARTED", status=False, reason=reason)
    states = {
        "crashed": RunState(status="Failed", condition=failed),
        "sound": RunState(status="Running"),
        "stuck": RunState(status="Running", condition=failed),
    }
    monkeypatch.setattr(backend, "state", lambda key: states[key.name])
    page = get("/deployments", has_errors=True)
    assert [it["name"] for it in page["items"]] == ["crashed", "stuck"]
    assert page["items"][0]["state"]["condition"]["reason"] == reason
    assert [it["name"] for it in get("/deployments", has_errors=False)["items"]] == [
        "sound"
    ]


def test_a_list_reads_what_it_knows_no_second_time(
    deployed: Callable[..., Any],
    project: Project,
    get: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("alpha", "beta"):
        deployed(name)
    read: list[str] = []
    inner = type(project.storage).read

    def noted(storage: Any, path: str) -> bytes:
        read.append(path)
        return inner(storage, path)

    monkeypatch.setattr(type(project.storage), "read", noted)
    assert get("/deployments")["total"] == 2
    assert not [path for path in read if "manifest" in path]
    read.clear()
    assert get("/deployments")["total"] == 2
    assert read == []


def test_a_deployment_is_made_and_shown(
    client: TestClient, model: Model, resource: str, get: Callable[..., Any]
) -> None:
    """One request has all kinds of settings, and every view shows them."""
    assert model.version == 1
    made = client.post(
        f"{V1}/deployments",
        json={
            "name": "flowers",
            "model": "my_model",
            "model_version": 1,
            "description": "Irises",
            "script_file": resource,
            "resources": {"num_instances": 2, "limits": {"cores": 3}},
            "inference_batcher": {"enabled": True, "max_batch_size": 8},
            "inference_logger": {"mode": "ALL"},
            "env_vars": {"A": "b"},
            "golden_request": {"request": [[1]]},
            "why": "to see",
        },
    )
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{V1}/deployments/flowers"
    detail = get("/deployments/flowers")
    assert detail == made.json()
    specification = detail["specification"]
    limits = specification["predictor"]["resources"]["limits"]
    assert limits == {"cores": 3.0, "memory": 1024, "gpus": 0}
    assert specification["predictor"]["script"] == "predictor-predict.py"
    assert get("/deployments/flowers/state")["status"] == "Created"
    assert get("/deployments/flowers/golden-request")["request"] == {"instances": [[1]]}
    again = {"name": "flowers", "model": "my_model", "model_version": 1}
    taken = client.post(f"{V1}/deployments", json={**again, "script_file": resource})
    assert taken.status_code == 409


def test_a_deployment_is_changed(
    client: TestClient,
    project: Project,
    save_model: Callable[..., Model],
    resource: str,
    get: Callable[..., Any],
    backend: StatesOnly,
) -> None:
    """Versions, differences and the history agree after changes and a rollback."""
    save_model()
    save_model()
    path = f"{V1}/deployments/flowers"
    settings: dict[str, Any] = {"model": "my_model", "model_version": 1}
    first = client.put(path, json={**settings, "script_file": resource})
    assert first.status_code == 201
    same = client.put(path, json={**settings, "artifact_version": 1})
    assert (same.status_code, same.json()["version"]) == (200, 1)
    client.post(f"{path}/start")
    moved = {"model": "my_model", "model_version": 2, "script_file": resource}
    second = client.put(path, json={**moved, "why": "better"})
    assert (second.json()["version"], second.json()["model_version"]) == (2, 2)
    versions = get("/deployments/flowers/versions")["items"]
    assert [it["why"] for it in versions] == ["better", ""]
    assert [(it["version"], it["is_active"]) for it in versions] == [
        (2, True),
        (1, False),
    ]
    assert (
        get("/deployments/flowers/versions/1")["specification"]["model"]["version"] == 1
    )
    changed = get("/deployments/flowers/versions/1/diff/2")["settings"]
    assert {"name": "model.version", "before": 1, "after": 2} in changed
    back = client.post(f"{path}/rollback", json={"version": 1, "why": "worse"})
    assert back.json()["version"] == 1
    history = get("/deployments/flowers/history", limit=2)
    assert [(it["version"], it["cause"], it["why"]) for it in history["items"]] == [
        (1, "rollback", "worse"),
        (2, "save", "better"),
    ]
    rest = get("/deployments/flowers/history", cursor=history["next"])
    assert [it["version"] for it in rest["items"]] == [1]
    # Its version was saved before; it is active since the rollback, whatever is tagged.
    project.get_model_serving().get_deployment("flowers").set_tag("owner", "ann")
    times = [get("/deployments")["items"][0], get("/deployments/flowers")]
    assert {it["updated"] for it in times} == {history["items"][0]["when"]}
    assert client.delete(f"{path}/versions/1").status_code == 409
    assert client.delete(f"{path}/versions/2").status_code == 204
    assert client.post(f"{path}/rollback", json={"version": 2}).status_code == 404
    assert "nothing" not in backend.running


def test_what_runs_moves_on(
    client: TestClient,
    model: Model,
    resource: str,
    backend: StatesOnly,
    finished: Callable[[Any], Any],
) -> None:
    path = f"{V1}/deployments/flowers"
    settings = {"model": model.name, "model_version": 1, "script_file": resource}
    client.put(path, json=settings)
    finished(client.post(f"{path}/start"))
    changed = client.put(path, json={**settings, "description": "new"}).json()
    assert changed["state"]["deployment_version"] == 2
    assert backend.running["flowers"].deployment_version == 2


def test_a_deployment_is_started_and_stopped(
    client: TestClient,
    deployed: Callable[..., Any],
    finished: Callable[[Any], Any],
    get: Callable[..., Any],
) -> None:
    deployed()
    path = f"{V1}/deployments/flowers"
    job = finished(client.post(f"{path}/start"))
    assert (job["kind"], job["subject"], job["by"]) == ("start", "flowers", "admin")
    assert job["result"]["kind"] == "state"
    assert job["result"]["state"]["status"] == "Running"
    assert client.delete(path).status_code == 400
    stopped = finished(client.post(f"{path}/stop"))
    assert stopped["result"]["state"]["status"] == "Created"
    assert client.delete(path).status_code == 204
    assert get("/deployments")["total"] == 0
    assert client.post(f"{path}/start").status_code == 404


def test_a_start_that_fails_is_told_by_its_job(
    client: TestClient,
    deployed: Callable[..., Any],
    project: Project,
    backend: StatesOnly,
    finished: Callable[[Any], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(sealed: SealedVersion, **_: Any) -> None:
        with placed(project.storage, lambda: Cache(None), sealed):
            pass

    monkeypatch.setattr(backend, "start", start)
    deployed()
    file = project.storage.local_path("Models/my_model/1/Files/model.bin")
    assert file
    file.chmod(0o600)
    file.write_bytes(b"edited!!")
    job = finished(client.post(f"{V1}/deployments/flowers/start"))
    assert job["status"] == "failed"
    assert "model.bin" in job["error"]["detail"]
    assert job["result"] is None


def test_a_running_deployment_is_deleted_by_force(
    client: TestClient, deployed: Callable[..., Any], backend: StatesOnly
) -> None:
    deployed().start()
    path = f"{V1}/deployments/flowers"
    assert client.delete(path, params={"force": "true"}).status_code == 204
    assert not backend.running


def test_the_answer_to_a_golden_request_is_recorded(
    client: TestClient,
    deployed: Callable[..., Any],
    finished: Callable[[Any], Any],
    get: Callable[..., Any],
) -> None:
    deployed().start()
    path = f"{V1}/deployments/flowers/golden-request"
    assert client.get(path).status_code == 404
    job = finished(client.post(path, json={"request": [[1, 2]]}))
    assert job["result"]["golden_request"]["answer"] == {"predictions": [[1, 2]]}
    assert get("/deployments/flowers/golden-request") == job["result"]["golden_request"]
    failed = finished(client.post(path, json={"request": "three"}))
    assert (failed["status"], failed["error"]["status"]) == ("failed", 400)


def test_a_deployment_is_asked(
    client: TestClient, deployed: Callable[..., Any]
) -> None:
    deployment = deployed()
    path = f"{V1}/deployments/flowers/predictions"
    assert client.post(path, json={"instances": [[1]]}).status_code == 404
    deployment.start()
    reader = {"authorization": "ApiKey reader.secret"}
    answer = client.post(path, json={"instances": [[1]]}, headers=reader)
    assert answer.json() == {"predictions": [[1]]}
    assert client.post(path, content=b"[]").status_code == 400


def test_the_end_of_a_log(
    client: TestClient, deployed: Callable[..., Any], get: Callable[..., Any]
) -> None:
    deployed()
    assert get("/deployments/flowers/logs", tail=7) == {
        "component": "predictor",
        "lines": ["flowers predictor 7"],
    }
    for query in ("component=server", "tail=-1", "tail=10001"):
        assert client.get(f"{V1}/deployments/flowers/logs?{query}").status_code == 400
    assert client.get(f"{V1}/deployments/nothing/logs").status_code == 404


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"script_file": "/etc/passwd"}, "/etc/passwd"),
        ({"script_file": "../secret.py"}, "secret"),
        ({"script_file": "/Projects/other/predict.py"}, "other"),
        ({"files": ["~/.ssh"]}, "ssh"),
        ({"environment_lock": "/etc/hostname"}, "hostname"),
        ({"config_file": "/etc/passwd"}, "passwd"),
        ({"transformer": {"script_file": "/etc/passwd"}}, "passwd"),
        ({"script_file": None}, "predictor script"),
        ({"resources": {"num_instances": -1}}, "num_instances"),
        ({"resources": {"limits": {"cores": "many"}}}, "body"),
        ({"inference_logger": {"mode": "SOME"}}, "body"),
        ({"surprise": 1}, "surprise"),
        ({"name": "my_model"}, "my_model"),
        ({"artifact_version": "NEW"}, "body"),
        ({"env_vars": {"PATH": "x", "A=": "b"}}, "A="),
    ],
)
def test_what_cannot_be_deployed_is_refused(
    client: TestClient,
    model: Model,
    resource: str,
    settings: dict[str, Any],
    words: str,
) -> None:
    body = {
        "name": "flowers",
        "model": model.name,
        "model_version": 1,
        "script_file": resource,
        **settings,
    }
    answer = client.post(f"{V1}/deployments", json=body)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]


def test_a_model_that_is_not_there_is_not_deployed(client: TestClient) -> None:
    body = {"model": "nothing", "model_version": 1}
    assert client.post(f"{V1}/deployments", json=body).status_code == 404


def test_only_who_may_deploy_does(client: TestClient) -> None:
    for key in ("reader", "writer"):
        headers = {"authorization": f"ApiKey {key}.secret"}
        answer = client.post(f"{V1}/deployments/a/start", headers=headers)
        assert answer.status_code == 403
