"""Model versions saved from uploads and from files of the project."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.uploads import UploadLimits, Uploads
from hopsartifacts.storage.contract import Storage
from tests.rest.conftest import FixedKeys, bearing

V1 = "/api/v1"
SAVES = f"{V1}/models/my_model/saves"
ABOUT = {
    "framework": "SKLEARN",
    "description": "From a browser",
    "metrics": {"accuracy": 0.9, "n": 3},
    "tags": {"stage": {"at": None}},
    "input_example": [1, 2],
}


def upload(client: TestClient, data: bytes, sent: int | None = None) -> str:
    """Upload a file that has no path in the project, and return its id."""
    made = client.post(f"{V1}/uploads", json={"size": len(data)})
    assert made.status_code == 201, made.text
    part = data[:sent]
    address = made.headers["location"]
    assert client.put(f"{address}?offset=0", content=part).status_code == 200
    return str(made.json()["id"])


def contents(project: Project, folder: Path) -> dict[str, bytes]:
    """Return the files of the model's newest version."""
    model = project.get_model_registry().get_model("my_model")
    top = Path(model.download(folder))
    found = (it for it in top.rglob("*") if it.is_file())
    return {str(it.relative_to(top)): it.read_bytes() for it in found}


def test_a_version_is_saved_from_uploads(
    client: TestClient,
    project: Project,
    finished: Callable[[Any], Any],
    tmp_path: Path,
) -> None:
    files = {"model.bin": b"weights", "sub/ü b.txt": b"text", "sub/empty": b""}
    named = [{"path": it, "upload": upload(client, files[it])} for it in files]
    job = finished(client.post(SAVES, json={**ABOUT, "uploads": named}))
    assert (job["status"], job["subject"]) == ("done", "my_model"), job
    assert job["result"] == {"kind": "save", "model": "my_model", "version": 1}
    assert job["progress"]["done_bytes"] == job["progress"]["size_bytes"] > 0
    detail = client.get(f"{V1}/models/my_model/versions/1").json()
    assert {it: detail[it] for it in ABOUT} == ABOUT
    assert detail["creator"] == "admin"
    assert contents(project, tmp_path / "out") == files
    assert client.get(f"{V1}/uploads").json()["total"] == 0


@pytest.mark.parametrize("source", ["Resources/trained", "Resources/trained/a.bin"])
def test_a_version_is_saved_from_the_project(
    storage_of_each_kind: Storage, tmp_path: Path, source: str
) -> None:
    project = Project(storage_of_each_kind)
    uploads = Uploads(project.storage, tmp_path / "s", UploadLimits(min_free_bytes=0))
    hosted = Hosted(project, FixedKeys(), uploads)
    files = {"a.bin": b"a", "sub/ü b": b"b"}
    for path, data in files.items():
        project.storage.write(f"Resources/trained/{path}", [data])
    app = create_app(hosted)
    with TestClient(app, headers=bearing("writer")) as client:
        answer = client.post(SAVES, json={"framework": "PYTHON", "source": source})
        assert answer.status_code == 202, answer.text
        job = answer.json()
        while job["status"] == "running":
            job = client.get(f"{V1}/jobs/{job['id']}").json()
    assert job["status"] == "done", job
    wanted = files if source == "Resources/trained" else {"a.bin": b"a"}
    assert contents(project, tmp_path / "out") == wanted
    assert project.storage.read("Resources/trained/a.bin") == b"a"
    uploads.close()


FILE = {"path": "a", "upload": "whole"}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"framework": "PYTHON"}, 400, "either"),
        ({"framework": "PYTHON", "uploads": []}, 400, "either"),
        ({"framework": "PYTHON", "uploads": [FILE], "source": "x"}, 400, "either"),
        ({"uploads": [FILE]}, 400, "framework"),
        ({"framework": "CAFFE", "uploads": [FILE]}, 400, "framework"),
        ({"framework": "PYTHON", "uploads": [FILE], "colour": 1}, 400, "colour"),
        ({"framework": "PYTHON", "uploads": [FILE], "version": 0}, 400, "0"),
        ({"framework": "PYTHON", "uploads": [FILE], "metrics": {"a": "b"}}, 400, "met"),
        ({"framework": "PYTHON", "uploads": [FILE], "tags": {"a b": 1}}, 400, "a b"),
        ({"framework": "PYTHON", "uploads": [FILE, FILE]}, 400, "twice"),
        (
            {"framework": "PYTHON", "uploads": [FILE, {**FILE, "path": "b"}]},
            400,
            "twice",
        ),
        (
            {
                "framework": "PYTHON",
                "uploads": [FILE, {"path": "A", "upload": "other"}],
            },
            400,
            "A",
        ),
        ({"framework": "PYTHON", "uploads": [{**FILE, "path": "../x"}]}, 400, "../x"),
        ({"framework": "PYTHON", "uploads": [{**FILE, "path": "/etc/x"}]}, 400, "/etc"),
        (
            {"framework": "PYTHON", "uploads": [{"path": "a", "upload": "half"}]},
            409,
            "2 of 4 bytes",
        ),
        (
            {"framework": "PYTHON", "uploads": [{"path": "a", "upload": "none"}]},
            404,
            "none",
        ),
        ({"framework": "PYTHON", "source": "Models/m/1/Files"}, 403, "managed"),
        ({"framework": "PYTHON", "source": ""}, 403, "managed"),
        ({"framework": "PYTHON", "source": "Resources/no"}, 404, "does not exist"),
        ({"framework": "PYTHON", "source": "Resources/../Models"}, 400, ".."),
        ({"framework": "PYTHON", "source": "Resources/link/x"}, 404, "link"),
    ],
)
def test_what_cannot_be_saved_is_refused_at_once(
    client: TestClient, project: Project, body: Any, status: int, words: str
) -> None:
    project.storage.write("Resources/there", [b"x"])
    folder = project.storage.local_path("Resources")
    assert folder
    (folder / "link").symlink_to(folder)
    ids = {
        "whole": upload(client, b"data"),
        "other": upload(client, b"data"),
        "half": upload(client, b"data", 2),
    }
    if named := body.get("uploads"):
        named = [{**it, "upload": ids.get(it["upload"], it["upload"])} for it in named]
        body = {**body, "uploads": named}
    answer = client.post(SAVES, json=body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    assert project.get_model_registry().list_models() == []
    assert client.get(f"{V1}/uploads").json()["total"] == 3


def test_a_failed_save_keeps_the_uploads(
    client: TestClient, project: Project, finished: Callable[[Any], Any]
) -> None:
    """So the user can change the number, and try again without sending them again."""
    body = {"framework": "PYTHON", "version": 2}
    first = [{"path": "a", "upload": upload(client, b"1")}]
    assert finished(client.post(SAVES, json={**body, "uploads": first}))["result"]
    named = [{"path": "a", "upload": upload(client, b"2")}]
    job = finished(client.post(SAVES, json={**body, "uploads": named}))
    assert (job["status"], job["error"]["status"]) == ("failed", 409)
    assert client.get(f"{V1}/uploads").json()["items"][0]["status"] == "open"
    both = [*named, {"path": "a/b", "upload": upload(client, b"3")}]
    job = finished(client.post(SAVES, json={"framework": "PYTHON", "uploads": both}))
    assert (job["error"]["status"], "folder" in job["error"]["detail"]) == (400, True)
    job = finished(client.post(SAVES, json={"framework": "PYTHON", "uploads": named}))
    assert job["result"]["version"] == 3
    assert len(project.get_model_registry().get_models("my_model")) == 2


def test_a_folder_with_a_link_is_not_saved(
    client: TestClient,
    project: Project,
    finished: Callable[[Any], Any],
    tmp_path: Path,
) -> None:
    """A link could lead to any file that the server can read."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    project.storage.write("Resources/m/a", [b"x"])
    folder = project.storage.local_path("Resources/m")
    assert folder
    (folder / "link").symlink_to(secret)
    body = {"framework": "PYTHON", "source": "Resources/m"}
    job = finished(client.post(SAVES, json=body))
    assert (job["status"], "link" in job["error"]["detail"]) == ("failed", True)
    (folder / "link").unlink()
    assert finished(client.post(SAVES, json=body))["status"] == "done"
    assert hopsartifacts.login(project.url).verify().ok
