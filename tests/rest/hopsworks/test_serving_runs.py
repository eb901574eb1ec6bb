"""Deployments that run, as clients start, watch, ask and end them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.linear_model import LogisticRegression
from starlette.testclient import TestClient

from hopsartifacts.errors import PredictionError, UnsupportedHereError
from hopsartifacts.project import Project
from hopsartifacts.rest.hosted import Hosted, ServerSettings
from hopsartifacts.serving.contract import (
    Condition,
    DeploymentKey,
    Launch,
    RunState,
    Status,
)
from hopsartifacts.testing.states_only import StatesOnly
from tests.rest.hopsworks.wire import Serving, error_of, of_5_2, with_transformer


@pytest.fixture
def deployed(
    serving: Serving, serving_project: Project, save_model: Callable[..., None]
) -> dict[str, Any]:
    save_model()
    return serving.saved(of_5_2(serving_project))


def act(serving: Serving, given: dict[str, Any], action: str) -> Any:
    return serving.client.post(serving.at(given), params={"action": action})


def predict(serving: Serving, name: str, body: Any) -> Any:
    url = f"{serving.project}/inference/models/{name}:predict"
    return serving.client.post(url, json=body)


def awaited(serving: Serving, given: dict[str, Any], status: str) -> dict[str, Any]:
    """Ask as clients do until *status* is reached."""
    end = time.monotonic() + 60
    while (found := serving.get(given).json())["status"] != status:
        assert time.monotonic() < end, found
        time.sleep(0.1)
    state: dict[str, Any] = found
    return state


def test_a_deployment_starts_and_stops(
    serving: Serving, deployed: dict[str, Any], backend: StatesOnly
) -> None:
    started = act(serving, deployed, "START")
    assert (started.status_code, started.content) == (200, b"")
    assert backend.running["d"].deployment_version == 1
    state = serving.get(deployed).json()
    assert (state["status"], state["deployed"]) == ("Running", "1970-01-01T00:00:01Z")
    assert act(serving, deployed, "START").status_code == 200
    assert act(serving, deployed, "STOP").status_code == 200
    assert "deployed" not in serving.get(deployed).json()
    assert not backend.running
    assert act(serving, deployed, "STOP").status_code == 200
    assert act(serving, deployed, "PAUSE").status_code == 400


def test_it_starts_for_good_and_at_once(
    serving: Serving,
    deployed: dict[str, Any],
    backend: StatesOnly,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(backend, "start", lambda _, **options: seen.append(options))
    act(serving, deployed, "START")
    assert seen == [{"await_running_s": 0, "port": None, "detach": True}]


def test_what_cannot_run_here_says_why(
    serving: Serving,
    deployed: dict[str, Any],
    backend: StatesOnly,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(_: Launch) -> None:
        raise UnsupportedHereError("no GPU here")

    monkeypatch.setattr(backend, "check", check)
    answer = act(serving, deployed, "START")
    assert error_of(answer)[0] == 422
    assert answer.json()["usrMsg"] == "no GPU here"


@pytest.mark.parametrize(
    ("status", "shown"),
    [("Starting", "Starting"), ("Idle", "Running"), ("Failed", "Failed")],
)
def test_states_are_shown_in_words_that_clients_wait_for(
    serving: Serving,
    deployed: dict[str, Any],
    backend: StatesOnly,
    monkeypatch: pytest.MonkeyPatch,
    status: Status,
    shown: str,
) -> None:
    condition = Condition(type="STARTED", status=status != "Failed")
    state = RunState(
        status=status,
        condition=condition,
        available_predictor_instances=2,
        port=8080,
        revision="r1",
    )
    monkeypatch.setattr(backend, "state", lambda _: state)
    answer = serving.get(deployed).json()
    assert (answer["status"], answer["availableInstances"]) == (shown, 2)
    assert answer["condition"]["type"] == "STARTED"
    assert isinstance(answer["condition"]["reason"], str)
    assert (answer["internalPort"], answer["revision"]) == (8080, "r1")
    assert "availableTransformerInstances" not in answer


def test_a_running_deployment_is_deleted_by_its_id_alone(
    serving: Serving,
    serving_project: Project,
    deployed: dict[str, Any],
    backend: StatesOnly,
) -> None:
    act(serving, deployed, "START")
    assert serving.client.delete(serving.at(deployed)).status_code == 204
    assert not backend.running
    again = serving.saved(of_5_2(serving_project))
    assert again["id"] != deployed["id"]
    for answer in (
        serving.client.delete(serving.at(deployed)),
        serving.get(deployed),
        act(serving, deployed, "START"),
        serving.put({**of_5_2(serving_project), "id": deployed["id"]}),
    ):
        assert error_of(answer) == (404, 240000)
    assert serving.get(again).json() == again


def test_logs_come_as_a_list(
    serving: Serving, serving_project: Project, deployed: dict[str, Any], upload: Any
) -> None:
    logs = serving.get(deployed, "/logs", component="predictor", tail=7)
    assert logs.json() == [{"instanceName": "d-predictor", "content": "d predictor 7"}]
    newer = {"since": "2026-01-01T00:00:00Z", "timestamps": "true"}
    assert "d predictor 1000" in serving.get(deployed, "/logs", **newer).text
    assert serving.get(deployed, "/logs", component="transformer").json() == []
    assert serving.get(deployed, "/logs", pod="other").json() == []
    assert serving.get(deployed, "/logs", component="x").status_code == 400
    assert serving.get(deployed, "/logs", tail=-1).status_code == 400
    code = "class Transformer:\n    def preprocess(self, inputs): return inputs\n"
    parts = with_transformer(upload("transform.py", code))
    both = serving.saved(of_5_2(serving_project, name="e", **parts))
    shown = serving.get(both, "/logs", component="transformer", tail=1).json()
    assert [it["instanceName"] for it in shown] == ["e-transformer"]


def test_an_empty_log_is_an_empty_list(
    serving: Serving,
    deployed: dict[str, Any],
    backend: StatesOnly,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backend, "read_logs", lambda *_: "")
    assert serving.get(deployed, "/logs").json() == []


def test_a_running_version_is_followed_by_the_next(
    serving: Serving, deployed: dict[str, Any], backend: StatesOnly
) -> None:
    act(serving, deployed, "START")
    serving.saved({**deployed, "description": "next"})
    assert backend.running["d"].deployment_version == 2
    serving.client.post(serving.at(deployed, "/rollback"), json={"version": 1})
    assert backend.running["d"].deployment_version == 1


def test_predictions_are_passed_on_as_they_are(
    serving: Serving,
    deployed: dict[str, Any],
    backend: StatesOnly,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def echo(deployment: DeploymentKey, payload: dict[str, Any]) -> Any:
        return None if payload == {} else [deployment.name, payload]

    act(serving, deployed, "START")
    monkeypatch.setattr(backend, "predict", echo)
    body = {"anything": {"é": [1, 2.5, None]}}
    assert predict(serving, "d", body).json() == ["d", body]
    assert predict(serving, "d", {}).content == b"null"
    shown = f"/hopsworks-api/api{deployed['hopsworksInferencePath']}"
    assert serving.client.post(shown, json=body).json() == ["d", body]
    for wrong in ([1], "x", 5, None):
        assert error_of(predict(serving, "d", wrong))[0] == 400
    url = f"{serving.project}/inference/models/d:predict"
    assert error_of(serving.client.post(url, content=b"{"))[0] == 400
    assert error_of(serving.client.post(url, content=b"[" * 100_000))[0] == 400


def test_errors_of_the_model_server_keep_their_status(
    serving: Serving,
    deployed: dict[str, Any],
    backend: StatesOnly,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: str, __: dict[str, Any]) -> Any:
        raise PredictionError("deployment 'd' answered: too hot", 503, "too hot")

    assert deployed
    monkeypatch.setattr(backend, "predict", fail)
    answer = predict(serving, "d", {"instances": [1]})
    assert error_of(answer)[0] == 503
    assert "too hot" in answer.json()["errorMsg"]


@pytest.mark.parametrize("name", ["d", "none", "my_model", "a%2Fb"])
def test_what_does_not_run_cannot_be_asked(
    serving: Serving, deployed: dict[str, Any], name: str
) -> None:
    assert deployed
    answer = predict(serving, name, {"instances": [1]})
    assert error_of(answer) == (404, 250001)


def test_a_number_that_json_does_not_have_is_named(serving: Serving) -> None:
    url = f"{serving.project}/inference/models/d:predict"
    refused = serving.client.post(url, content=b'{"instances": [[1, 2], [3, NaN]]}')
    assert refused.status_code == 400
    assert 'body["instances"][1][1] is NaN' in refused.json()["usrMsg"]


def test_a_request_that_is_too_long_is_refused(
    serving: Serving, hosted_serving: Hosted, deployed: dict[str, Any]
) -> None:
    assert deployed
    hosted_serving.settings = ServerSettings(max_prediction_bytes=1000)
    answer = predict(serving, "d", {"instances": ["x" * 1000]})
    assert error_of(answer)[0] == 413


def test_clients_are_told_where_to_ask(
    serving: Serving, hosted_serving: Hosted
) -> None:
    url = f"{serving.project}/inference/endpoints"
    for host, port in (("models.example:8443", 8443), ("models.example", 443)):
        answer = serving.client.get(url, headers={"host": host}).json()
        assert answer["items"] == [
            {
                "type": "LOAD_BALANCER",
                "hosts": ["models.example"],
                # The second is none: old clients would send their key there in clear.
                "ports": [
                    {"name": "HTTPS", "number": port},
                    {"name": "HTTP", "number": 9},
                ],
            }
        ]
    hosted_serving.settings = ServerSettings(inference_endpoint=("localhost", 8080))
    [endpoint] = serving.client.get(url).json()["items"]
    assert endpoint == {
        "type": "LOAD_BALANCER",
        "hosts": ["localhost"],
        "ports": [{"name": "HTTP", "number": 8080}],
    }


def test_another_project_is_not_here(
    serving: Serving, deployed: dict[str, Any]
) -> None:
    other = serving.project + "1"
    for url in (
        f"{other}/serving",
        f"{other}/serving/{deployed['id']}",
        f"{other}/serving/{deployed['id']}/tags",
        f"{other}/inference/endpoints",
    ):
        assert serving.client.get(url).status_code == 404
    predicting = f"{other}/inference/models/d:predict"
    assert serving.client.post(predicting, json={}).status_code == 404
    assert serving.client.put(f"{other}/serving", json={}).status_code == 404


def test_a_model_is_served_in_truth(
    client: TestClient, project: Project, hosted: Hosted, tmp_path: Path
) -> None:
    """The other tests only know states; this one starts processes."""
    folder = tmp_path / "iris"
    folder.mkdir()
    fitted = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    joblib.dump(fitted, folder / "model.pkl")
    project.get_model_registry().sklearn.create_model("my_model").save(folder)
    serving = Serving(client, hosted.project_id)
    made = serving.saved(of_5_2(project))
    deployment = project.get_model_serving().get_deployment("d")
    try:
        assert act(serving, made, "START").status_code == 200
        early = serving.get(made).json()
        assert early["status"] in {"Starting", "Running"}
        assert early["condition"]["reason"]
        running = awaited(serving, made, "Running")
        assert (running["status"], running["availableInstances"]) == ("Running", 1)
        answer = predict(serving, "d", {"instances": [[0.0], [3.0]]})
        assert answer.json() == {"predictions": [0, 1]}
        wrong = predict(serving, "d", {"instances": [["x"]]})
        assert error_of(wrong)[0] in {400, 500}
        assert serving.get(made, "/logs", tail=50).json()
        assert act(serving, made, "STOP").status_code == 200
        assert serving.get(made).json()["status"] == "Stopped"
        assert error_of(predict(serving, "d", {"instances": [[0.0]]})) == (404, 250001)
        assert serving.client.delete(serving.at(made)).status_code == 204
    finally:
        deployment.stop(10)


def test_a_failed_start_can_be_stopped_and_tried_again(
    client: TestClient, project: Project, hosted: Hosted, upload: Any, save_model: Any
) -> None:
    save_model()
    serving = Serving(client, hosted.project_id)
    code = "class Predict:\n    def __init__(self):\n        raise ValueError('no')\n"
    script = upload("predict.py", code + "    def predict(self, inputs): return 1\n")
    made = serving.saved(of_5_2(project, predictor=script))
    deployment = project.get_model_serving().get_deployment("d")
    with pytest.raises(Exception, match="did not start"):
        deployment.start(60)
    state = serving.get(made).json()
    assert state["status"] == "Failed"
    assert "no" in state["condition"]["reason"]
    assert act(serving, made, "STOP").status_code == 200
    assert serving.get(made).json()["status"] == "Stopped"
