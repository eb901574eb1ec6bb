"""Artifact versions: listed, read, compared, deleted, and why one is the one it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Model

ARTIFACTS = "/models/my_model/versions/1/artifacts"
OTHER = "class Predictor:\n    def predict(self, inputs):\n        return 1\n"


@pytest.fixture
def two(model: Model, make_script: Callable[..., Path]) -> None:
    """Two artifact versions of one model version, each of a deployment."""
    model.deploy("one", script_file=make_script())
    model.deploy(
        "two", script_file=make_script(OTHER), files=[make_script("x", "ü.txt")]
    )


@pytest.mark.usefixtures("two")
def test_the_list_of_artifacts(get: Callable[..., Any]) -> None:
    page = get(ARTIFACTS)
    assert [it["version"] for it in page["items"]] == [0, 1, 2]
    assert [it["deployments"] for it in page["items"]] == [[], ["one"], ["two"]]
    assert page["items"][2]["files"] == ["predictor-predict.py", "ü.txt"]
    assert get(ARTIFACTS, sort="-version", limit=1)["items"] == [page["items"][2]]


@pytest.mark.usefixtures("two")
def test_all_about_an_artifact(get: Callable[..., Any], client: TestClient) -> None:
    detail = get(f"{ARTIFACTS}/2")
    roles = {file["name"]: file["role"] for file in detail["files"]}
    assert roles == {"predictor-predict.py": "predictor", "ü.txt": "file"}
    assert detail["path"] == "Models/my_model/1/Artifacts/2"
    use = {"deployment": "two", "version": 1, "is_active": True}
    assert detail["deployments"] == [use]
    script = client.get(f"/api/v1{ARTIFACTS}/2/files/predictor-predict.py")
    assert script.text == OTHER
    assert script.headers["x-content-type-options"] == "nosniff"
    assert client.get(f"/api/v1{ARTIFACTS}/2/files/%C3%BC.txt").text == "x"
    for missing in ("2/files/..%2F1%2Fpredictor-predict.py", "9", "1/files/x"):
        assert client.get(f"/api/v1{ARTIFACTS}/{missing}").status_code == 404


@pytest.mark.usefixtures("two")
def test_two_artifacts_are_compared(get: Callable[..., Any]) -> None:
    files = get(f"{ARTIFACTS}/1/diff/2")["files"]
    assert [(it["path"], it["change"]) for it in files] == [
        ("predictor-predict.py", "changed"),
        ("ü.txt", "added"),
    ]
    assert "+        return 1" in files[0]["lines"]
    assert get(f"{ARTIFACTS}/1/diff/1") == {"files": []}


@pytest.mark.usefixtures("two")
def test_an_artifact_is_deleted_when_nobody_needs_it(client: TestClient) -> None:
    path = f"/api/v1{ARTIFACTS}/2"
    assert client.delete(path).status_code == 409
    assert client.delete("/api/v1/deployments/two").status_code == 204
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete(f"/api/v1{ARTIFACTS}/0").status_code == 400


@pytest.mark.usefixtures("two")
def test_an_artifact_is_explained(get: Callable[..., Any]) -> None:
    told = get("/deployments/two/explanation")
    assert (told["version"], told["is_new"], told["compared"]) == (2, False, 2)
    assert told["files"] == ["predictor-predict.py", "ü.txt"]
    assert told["text"].startswith("Artifact version 2 is reused: it is the lowest")


def test_a_model_without_artifacts_has_the_empty_one(
    model: Model, get: Callable[..., Any], client: TestClient
) -> None:
    assert model.version == 1
    assert get(ARTIFACTS)["total"] == 1
    assert get(f"{ARTIFACTS}/0")["files"] == []
    assert client.get("/api/v1/models/my_model/versions/2/artifacts").status_code == 404
