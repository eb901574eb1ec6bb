"""The registry's part of the wire, on models that the library has saved."""

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from hopsartifacts.project import Project
from hopsartifacts.registry.model import Model
from hopsartifacts.rest.hosted import Hosted
from tests.rest.conftest import bearing

Get = Callable[..., Any]


@pytest.fixture
def models(hosted: Hosted) -> str:
    """Where models are asked for."""
    number = hosted.project_id
    return f"/hopsworks-api/api/project/{number}/modelregistries/{number}/models"


def saved(project: Project, folder: Path, name: str = "m", **metrics: float) -> Model:
    (folder / "weights.bin").write_bytes(name.encode())
    registry = project.get_model_registry()
    return registry.sklearn.create_model(name, metrics=metrics).save(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.mkdir()
    return path


def test_a_version_is_found_by_name_and_by_id(
    client: TestClient, project: Project, folder: Path, models: str, hosted: Hosted
) -> None:
    model = saved(project, folder, "my_model", valAcc=0.5)
    found = client.get(f"{models}/my_model_1?expand=trainingdatasets").json()
    assert found["name"] == "my_model"
    assert found["version"] == 1
    assert found["framework"] == "SKLEARN"
    assert found["metrics"] == {"valAcc": 0.5}
    assert found["projectName"] == project.name
    assert found["modelRegistryId"] == hosted.project_id
    assert found["description"] == model.description
    assert client.get(f"{models}/{found['id']}").json() == found


def test_an_id_never_comes_again(
    client: TestClient, project: Project, folder: Path, models: str
) -> None:
    saved(project, folder)
    first = client.get(f"{models}/m_1").json()["id"]
    assert client.delete(f"{models}/{first}").status_code == 204
    saved(project, folder)
    assert client.get(f"{models}/m_2").json()["id"] != first
    for gone in (first, "m_1", "other_1"):
        answer = client.get(f"{models}/{gone}")
        assert (answer.status_code, answer.json()["errorCode"]) == (404, 360000)


@pytest.mark.parametrize("given", ["m", "m_", "_1", "m_01", "m_x", "a%2Fb_1", "%20_1"])
def test_what_is_no_id_is_refused(client: TestClient, models: str, given: str) -> None:
    assert client.get(f"{models}/{given}").status_code == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b'{"metrics": {"attributes": [1, NaN]}}',
            'body["metrics"]["attributes"][1] is NaN',
        ),
        (
            b'{"name": "m", "metrics": {"auc": -Infinity}}',
            'body["metrics"]["auc"] is -inf',
        ),
    ],
)
def test_a_number_that_json_does_not_have_is_named(
    client: TestClient, models: str, body: bytes, words: str
) -> None:
    refused = client.put(f"{models}/m_1", content=body)
    assert refused.status_code == 400
    assert words in refused.json()["usrMsg"]


def test_listings_are_of_one_name_or_of_all(
    client: TestClient, project: Project, folder: Path, models: str
) -> None:
    for _ in range(3):
        saved(project, folder, "a")
    saved(project, folder, "b")

    def listed(**query: Any) -> list[tuple[str, int]]:
        page = client.get(models, params=query).json()
        return [(it["name"], it["version"]) for it in page["items"]]

    assert listed(filter_by="name_eq:a") == [("a", 1), ("a", 2), ("a", 3)]
    assert listed(filter_by="name_eq:none") == []
    assert len(listed()) == 4
    assert listed(filter_by="name_eq:a", offset=1, limit=1) == [("a", 2)]
    assert client.get(models, params={"filter_by": "size_gt:1"}).status_code == 400


def test_the_best_is_asked_for_by_the_name_that_was_given(
    client: TestClient, project: Project, folder: Path, models: str
) -> None:
    saved(project, folder, valAcc=0.5)
    saved(project, folder, valAcc=0.9)
    saved(project, folder)
    saved(project, folder, valAcc=0.9)

    def best(sort_by: str) -> Any:
        query: dict[str, Any] = {"filter_by": "name_eq:m", "sort_by": sort_by}
        query["limit"] = 1
        return client.get(models, params=query)

    assert best("valAcc:desc").json()["items"][0]["version"] == 4
    assert best("valAcc:asc").json()["items"][0]["version"] == 1
    assert best("other:asc").json() == {"count": 0, "items": []}
    assert best("valAcc:sideways").status_code == 400


def test_tags_hold_any_json(
    client: TestClient, project: Project, folder: Path, models: str
) -> None:
    saved(project, folder)
    tags = f"{models}/m_1/tags"
    assert client.get(tags).json() == {"count": 0, "items": []}
    assert client.put(f"{tags}/owner", json={"team": ["a", 1]}).status_code == 200
    item = {"name": "owner", "value": '{"team":["a",1]}'}
    assert client.get(tags).json() == {"count": 1, "items": [item]}
    assert client.get(f"{tags}/owner").json() == {"count": 1, "items": [item]}
    assert client.delete(f"{tags}/owner").status_code == 204
    for answer in (client.get(f"{tags}/owner"), client.delete(f"{tags}/owner")):
        assert (answer.status_code, answer.json()["errorCode"]) == (404, 370002)


def test_a_sealed_framework_stays(
    client: TestClient, project: Project, folder: Path, models: str
) -> None:
    saved(project, folder)
    same = client.patch(f"{models}/m_1", json={"framework": "SKLEARN"})
    assert same.json()["framework"] == "SKLEARN"
    other = client.patch(f"{models}/m_1", json={"framework": "TORCH"})
    assert other.status_code == 400
    assert "save it again" in other.json()["usrMsg"]


def test_a_model_in_use_is_not_deleted(
    client: TestClient, project: Project, folder: Path, models: str
) -> None:
    saved(project, folder).deploy("inuse")
    answer = client.delete(f"{models}/m_1")
    assert answer.status_code == 409
    assert "inuse" in answer.json()["usrMsg"]


def test_who_did_something_is_the_holder_of_the_key(
    client: TestClient, project: Project, folder: Path, models: str, hosted: Hosted
) -> None:
    saved(project, folder)
    registry = project.get_model_registry()
    assert registry.get_model("m").creator == getpass.getuser()
    files = f"{models.partition('/modelregistries')[0]}/dataset"
    for path in ("Models/m/2", "Models/m/2/Files"):
        query = {"action": "create"}
        url = f"{files}/{quote(path, safe='')}"
        assert client.post(url, params=query, headers=bearing("writer")).is_success
    hosted.uploads.put_file("Models/m/2/Files/a.bin", [b"a"], "writer")
    body = {"name": "m", "version": 2, "framework": "PYTHON"}
    made = client.put(f"{models}/m_2", json=body, headers=bearing("writer")).json()
    assert made["creator"] == made["userFullName"] == "writer"
    assert registry.get_model("m", 2).creator == "writer"
