"""What files belong to, what uses them, and what the last verification found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Model, Project
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.uploads import Uploads
from tests.rest.conftest import FixedKeys, bearing

V1 = "/api/v1"
FILE = "Models/my_model/1/Files/model.bin"
SCRIPT = "Models/my_model/1/Artifacts/1/predictor-predict.py"
SHOWN = "Deployments/flowers/1/predictor-predict.py"
Get = Callable[..., Any]
Run = Callable[..., Any]


def row(get: Get, path: str) -> Any:
    return get(f"/files/{quote(path, safe='')}")


def state(get: Get, path: str) -> str:
    return str(row(get, path)["integrity"]["state"])


@pytest.fixture
def run(client: TestClient, finished: Callable[[Any], Any]) -> Run:
    """Run a job to its end and return its result."""

    def run(kind: str, **body: Any) -> Any:
        job = finished(client.post(f"{V1}/jobs/{kind}", json=body))
        assert job["status"] == "done", job
        return job["result"]

    return run


def damage(project: Project, path: str) -> None:
    project.storage.write(path, [b"edited"])
    project.storage.protect(path)


def intrude(project: Project, folder: str, name: str) -> None:
    project.storage.unprotect(folder)
    project.storage.write(f"{folder}/{name}", [b"x"])
    project.storage.protect(folder)


@pytest.mark.parametrize(
    ("path", "owner", "users"),
    [
        ("Models", None, []),
        ("Models/my_model", {"model": "my_model"}, []),
        ("Models/my_model/1", {"model": "my_model", "version": 1}, ["flowers"]),
        (FILE, {"model": "my_model", "version": 1}, ["flowers"]),
        (
            "Models/my_model/1/Artifacts/2",
            {"model": "my_model", "version": 1, "artifact": 2},
            [],
        ),
        (SCRIPT, {"model": "my_model", "version": 1, "artifact": 1}, ["flowers"]),
        ("Deployments/flowers", {"deployment": "flowers"}, ["flowers"]),
        (
            SHOWN,
            {
                "deployment": "flowers",
                "deployment_version": 1,
                "model": "my_model",
                "version": 1,
                "artifact": 1,
            },
            ["flowers"],
        ),
    ],
)
def test_a_managed_file_says_what_it_belongs_to_and_what_uses_it(
    deployed: Callable[..., Any],
    project: Project,
    make_script: Callable[..., Path],
    get: Get,
    path: str,
    owner: Any,
    users: list[str],
) -> None:
    deployed()
    model = project.get_model_registry().get_model("my_model", 1)
    script = make_script()
    script.write_text(f"{script.read_text()}# another\n")
    model.deploy("other", script_file=script).delete()
    found = row(get, path)
    known = {name: it for name, it in (found["belongs_to"] or {}).items() if it}
    assert known == (owner or {})
    assert found["deployments"] == users
    assert found["stored"] == (SCRIPT if path == SHOWN else path)


def test_the_users_own_files_have_no_marks(client: TestClient) -> None:
    place = f"{V1}/files/Resources%2Fa/content"
    made = client.put(place, content=b"x").json()
    assert (made["belongs_to"], made["integrity"], made["deployments"]) == (
        None,
        None,
        [],
    )
    assert (made["is_managed"], made["stored"]) == (False, "Resources/a")


def test_aliases_are_at_the_folder_of_their_version(
    save_model: Callable[..., Model], get: Get
) -> None:
    save_model("my_model").set_alias("champion")
    save_model("my_model")
    rows = get("/files", path="Models/my_model")["items"]
    assert [it["aliases"] for it in rows] == [["champion"], []]
    assert row(get, FILE)["aliases"] == []


def test_each_file_says_what_the_last_verification_found(
    deployed: Callable[..., Any], project: Project, get: Get, run: Run
) -> None:
    deployed()
    assert state(get, FILE) == "not_checked"
    assert run("verify")["path"] == ""
    for path in (FILE, SCRIPT, SHOWN, "Models/my_model/1", "Models", "Deployments"):
        found = row(get, path)["integrity"]
        assert (found["state"], found["detail"]) == ("intact", "")
        assert found["checked"].endswith("Z")
    damage(project, SCRIPT)
    assert state(get, SCRIPT) == "intact"  # as of that verification
    run("verify", path=SHOWN)
    for path in (SCRIPT, SHOWN, "Models/my_model/1/Artifacts", "Models"):
        assert state(get, path) == "changed"
    assert state(get, FILE) == "intact"
    listed = get("/files", path="Models/my_model/1/Artifacts/1")["items"]
    assert "instead of" in listed[0]["integrity"]["detail"]
    result = run("repair", path="Models/my_model/1", dry_run=True)
    assert result["dry_run"]
    assert "would be restored from the log" in result["repaired"][0]["action"]
    assert state(get, SCRIPT) == "changed"
    assert run("repair", path="Models/my_model/1")["ok"]
    assert state(get, SCRIPT) == "intact"
    assert project.verify().ok


def test_missing_and_extra_files_are_listed(
    deployed: Callable[..., Any],
    project: Project,
    client: TestClient,
    get: Get,
    run: Run,
) -> None:
    deployed()
    folder = "Models/my_model/1/Files"
    intrude(project, folder, "extra.bin")
    intrude(project, folder, "deep/er/extra.bin")
    project.storage.delete_tree(FILE)
    run("verify")
    listed = get("/files", path=folder)["items"]
    assert {it["name"]: (it["kind"], it["integrity"]["state"]) for it in listed} == {
        "deep": ("folder", "extra"),
        "extra.bin": ("file", "extra"),
        "model.bin": ("file", "missing"),
    }
    assert get("/files", path=folder, name="extra")["total"] == 1
    assert state(get, f"{folder}/extra.bin") == "extra"
    assert client.get(f"{V1}/files/{quote(folder, safe='')}%2Fno").status_code == 404
    result = run("repair", path="Models/my_model")
    assert not result["ok"]
    names = [it["name"] for it in get("/files", path=folder)["items"]]
    assert names == ["model.bin"]


def test_a_version_saved_since_is_not_checked(
    save_model: Callable[..., Model], get: Get, run: Run
) -> None:
    save_model("my_model")
    run("verify")
    save_model("my_model")
    states = [
        it["integrity"]["state"]
        for it in get("/files", path="Models/my_model")["items"]
    ]
    assert states == ["intact", "not_checked"]
    run("verify", path="Models/my_model/2")
    assert state(get, "Models/my_model/2/Files/model.bin") == "intact"
    assert state(get, FILE) == "intact"


def test_findings_are_a_list(
    save_model: Callable[..., Model], project: Project, get: Get, run: Run
) -> None:
    save_model("my_model", {"a": b"1", "b": b"2"})
    save_model("other")
    assert get("/integrity") == {"state": "not_checked", "checked": None, "detail": ""}
    run("verify")
    assert get("/integrity")["state"] == "intact"
    damage(project, "Models/my_model/1/Files/a")
    damage(project, "Models/my_model/1/Files/b")
    run("verify", path="Models/my_model/1/Files/a")
    assert get("/findings")["total"] == 1
    run("verify", path="Models/my_model")
    page = get("/findings", limit=1)
    assert (page["total"], page["items"][0]["kind"]) == (2, "changed")
    rest = get("/findings", cursor=page["next"])["items"]
    assert [it["path"] for it in rest] == ["Models/my_model/1/Files/b"]
    assert get("/findings", path="Models/other")["total"] == 0
    assert get("/integrity", path="Models")["state"] == "changed"


def test_what_was_found_survives_a_restart(
    save_model: Callable[..., Model], project: Project, tmp_path: Path
) -> None:
    save_model("my_model")
    folder = tmp_path / "own"
    folder.mkdir()
    for number in range(3):
        uploads = Uploads(project.storage, tmp_path / f"server{number}")
        hosted = Hosted(project, FixedKeys(), uploads, folder=folder)
        with TestClient(create_app(hosted), headers=bearing("admin")) as client:
            if number == 0:
                job = client.post(f"{V1}/jobs/verify").json()
                while job["status"] == "running":
                    job = client.get(f"{V1}/jobs/{job['id']}").json()
            found = client.get(f"{V1}/integrity").json()["state"]
            assert found == ("not_checked" if number == 2 else "intact")
        hosted.close()
        uploads.close()
        if number == 1:
            (folder / "verifications.json").write_bytes(b"{damaged")


@pytest.mark.parametrize("kind", ["verify", "repair"])
def test_only_managed_paths_are_verified(
    client: TestClient, finished: Callable[[Any], Any], kind: str
) -> None:
    for path in ("Resources", ".hopsartifacts", "..", "/Projects/other/Models"):
        answer = client.post(f"{V1}/jobs/{kind}", json={"path": path})
        assert answer.status_code == 400, answer.text
        assert client.get(f"{V1}/findings", params={"path": path}).status_code == 400
    job = finished(client.post(f"{V1}/jobs/{kind}", json={"path": "Models/none/1"}))
    assert (job["status"], job["error"]["status"]) == ("failed", 404)
    assert client.post(f"{V1}/jobs/{kind}", json={"where": ""}).status_code == 400


def test_a_repair_needs_its_scope_even_as_a_dry_run(client: TestClient) -> None:
    answer = client.post(
        f"{V1}/jobs/repair", json={"dry_run": True}, headers=bearing("writer")
    )
    assert answer.status_code == 403


def test_previews_show_what_is_stored_and_how_it_differs(
    deployed: Callable[..., Any],
    project: Project,
    client: TestClient,
    get: Get,
    run: Run,
) -> None:
    deployed()
    folder = "Models/my_model/1/Files"
    saved = project.storage.read(SCRIPT)
    for path in (SCRIPT, SHOWN):
        assert get(f"/files/{quote(path, safe='')}/changes")["lines"] == []
    damage(project, FILE)
    project.storage.write(SCRIPT, [saved + b"# edited\n"])
    project.storage.protect(SCRIPT)
    intrude(project, folder, "extra.txt")
    run("verify")
    for path in (SCRIPT, SHOWN):
        lines = get(f"/files/{quote(path, safe='')}/changes")["lines"]
        assert [it for it in lines[2:] if it[0] in "+-"] == ["+# edited"]
        text = get(f"/files/{quote(path, safe='')}/preview")["content"]["text"]
        assert text.endswith("# edited\n")
    shown = get(f"/files/{quote(FILE, safe='')}/preview")
    assert (shown["content"]["text"], shown["size_bytes"]) == ("edited", 6)
    assert get(f"/files/{quote(FILE, safe='')}/changes")["lines"] is None
    extra = quote(f"{folder}/extra.txt", safe="")
    assert get(f"/files/{extra}/preview")["content"]["text"] == "x"
    project.storage.delete_tree(SCRIPT)
    text = get(f"/files/{quote(SCRIPT, safe='')}/preview")["content"]["text"]
    assert text.encode() == saved  # it is in the log
    for path in (".hopsartifacts/project.json", "Models/my_model/_log", folder):
        answer = client.get(f"{V1}/files/{quote(path, safe='')}/preview")
        assert answer.status_code == 404, path


def test_a_file_is_compared_with_that_of_another_version(
    deployed: Callable[..., Any], client: TestClient, get: Get
) -> None:
    deployed()
    for name, data in {
        "a": b"1\n2\n",
        "b": b"1\n3\n",
        "c": b"\xff",
        "d": b"1" * 99999,
    }.items():
        made = client.put(f"{V1}/files/Resources%2F{name}/content", content=data)
        assert made.status_code == 201

    def changes(path: str, since: str) -> Any:
        return get(f"/files/{quote(path, safe='')}/changes", since=since)["lines"]

    assert changes("Resources/b", "Resources/a")[3:] == [" 1", "-2", "+3"]
    assert changes("Resources/a", "/Projects/demo/Resources/b")[3:] == [
        " 1",
        "-3",
        "+2",
    ]
    assert changes("Resources/a", "Resources/a") == []
    assert changes(SCRIPT, "Resources/a")[-1].startswith("+")
    assert changes("Resources/c", "Resources/a") == ["(not text)"]
    assert changes("Resources/d", "Resources/a") is None
    for since in ("Resources/none", "Resources", "Models/my_model/_log"):
        asked = f"{V1}/files/Resources%2Fa/changes?since={quote(since, safe='')}"
        assert client.get(asked).status_code == 404, since


def test_a_large_change_is_not_compared(
    deployed: Callable[..., Any], project: Project, get: Get
) -> None:
    deployed()
    for data in (b"\n" * 3000, b"x" * 100_000):
        project.storage.write(SCRIPT, [data])
        project.storage.protect(SCRIPT)
        assert get(f"/files/{quote(SCRIPT, safe='')}/changes")["lines"] is None


def test_a_preview_follows_no_link(
    deployed: Callable[..., Any], project: Project, tmp_path: Path, get: Get
) -> None:
    deployed()
    (tmp_path / "secret").write_text("secret")
    place = project.storage.local_path(SCRIPT)
    assert place
    project.storage.unprotect(SCRIPT.rpartition("/")[0])
    place.unlink()
    place.symlink_to(tmp_path / "secret")
    for what in ("preview", "tokens", "changes"):
        assert "secret" not in str(get(f"/files/{quote(SCRIPT, safe='')}/{what}"))
