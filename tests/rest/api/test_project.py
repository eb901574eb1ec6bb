"""The project, whose key it is, and the description of all operations."""

from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from hopsartifacts import Project
from hopsartifacts.rest.application import API_OPERATIONS


def test_the_project(project: Project, get: Callable[..., Any]) -> None:
    shown = get("/project")
    assert (shown["name"], shown["url"]) == ("demo", project.url)
    assert (shown["format"], shown["is_local"], shown["verdict"]) == (1, True, None)
    assert get("/me") == {
        "name": "admin",
        "scopes": ["admin"],
        "allows": ["read", "write", "deploy", "admin"],
        "login": "key",
        "read_only": False,
        "has_keys": True,
    }


def test_nothing_is_told_without_a_key(client: TestClient) -> None:
    nobody = {"authorization": ""}
    for path in ("/project", "/me", "/events", "/models", "/jobs"):
        answer = client.get(f"/api/v1{path}", headers=nobody)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_operation_is_described(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    for operation in API_OPERATIONS:
        shown = described["paths"][operation.path][operation.method.lower()]
        good = shown["responses"][str(operation.status)]
        if operation.status == 204:
            assert "content" not in good
        else:
            assert operation.gives in good["content"]
        problem = shown["responses"]["400"]["content"]["application/problem+json"]
        assert problem["schema"]["$ref"].endswith("/ProblemDocument")
    page = schemas["Page_VersionRow_"]["properties"]
    assert page["items"]["items"]["$ref"].endswith("/VersionRow")
    names = [
        it["name"]
        for it in described["paths"]["/api/v1/model-versions"]["get"]["parameters"]
    ]
    assert {"limit", "cursor", "sort", "metric", "metric_min", "tag"} <= set(names)
