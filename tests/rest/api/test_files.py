"""The files of the project: listed, read, written where that is the user's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Project

V1 = "/api/v1"


def at(path: str) -> str:
    return f"{V1}/files/{quote(path, safe='')}"


def test_the_project_is_browsed(
    deployed: Callable[..., Any], get: Callable[..., Any]
) -> None:
    deployed()
    top = get("/files")
    assert [it["name"] for it in top["items"]] == [
        "Deployments",
        "Logs",
        "Models",
        "Resources",
    ]
    version = get("/files", path="Models/my_model/1")
    assert [(it["name"], it["kind"]) for it in version["items"]] == [
        ("Artifacts", "folder"),
        ("Files", "folder"),
    ]
    assert all(it["is_managed"] for it in version["items"])
    file = get("/files", path="Models/my_model/1/Files")["items"][0]
    assert (file["path"], file["size_bytes"]) == (
        "Models/my_model/1/Files/model.bin",
        8,
    )
    assert get("/files", path="/Projects/demo/Models/my_model/1/Files")["total"] == 1
    artifacts = get("/files", path="Models/my_model/1/Artifacts/1")
    assert artifacts["items"][0]["name"] == "predictor-predict.py"


def test_a_script_in_models_is_the_users(
    client: TestClient, get: Callable[..., Any]
) -> None:
    script = at("Models/predict_example.py")
    made = client.put(f"{script}/content", content=b"print(1)")
    assert (made.status_code, made.json()["is_managed"]) == (201, False)
    assert client.get(f"{script}/content").content == b"print(1)"
    assert [it["is_managed"] for it in get("/files", path="Models")["items"]] == [False]
    assert client.put(f"{at('Models/x')}/content", content=b"").status_code == 403
    assert client.put(f"{V1}/folders/Models%2Fx.d").status_code == 403
    assert client.delete(script).status_code == 204
    assert get("/files", path="Models")["total"] == 0


def test_files_are_written_read_and_removed(
    client: TestClient, get: Callable[..., Any]
) -> None:
    for path, data in (("Resources/ü b/p.py", b"print(1)"), ("Resources/z", b"")):
        made = client.put(f"{at(path)}/content", content=data)
        assert made.status_code == 201, made.text
        assert made.headers["location"] == at(path)
        assert made.json()["size_bytes"] == len(data)
        assert client.get(f"{at(path)}/content").content == data
        assert client.put(f"{at(path)}/content", content=b"x").status_code == 409
        again = client.put(f"{at(path)}/content?overwrite=true", content=b"12345")
        assert again.json()["size_bytes"] == 5
    listed = get("/files", path="Resources")
    assert [it["name"] for it in listed["items"]] == ["ü b", "z"]
    assert get("/files", path="Resources", kind="file")["total"] == 1
    assert get("/files", path="Resources", name="Z")["total"] == 1
    part = client.get(f"{at('Resources/z')}/content", headers={"range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"23")
    assert client.get(at("Resources/z")).json()["kind"] == "file"
    assert client.delete(at("Resources/z")).status_code == 204
    assert client.get(at("Resources/z")).status_code == 404
    assert client.delete(at("Resources/z")).status_code == 404


def test_folders_are_made(client: TestClient, get: Callable[..., Any]) -> None:
    folder = f"{V1}/folders/{quote('Resources/new', safe='')}"
    assert client.put(folder).status_code == 201
    assert client.put(folder).status_code == 409
    assert get("/files", path="Resources")["items"][0]["name"] == "new"
    assert client.delete(at("Resources/new")).status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        "Models/my_model/1/Files/model.bin",
        "Models/new/1/x",
        "Deployments/x/y",
        ".hopsartifacts/project.json",
        "Models",
        "Resources/../Models/x",
        "/Projects/other/Resources/x",
        "x",
        "Resources/a#b",
        "Resources/a\\b",
        "Resources/..",
        "",
    ],
)
def test_nothing_else_is_written(
    client: TestClient, deployed: Callable[..., Any], project: Project, path: str
) -> None:
    deployed()
    for method, place in (("PUT", f"{at(path)}/content"), ("DELETE", at(path))):
        answer = client.request(method, place, content=b"x")
        assert answer.status_code in {400, 403, 404, 405}, answer.text
    assert project.verify().ok


def test_a_path_begins_in_the_project(client: TestClient, project: Project) -> None:
    made = client.put(f"{at('/etc/passwd')}/content", content=b"mine")
    assert made.json()["path"] == "etc/passwd"
    assert project.storage.read("etc/passwd") == b"mine"
    there = Path("/etc/passwd")
    assert not there.exists() or there.read_bytes() != b"mine"


def test_links_lead_nowhere(
    client: TestClient, project: Project, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    client.put(f"{at('Resources/z')}/content", content=b"x")
    folder = project.storage.local_path("Resources")
    assert folder
    (folder / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "secret")
    for path in ("Resources/link/secret", "Resources/file", "Resources/link"):
        assert client.get(f"{at(path)}/content").status_code == 404
        answer = client.put(f"{at(path)}/content?overwrite=true", content=b"x")
        assert answer.status_code in {400, 409}, answer.text
    assert (outside / "secret").read_text() == "secret"
    assert sorted(it.name for it in outside.iterdir()) == ["secret"]


def test_a_list_has_what_was_written_just_before(
    client: TestClient, project: Project, get: Callable[..., Any]
) -> None:
    client.put(f"{at('Resources/n/a')}/content", content=b"x")
    folder = project.storage.local_path("Resources/n")
    assert folder
    for number in range(30):
        (folder / f"f{number}").write_bytes(b"x" * number)
        (folder / f"d{number}").mkdir()
        assert get("/files", path="Resources/n")["total"] == 3 + 2 * number
    (folder / "f3").unlink()
    (folder / "d3").rmdir()
    (folder / "d3").write_bytes(b"123")
    (folder / "link").symlink_to(folder / "a")
    rows = get("/files", path="Resources/n", limit=100, sort="-name")["items"]
    assert len(rows) == 60
    assert [it["name"] for it in rows[-2:]] == ["d1", "d0"]
    found = {it["name"]: (it["kind"], it["size_bytes"]) for it in rows}
    assert (found["d3"], found["f7"]) == (("file", 3), ("file", 7))
    assert not {"f3", "link"} & found.keys()
    (folder / "f7").write_bytes(b"longer than before")
    rows = get("/files", path="Resources/n", name="F7")["items"]
    assert [it["size_bytes"] for it in rows] == [18]
    assert get("/files", path="Resources/n", kind="folder")["total"] == 29
    first = get("/files", path="Resources/n", limit=20)
    (folder / "d0").rmdir()
    rest = get("/files", path="Resources/n", limit=100, cursor=first["next"])
    assert (len(first["items"]), len(rest["items"])) == (20, 40)
    assert (
        client.get(f"{V1}/files", params={"path": "Resources/n/a"}).status_code == 400
    )
    assert client.get(f"{V1}/files", params={"path": "Resources/m"}).status_code == 404
