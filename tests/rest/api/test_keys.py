"""API keys through the JSON API: as on the command line, and nothing else is shown."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts.project import Project
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.keys import Keys
from hopsartifacts.rest.uploads import Uploads
from tests.rest.conftest import bearing

KEYS = "/api/v1/keys"
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


@pytest.fixture
def admin(project: Project, keys: Keys, tmp_path: Path) -> Iterator[TestClient]:
    """A client with a key for everything, of a server with keys in a file."""
    _, text = keys.create("root", ["admin"])
    uploads = Uploads(project.storage, tmp_path / "server")
    app = create_app(Hosted(project, keys, uploads))
    with TestClient(app, headers={"authorization": f"ApiKey {text}"}) as client:
        yield client
    uploads.close()


@pytest.fixture
def make(admin: TestClient) -> Make:
    """Create a key; return the answer."""

    def make(name: str = "ann", **more: Any) -> dict[str, Any]:
        answer = admin.post(KEYS, json={"name": name, **more})
        assert answer.status_code == 201
        made: dict[str, Any] = answer.json()
        return made

    return make


def me(client: TestClient, text: str) -> Any:
    return client.get("/api/v1/me", headers={"authorization": f"ApiKey {text}"})


def listed(client: TestClient) -> dict[str, dict[str, Any]]:
    return {it["name"]: it for it in client.get(KEYS).json()["items"]}


def test_a_key_is_shown_once(admin: TestClient, make: Make, keys: Keys) -> None:
    made = make("ann", scopes=["deploy"])
    text = made.pop("key")
    assert me(admin, text).json()["name"] == "ann"
    assert listed(admin)["ann"] == made
    assert made["state"] == "valid"
    assert made["scopes"] == ["deploy"]
    assert (made["expires"], made["revoked"], made["sessions"]) == (None, None, 0)
    shown = admin.get(KEYS).text
    for hidden in (text.partition(".")[2], *(it.digest for it in keys.list())):
        assert hidden not in shown
    assert listed(admin)["root"]["is_own"]


def test_a_key_has_the_scopes_that_one_of_the_command_line_has(make: Make) -> None:
    assert make("ann")["scopes"] == ["read", "write", "deploy"]


def test_a_key_expires(admin: TestClient, make: Make) -> None:
    made = make("ann", expires_in_s=3600)
    end = datetime.fromisoformat(made["expires"])
    assert timedelta(minutes=55) < end - datetime.now(UTC) <= timedelta(hours=1)
    soon = make("bob", expires_in_s=0.001)
    assert me(admin, soon["key"]).status_code == 401
    assert listed(admin)["bob"]["state"] == "expired"


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_key_is_revoked(admin: TestClient, make: Make, by: str) -> None:
    made = make()
    answer = admin.delete(f"{KEYS}/{made[by]}")
    assert answer.status_code == 200
    assert answer.json()["state"] == listed(admin)["ann"]["state"] == "revoked"
    assert answer.json()["revoked"]
    assert me(admin, made["key"]).status_code == 401
    again = admin.delete(f"{KEYS}/{made[by]}")
    assert again.status_code == 404
    assert "no key" in again.json()["detail"]
    assert make("ann")["id"] != made["id"]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 400, "/name"),
        ({"name": "a b"}, 400, "/name"),
        ({"name": ""}, 400, "/name"),
        ({"name": "root"}, 409, "/name"),
        ({"name": "a", "scopes": []}, 400, "/scopes"),
        ({"name": "a", "scopes": ["root"]}, 400, "/scopes/0"),
        ({"name": "a", "expires_in_s": 0}, 400, "/expires_in_s"),
        ({"name": "a", "expires_in_s": -1}, 400, "/expires_in_s"),
        ({"name": "a", "expires_in_s": 1e300}, 400, "/expires_in_s"),
        ({"name": "a", "scope": ["read"]}, 400, "/scope"),
    ],
)
def test_a_key_that_cannot_be_made_says_why(
    admin: TestClient, keys: Keys, body: dict[str, Any], status: int, pointer: str
) -> None:
    answer = admin.post(KEYS, json=body)
    assert answer.status_code == status
    assert [it["pointer"] for it in answer.json()["problems"]] == [pointer]
    assert [it.name for it in keys.list()] == ["root"]


def test_only_an_administrator_manages_keys(
    admin: TestClient, make: Make, keys: Keys
) -> None:
    made = make("ann", scopes=["read", "write", "deploy"])
    bearer = {"authorization": f"ApiKey {made['key']}"}
    body = {"name": "eve", "scopes": ["admin"]}
    for method, path, sent in (
        ("GET", KEYS, None),
        ("POST", KEYS, body),
        ("DELETE", f"{KEYS}/root", None),
    ):
        answer = admin.request(method, path, json=sent, headers=bearer)
        assert answer.status_code == 403
        assert "'admin'" in answer.json()["detail"]
    assert [it.name for it in keys.list()] == ["root", "ann"]
    assert all(it.revoked is None for it in keys.list())


def test_lists_are_sorted_and_come_in_pages(admin: TestClient, make: Make) -> None:
    for name in ("carl", "ann", "bob"):
        make(name)
    page = admin.get(KEYS, params={"sort": "name", "limit": 2}).json()
    assert [it["name"] for it in page["items"]] == ["ann", "bob"]
    rest = admin.get(KEYS, params={"sort": "name", "cursor": page["next"]}).json()
    assert [it["name"] for it in rest["items"]] == ["carl", "root"]
    assert rest["total"] == 4


def test_a_server_without_keys_says_why(client: TestClient) -> None:
    for method, path in (("GET", KEYS), ("POST", KEYS), ("DELETE", f"{KEYS}/a")):
        body = {"name": "a"} if method == "POST" else None
        answer = client.request(method, path, json=body, headers=bearing("admin"))
        assert answer.status_code == 422
        assert "hopsartifacts serve" in answer.json()["detail"]


def test_scopes_say_what_they_allow(admin: TestClient, make: Make) -> None:
    scopes = {it["scope"]: it for it in admin.get("/api/v1/scopes").json()}
    assert scopes["write"]["includes"] == ["read"]
    assert scopes["admin"]["includes"] == ["read", "write", "deploy"]
    assert all(it["allows"] for it in scopes.values())
    chosen = [name for name, it in scopes.items() if it["is_default"]]
    assert make("ann")["scopes"] == chosen
