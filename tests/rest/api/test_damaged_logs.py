"""A log that cannot be read fails its own pages, and no page of another one."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Project, layout
from hopsartifacts.rest import deployment_states, rows
from hopsartifacts.rest.hosted import Hosted
from tests.rest.api.listening import serving
from tests.rest.conftest import FixedKeys


@pytest.fixture
def damaged(
    project: Project, deployed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Any]:
    """Damage the newest entry of a log; return a function that restores it."""
    monkeypatch.setattr(rows, "_COMPARE_S", 0)
    for number in "12":
        deployed(f"d{number}", f"m{number}")

    def damage(log: str) -> Callable[[], None]:
        storage = project.storage
        path = min(entry.path for entry in storage.find(log))
        data = storage.read(path)

        def put(content: bytes) -> None:
            storage.delete_tree(path)
            storage.write(path, [content])

        put(data[:-9])
        return lambda: put(data)

    return damage


def shown(page: Any) -> tuple[list[str], list[str]]:
    """Return the names in a list, and the names of what it lacks."""
    names = [it.get("name") or it["model"] for it in page["items"]]
    assert page["total"] == len(names)
    return names, page.get("damaged", [])


def test_a_damaged_model_is_named_in_lists_that_show_the_others(
    damaged: Callable[[str], Any], get: Callable[..., Any], client: TestClient
) -> None:
    whole = {it: get(it) for it in ("/models", "/model-versions", "/deployments")}
    restore = damaged(layout.model_log("m1"))
    for _ in range(2):
        assert shown(get("/models")) == (["m2"], ["m1"])
        assert shown(get("/model-versions")) == (["m2"], ["m1"])
        assert shown(get("/deployments")) == (["d2"], ["d1"])
    assert get("/models/m2")["deployments"] == ["d2"]
    assert shown(get("/models/m2/versions")) == (["m2"], [])
    [use] = get("/models/m2/versions/1")["deployments"]
    assert use["deployment"] == "d2"
    for path in ("/models/m1", "/models/m1/versions", "/models/m1/versions/1"):
        answer = client.get(f"/api/v1{path}")
        assert answer.status_code == 500
        assert "Models/m1/_log" in answer.json()["detail"]
    restore()
    assert {it: get(it) for it in whole} == whole


def test_a_damaged_deployment_is_named_in_the_list_of_the_others(
    damaged: Callable[[str], Any], get: Callable[..., Any], client: TestClient
) -> None:
    whole = {it: get(it) for it in ("/models", "/models/m1", "/deployments")}
    restore = damaged(layout.deployment_log("d1"))
    assert shown(get("/deployments")) == (["d2"], ["d1"])
    assert shown(get("/models")) == (["m1", "m2"], [])
    for model, users in (("m1", []), ("m2", ["d2"])):
        assert get(f"/models/{model}")["deployments"] == users
        version = get(f"/models/{model}/versions/1")
        assert [it["deployment"] for it in version["deployments"]] == users
        artifacts = get(f"/models/{model}/versions/1/artifacts")["items"]
        assert artifacts[-1]["deployments"] == users
    answer = client.get("/api/v1/deployments/d1")
    assert answer.status_code == 500
    assert "Deployments/d1/_log" in answer.json()["detail"]
    restore()
    assert {it: get(it) for it in whole} == whole


def test_a_model_that_a_damaged_deployment_may_use_is_not_deleted(
    damaged: Callable[[str], Any], get: Callable[..., Any], client: TestClient
) -> None:
    damaged(layout.deployment_log("d1"))
    assert client.delete("/api/v1/models/m1/versions/1").status_code == 500
    assert shown(get("/models/m1/versions")) == (["m1"], [])


def test_lists_of_hopsworks_show_the_others(
    damaged: Callable[[str], Any],
    client: TestClient,
    hosted: Hosted,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They have no place for the name, so the server's log has it."""
    number = hosted.project_id
    api = f"/hopsworks-api/api/project/{number}"

    def names(path: str) -> list[str]:
        found = client.get(f"{api}{path}").json()
        items = found if isinstance(found, list) else found["items"]
        return sorted(it.get("name") or it["attributes"]["name"] for it in items)

    models = f"/modelregistries/{number}/models"
    restore = damaged(layout.deployment_log("d1"))
    assert names("/serving") == ["d2"]
    assert names("/dataset/Deployments?action=listing") == ["d2"]
    assert names(models) == ["m1", "m2"]
    assert "deployment 'd1' is not listed" in caplog.text
    damaged(layout.model_log("m1"))
    restore()
    assert names("/serving") == ["d2"]
    assert names(models) == ["m2"]
    assert "model 'm1' is not listed" in caplog.text


def test_events_tell_of_the_others(
    damaged: Callable[[str], Any],
    deployed: Callable[..., Any],
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deployment_states, "_PAUSE_S", 0.02)
    monkeypatch.setattr(deployment_states, "_SHORTEST_S", 0.02)
    restore = damaged(layout.deployment_log("d1"))
    with (
        serving(Hosted(project, FixedKeys(), None)) as server,
        server.listen() as listener,
    ):
        listener.next()
        deployed("d3", "m3")
        listener.until("deployment", name="d3")
        restore()
        listener.until("deployment", name="d1")
