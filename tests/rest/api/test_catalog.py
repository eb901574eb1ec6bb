"""The catalog over HTTP: pages of JSON, or whole tables."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Model, Project

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

V1 = "/api/v1"


@pytest.fixture
def _full(save_model: Callable[..., Model], deployed: Callable[..., Any]) -> None:
    save_model("iris", metrics={"accuracy": 0.9, "loss": 0.1}, tags={"a": [1]})
    save_model("iris", metrics={"accuracy": 0.8})
    deployed()


@pytest.mark.usefixtures("_full")
def test_rows_come_in_pages(get: Callable[..., Any]) -> None:
    first = get("/catalog/metrics", limit=2)
    assert [it["metric"] for it in first["items"]] == ["accuracy", "loss"]
    assert first["total"] == 3
    rest = get("/catalog/metrics", cursor=first["next"])
    assert [(it["model_version"], it["value"]) for it in rest["items"]] == [(2, 0.8)]
    best = get("/catalog/metrics", sort="-value", model="iris")["items"]
    assert [it["value"] for it in best] == [0.9, 0.8, 0.1]
    model = get("/catalog/models", model="iris")["items"][0]
    assert model["metrics"] == {"accuracy": 0.9, "loss": 0.1}
    assert model["tags"] == {"a": [1]}
    assert get("/catalog/deployments")["items"][0]["deployment"] == "flowers"
    assert get("/catalog/artifacts")["items"][0]["artifact_version"] == 1


@pytest.mark.usefixtures("_full")
@pytest.mark.parametrize("by", ["accept", "query"])
def test_a_table_comes_whole(client: TestClient, project: Project, by: str) -> None:
    def ask(kind: str) -> bytes:
        media = {
            "arrow": "application/vnd.apache.arrow.stream",
            "parquet": "application/vnd.apache.parquet",
        }[kind]
        query = {"format": kind} if by == "query" else {}
        headers = {"accept": f"{media}, */*"} if by == "accept" else {}
        path = f"{V1}/catalog/models"
        answer = client.get(path, params=query, headers=headers)
        assert answer.headers["content-type"] == media
        return answer.content

    whole = project.catalog("models")
    assert pa.ipc.open_stream(ask("arrow")).read_all().equals(whole)
    assert pq.read_table(pa.BufferReader(ask("parquet"))).equals(whole)


def test_its_media_types_are_documented(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"][f"{V1}/catalog/{{kind}}"]
    assert described["get"]["responses"]["200"]["content"].keys() == {
        "application/json",
        "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet",
    }


def test_there_is_no_other_table(client: TestClient) -> None:
    answer = client.get(f"{V1}/catalog/people")
    assert answer.status_code == 400
    assert "'metrics'" in answer.json()["detail"]
