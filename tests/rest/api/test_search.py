"""Search: what is found by which words, in what order, and in how much time."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Model, Project
from hopsartifacts.rest import search

V1 = "/api/v1"
Get = Callable[..., Any]


@pytest.fixture
def filled(
    deployed: Callable[..., Any], save_model: Callable[..., Model], project: Project
) -> None:
    """Two models, one deployment, three files; aliases and tags on versions."""
    deployed("flowers", "iris")
    second = save_model("iris", tags={"stage": "Prüfung", "owner": {"team": "bees"}})
    second.set_alias("champion")
    save_model("iris-wide").set_alias("challenger")
    for path in ("Resources/iris.csv", "Resources/data/deep/iris.csv", "notes.txt"):
        project.storage.write(path, [b"1"])
    project.storage.write("Models/train_iris.py", [b"1"])


def short(hit: dict[str, Any]) -> str:
    """Return a hit as one line."""
    where = hit["path"] or hit["name"]
    version = "" if hit["version"] is None else f" {hit['version']}"
    matched = f" ({hit['matched']})" if hit["matched"] else ""
    return f"{hit['kind']} {where}{version}{matched}"


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (
            "iris",
            [
                "model iris",
                "model iris-wide",
                "file Resources/iris.csv",
                "file Resources/data/deep/iris.csv",
                "file Models/train_iris.py",
            ],
        ),
        ("FLOW", ["deployment flowers"]),
        ("champion", ["version iris 2 (alias champion)"]),
        ("iris@champion", ["version iris 2 (alias champion)"]),
        ("wide chall", ["version iris-wide 1 (alias challenger)"]),
        ("stage", ["version iris 2 (tag stage: Prüfung)"]),
        ("PRÜFUNG", ["version iris 2 (tag stage: Prüfung)"]),
        ("Pru\u0308fung", ["version iris 2 (tag stage: Prüfung)"]),
        ("bees", ['version iris 2 (tag owner: {"team":"bees"})']),
        ("iris 1", ["version iris 1", "version iris-wide 1"]),
        ("iris v2", ["version iris 2"]),
        ("2", []),
        ("deep/", ["file Resources/data/deep/iris.csv"]),
        ("predict.py", []),  # of an artifact
        ("iris nothing", []),
        ("", []),
        ("  ", []),
        ("<script>", []),
    ],
)
def test_what_is_found(get: Get, words: str, found: list[str]) -> None:
    answer = get("/search", q=words)
    assert [short(it) for it in answer["hits"]] == found
    assert answer["is_whole"]


@pytest.mark.usefixtures("filled")
def test_a_search_is_narrowed(get: Get) -> None:
    assert len(get("/search", q="iris", limit=2)["hits"]) == 2
    kinds = [it["kind"] for it in get("/search", q="iris", kind="file")["hits"]]
    assert kinds == ["file"] * 3
    kinds = [it["kind"] for it in get("/search", q="iris", files=False)["hits"]]
    assert kinds == ["model", "model"]


def test_what_changed_is_found_at_once(
    model: Model, project: Project, get: Get
) -> None:
    assert get("/search", q="champion")["hits"] == []
    model.set_alias("champion")
    assert len(get("/search", q="champion")["hits"]) == 1
    model.add_tag("colour", "red")
    assert len(get("/search", q="red")["hits"]) == 1
    project.get_model_registry().delete_alias(model.name, "champion")
    model.delete()
    assert get("/search", q="red")["hits"] == []


@pytest.mark.parametrize(
    "query", [{"q": "x" * 300}, {"limit": 0}, {"limit": 101}, {"kind": "colour"}]
)
def test_what_cannot_be_searched_is_refused(
    client: TestClient, query: dict[str, Any]
) -> None:
    assert client.get(f"{V1}/search", params=query).status_code == 400


def test_a_search_that_has_no_time_for_all_files_says_so(
    project: Project, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.storage.write("Resources/a.txt", [b"1"])
    monkeypatch.setattr(search, "FILES_S", -1)
    assert get("/search", q="a.txt") == {"hits": [], "is_whole": False}
    assert get("/search", q="a.txt", files=False)["is_whole"]
