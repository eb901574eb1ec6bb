"""Predictions over HTTP at the inference port."""

import json
import pickle
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression

from tests.rest.front.conftest import MAX_BYTES, Front, Ground

ROWS = {"instances": [[1, 2], [3, 4]]}


@pytest.fixture(scope="module", autouse=True)
def _deployed(ground: Ground) -> None:
    ground.deploy("echo")
    ground.model("idle").deploy("idle", script_file=ground.script())


def styles(port: Front, deployment: str) -> list[str]:
    path = f"/v1/models/{deployment}"
    return [path, f"{port.path(deployment)}{path}"]


@pytest.mark.parametrize("style", [0, 1], ids=["host", "path"])
def test_a_script_predicts(port: Front, style: int) -> None:
    path = styles(port, "echo")[style]
    with port.client() as client:
        host = {"host": "echo.demo.hopsartifacts.local"} if style == 0 else {}
        answer = client.post(f"{path}:predict", json=ROWS, headers=host)
        assert (answer.status_code, answer.json()) == (
            200,
            {"predictions": [[1, 2], [3, 4]]},
        )
        ready = client.get(path)
        assert ready.json() == {"name": "echo", "ready": True}


def test_a_model_of_scikit_learn_predicts(ground: Ground, port: Front) -> None:
    files = ground.script().parent / "regression"
    files.mkdir()
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    (files / "model.pkl").write_bytes(pickle.dumps(model))
    creator = ground.project.get_model_registry().sklearn
    deployment = creator.create_model("regression").save(files).deploy()
    deployment.start(60)
    with port.client() as client:
        path = styles(port, "regression")[1]
        answer = client.post(f"{path}:predict", json={"instances": [[4.0]]})
    assert answer.json()["predictions"] == pytest.approx([8.0])


def test_the_v2_protocol_is_passed_on(port: Front) -> None:
    tensor = {"name": "x", "shape": [2], "datatype": "INT64", "data": [1, 2]}
    with port.client() as client:
        for path in ("/v2/models/echo", f"{port.path('echo')}/v2/models/echo"):
            answer = client.post(f"{path}/infer", json={"inputs": [tensor]}).json()
            assert answer["outputs"][0]["data"] == [1, 2]
            assert client.get(f"{path}/ready").json()["ready"] is True
            assert client.get(path).json()["name"] == "echo"


def test_errors_of_the_script_arrive(port: Front) -> None:
    with port.client() as client:
        answer = client.post("/v1/models/echo:predict", content=b"no json")
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]


@pytest.mark.parametrize("deployment", ["idle", "unknown", "no-name"])
def test_what_does_not_run_is_answered_with_an_empty_404(
    port: Front, deployment: str
) -> None:
    with port.client() as client:
        for path in styles(port, deployment):
            found = client.get(path)
            assert (found.status_code, found.content) == (404, b"")
            found = client.post(f"{path}:predict", json=ROWS)
            assert (found.status_code, found.content) == (404, b"")


def test_another_project_is_refused_in_words(port: Front) -> None:
    with port.client() as client:
        found = client.post("/v1/other/echo/v1/models/echo:predict", json=ROWS)
    assert found.status_code == 404
    assert "no project 'other'" in found.json()["errorMsg"]


@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/demo/echo/metrics", "/v1"])
def test_nothing_else_is_there(port: Front, path: str) -> None:
    with port.client() as client:
        assert client.get(path).status_code == 404


def test_no_key_and_a_wrong_one_are_refused(port: Front) -> None:
    path = styles(port, "echo")[1]
    with port.client("wrong.secret") as client:
        assert client.post(f"{path}:predict", json=ROWS).status_code == 401
        assert client.get(path).status_code == 401
        answer = client.post(
            f"{path}:predict", json=ROWS, headers={"authorization": ""}
        )
        assert answer.status_code == 401
    with port.client("nobody.secret") as client:
        assert client.get(path).status_code == 403


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_bound_is_refused(port: Front, announced: bool) -> None:
    body = json.dumps({"instances": ["x" * MAX_BYTES]}).encode()
    content: Any = body if announced else iter([body[:1000], body[1000:]])
    with port.client() as client:
        answer = client.post("/v1/models/echo:predict", content=content)
        assert answer.status_code == 413
        assert f"longer than {MAX_BYTES} bytes" in answer.json()["errorMsg"]
        assert client.get("/v1/models/echo").status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_within_the_bound_is_passed_on(port: Front, announced: bool) -> None:
    text = "x" * (MAX_BYTES - 100)
    body = json.dumps({"instances": [text]}).encode()
    pieces = iter([body[:1000], body[1000:]])
    with port.client() as client:
        answer = client.post(
            "/v1/models/echo:predict", content=body if announced else pieces
        )
    assert answer.json() == {"predictions": [text]}


def test_the_key_does_not_reach_the_deployment(ground: Ground, port: Front) -> None:
    deployment = ground.project.get_model_serving().get_deployment("echo")
    with port.client() as client:
        client.post("/v1/models/echo:predict", json=ROWS)
    assert "secret" not in deployment.read_logs(tail=1000)
