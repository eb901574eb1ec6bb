"""Models and their versions: listed by pages, filtered, sorted, shown and edited."""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts import Model, Project, layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.errors import ModelNotFoundError
from hopsartifacts.rest import rows
from hopsartifacts.rest.rows import Rows, VersionRow
from hopsartifacts.testing.faults import FaultyStorage
from hopsartifacts.testing.states_only import StatesOnly

V1 = "/api/v1"
SaveModel = Callable[..., Model]


def names(page: Any) -> list[tuple[str, int]]:
    return [(it["model"], it["version"]) for it in page["items"]]


def test_the_list_of_models(save_model: SaveModel, get: Callable[..., Any]) -> None:
    assert get("/models") == {"items": [], "next": None, "total": 0}
    save_model("iris", metrics={"accuracy": 0.8}, framework="sklearn")
    save_model("iris", metrics={"accuracy": 0.9}, framework="sklearn").set_alias("best")
    save_model("digits", description="Numbers")
    page = get("/models")
    assert [it["name"] for it in page["items"]] == ["digits", "iris"]
    digits, iris = page["items"]
    assert digits["description"] == "Numbers"
    assert (iris["versions"], iris["latest"], iris["framework"]) == (2, 2, "SKLEARN")
    assert (iris["aliases"], iris["metrics"]) == ({"best": 2}, {"accuracy": 0.9})
    assert iris["size_bytes"] == 2 * digits["size_bytes"]
    assert iris["created"] < iris["updated"]
    assert get("/models/iris") == iris
    assert get("/models", name="RI")["items"] == [iris]
    assert get("/models", framework="PYTHON")["items"] == [digits]
    assert get("/models", deployed="true")["items"] == []
    newest = get("/models", sort="-updated", limit=1)
    assert (newest["items"], newest["total"]) == ([digits], 2)
    assert get("/models", sort="-updated", cursor=newest["next"])["items"] == [iris]


def test_the_list_of_versions(save_model: SaveModel, get: Callable[..., Any]) -> None:
    for number in range(1, 6):
        metrics = {"accuracy": number / 10} if number != 3 else {}
        save_model("iris", metrics=metrics, tags={"stage": {"at": number % 2}})
    save_model("digits", metrics={"accuracy": 0.45}).add_tag("stage", "prod")
    best = get("/model-versions", metric="accuracy", sort="-metric", limit=3)
    assert names(best) == [("iris", 5), ("digits", 1), ("iris", 4)]
    assert best["total"] == 5
    rest = get(
        "/model-versions", metric="accuracy", sort="-metric", cursor=best["next"]
    )
    assert names(rest) == [("iris", 2), ("iris", 1)]
    between = {"metric": "accuracy", "metric_min": 0.2, "metric_max": 0.4}
    assert names(get("/models/iris/versions", **between, sort="version")) == [
        ("iris", 2),
        ("iris", 4),
    ]
    tagged = get("/model-versions", tag="stage", tag_value="prod")
    assert names(tagged) == [("digits", 1)]
    odd = get("/model-versions", tag="stage", tag_value='{"at": 1}', sort="version")
    assert names(odd) == [("iris", 1), ("iris", 3), ("iris", 5)]
    assert get("/model-versions", tag="stage", tag_value="{")["total"] == 0
    newest = get("/model-versions")["items"][0]
    assert (newest["model"], newest["tags"]) == ("digits", {"stage": "prod"})


def test_two_versions_are_compared(
    save_model: SaveModel, get: Callable[..., Any], client: TestClient
) -> None:
    save_model("iris", metrics={"accuracy": 0.8})
    save_model("iris", metrics={"accuracy": 0.9})
    found = get("/models/iris/versions/1/diff/2")
    assert (found["first"], found["second"], found["files"]) == (1, 2, [])
    assert found["metrics"] == [{"name": "accuracy", "before": 0.8, "after": 0.9}]
    assert found["model_schema"]["effect"] == "same"
    assert client.get(f"{V1}/models/iris/versions/1/diff/3").status_code == 404
    assert client.get(f"{V1}/models/iris/versions/x/diff/1").status_code == 400


def test_the_history_of_a_model_in_pages(
    save_model: SaveModel, get: Callable[..., Any], client: TestClient
) -> None:
    save_model("iris").add_tag("a", 1)
    save_model("iris").set_alias("best", why="newer")
    first = get("/models/iris/history", limit=2)
    assert [(it["entry"], it["kind"]) for it in first["items"]] == [
        (6, "alias set"),
        (5, "saved"),
    ]
    assert first["total"] == 6
    assert first["items"][0]["why"] == "newer"
    rest = get("/models/iris/history", cursor=first["next"])
    assert [it["kind"] for it in rest["items"]] == [
        "reserved",
        "tagged",
        "saved",
        "reserved",
    ]
    tagged = rest["items"][1]
    assert (tagged["version"], tagged["before"], tagged["after"]) == (1, {}, {"a": 1})
    assert rest["next"] is None
    oldest = get("/models/iris/history", sort="entry", limit=1)["items"]
    assert oldest[0]["entry"] == 1
    assert client.get(f"{V1}/models/digits/history").status_code == 404


def test_a_version_whose_deployments_are_known(
    deployed: Callable[..., Any], get: Callable[..., Any]
) -> None:
    deployed("flowers")
    assert get("/model-versions", deployed="true")["items"][0]["deployments"] == [
        "flowers"
    ]
    assert get("/model-versions", deployed="false")["total"] == 0
    use = {"deployment": "flowers", "version": 1, "is_active": True}
    assert get("/models/my_model/versions/1")["deployments"] == [use]


def test_the_catalog_and_the_lists_say_the_same(
    save_model: SaveModel, deployed: Callable[..., Any], project: Project
) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    deployed()
    save_model(metrics={"a": 1, "b": 2.5, "c": 10**400}, tags={"t": [1, None]})
    version = save_model("other", framework="sklearn")
    version.set_alias("best")
    version.set_description("edited")
    listed = Rows(project.storage)
    assert listed.versions() == listed.versions_of("my_model") + listed.versions_of(
        "other"
    )
    for row, found in zip(
        listed.versions(), project.catalog().to_pylist(), strict=True
    ):
        users = sorted({it["name"] for it in found["deployments"]})
        assert msgspec.structs.asdict(row) == {
            **{name: found[name] for name in VersionRow.__struct_fields__},
            "metrics": dict(found["metrics"]),
            "tags": json.loads(found["tags"]),
            "deployments": users,
        }


@pytest.mark.parametrize("number", [1, 10])
def test_only_models_whose_log_went_on_are_read(
    save_model: SaveModel, project: Project, number: int
) -> None:
    storage = FaultyStorage(project.storage)
    listed = Rows(storage)

    def read() -> list[str]:
        storage.calls.clear()
        listed.versions()
        return [call.path for call in storage.calls if call.method == "read"]

    for _ in range(number):
        save_model("m")
    save_model("n")
    assert len(read()) == 2
    assert read() == []
    save_model("m").add_tag("stage", "dev")
    assert read() == [layout.log_entry("Models/m/_log", 2 * number + 3)]
    assert [row.tags for row in listed.versions()][-2:] == [{"stage": "dev"}, {}]
    assert len(listed.models()) == 2


@pytest.mark.parametrize("where", ["disk", "memory"])
def test_what_others_do_shows_at_once(
    where: str,
    tmp_path: Path,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
) -> None:
    url = str(tmp_path / "demo") if where == "disk" else f"memory://{tmp_path}"
    project = Project(hopsartifacts.login(url).storage, backend=StatesOnly())
    registry, files = project.get_model_registry(), make_files()
    listed = Rows(project.storage)
    assert listed.versions() == []
    first = registry.python.create_model("m").save(files)
    assert [row.id for row in listed.versions()] == [first.id]
    deployment = first.deploy("one", script_file=make_script())
    assert listed.versions()[0].deployments == ["one"]
    assert listed.models()[0].deployments == listed.model("m").deployments == ["one"]
    deployment.delete()
    assert listed.models()[0].deployments == []
    first.set_alias("best")
    assert listed.model("m").aliases == {"best": 1}
    registry.delete_alias("m", "best")
    first.delete()
    assert (listed.versions(), listed.models()) == ([], [])
    with pytest.raises(ModelNotFoundError):
        listed.versions_of("m")
    registry.python.create_model("m").save(files)
    assert [row.version for row in listed.versions()] == [2]
    project.storage.delete_tree("Models/m")
    assert listed.versions() == []


def test_where_nobody_has_written_no_log_is_looked_at(
    save_model: SaveModel, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project.storage.local_path("")
    assert root
    asked: list[str] = []

    def access(path: str, mode: int) -> bool:
        asked.append(path)
        return bool(mode == os.F_OK and os.path.lexists(path))

    monkeypatch.setattr("hopsartifacts.rest.rows.os.access", access)
    first = save_model("m")
    now = int(time.time())
    os.utime(root / layout.TEMPORARY, (now, now))  # as FAT would store it
    listed = Rows(project.storage)
    listed.versions()
    for _ in range(2):  # what was just written to may be written to in the same tick
        listed.versions()
    assert len(asked) == 2
    os.utime(root / layout.TEMPORARY, (1, 1))
    listed.versions()
    asked.clear()
    assert len(listed.versions()) == 1
    assert asked == []
    first.add_tag("stage", "dev")
    assert listed.versions()[0].tags == {"stage": "dev"}
    assert len(asked) == 1


@pytest.mark.parametrize("deleted", [0, 2])
def test_a_model_that_is_saved_that_moment_is_shown(
    make_files: Callable[..., Path], tmp_path: Path, deleted: int
) -> None:
    """It is saved right after its log was looked at, perhaps not as version 1."""
    project = hopsartifacts.login(f"memory://{tmp_path}")
    registry, storage, files = (
        project.get_model_registry(),
        project.storage,
        make_files(),
    )
    for _ in range(deleted):
        registry.python.create_model("m").save(files).delete()
    registry.python.create_model("m").save(files)
    looks, first = iter([None]), storage.first
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "first", lambda path: next(looks, first(path)))
        assert Rows(storage).model("m").latest == deleted + 1


def test_logs_are_looked_at_once_after_each_write(
    save_model: SaveModel, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def access(path: str, _: int) -> bool:
        asked.append(path)
        return os.path.lexists(path)

    monkeypatch.setattr("hopsartifacts.rest.rows.os.access", access)
    saved = save_model("m")
    listed = Rows(project.storage)
    for stage in ("dev", "test", "prod"):
        saved.add_tag("stage", stage)
        time.sleep(0.1)  # longer than a tick of the kernel's clock
        asked.clear()
        for _ in range(3):
            assert listed.versions()[0].tags == {"stage": stage}
        assert len(asked) <= 1


def test_a_user_file_among_the_models_is_no_model(
    save_model: SaveModel, project: Project
) -> None:
    save_model("m")
    project.storage.write("Models/train.py", [b"1"])
    listed = Rows(project.storage)
    assert [row.name for row in listed.models()] == ["m"]


def test_a_restored_backup_is_noticed(
    save_model: SaveModel, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save_model("m")
    saved.add_tag("stage", "one")
    listed = Rows(project.storage)
    assert listed.versions()[0].tags == {"stage": "one"}
    # The backup is from before the tag; then another tag gets its number in the log.
    project.storage.delete_tree(layout.log_entry("Models/m/_log", 3))
    saved.add_tag("stage", "other")
    assert listed.versions_of("m")[0].tags == {"stage": "other"}
    project.storage.delete_tree(layout.log_entry("Models/m/_log", 3))
    monkeypatch.setattr(rows, "_COMPARE_S", 0)
    assert listed.versions()[0].tags == {}


def test_the_etag_of_a_tag_does_not_depend_on_the_order_of_its_members(
    save_model: SaveModel, client: TestClient
) -> None:
    """Setting a tag to the same value in another order stores nothing."""
    save_model("m", tags={"t": {"a": 1, "b": 2}})
    path = f"{V1}/models/m/versions/1/tags/t"
    written = client.put(path, json={"b": 2, "a": 1})
    assert written.headers["etag"] == client.get(path).headers["etag"]
    other = client.put(path, json={"b": 2, "a": True})
    assert other.headers["etag"] == client.get(path).headers["etag"]
    assert other.headers["etag"] != written.headers["etag"]


def test_a_deployment_that_lost_its_artifact_is_no_longer_named(
    deployed: Callable[..., Any], project: Project
) -> None:
    """Neither the model's log nor that of the deployment has changed then."""
    deployed("d", "m")
    listed = Rows(project.storage)
    assert listed.versions()[0].deployments == ["d"]
    ArtifactStore(project.storage, "m", 1).delete(1, list)
    assert listed.model("m").deployments == []


def test_lists_no_longer_name_a_deployment_that_lost_its_artifact(
    deployed: Callable[..., Any], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed("d", "m")
    listed = Rows(project.storage)
    assert listed.versions()[0].deployments == ["d"]
    ArtifactStore(project.storage, "m", 1).delete(1, list)
    monkeypatch.setattr(rows, "_COMPARE_S", 0)
    assert listed.versions()[0].deployments == []
    assert listed.models()[0].deployments == []


def test_only_deployments_whose_logs_or_artifacts_went_on_are_read(
    deployed: Callable[..., Any], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing the newest entries of all logs reads none of these logs."""
    monkeypatch.setattr(rows, "_COMPARE_S", 0)
    deployed("d", "m")
    deployed("e", "n")
    storage = FaultyStorage(project.storage)
    listed = Rows(storage)

    def read() -> set[str]:
        storage.calls.clear()
        listed.versions()
        paths = [call.path for call in storage.calls if call.method == "read"]
        return {path for path in paths if path.startswith(layout.DEPLOYMENTS)}

    assert len(read()) == 2
    assert read() == set()
    ArtifactStore(project.storage, "m", 1).delete(1, list)
    assert read() == {layout.log_entry(layout.deployment_log("d"), 1)}
    assert [row.deployments for row in listed.versions()] == [[], ["e"]]


def test_rows_are_kept_from_one_run_of_the_server_to_the_next(
    save_model: SaveModel,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "_MANY", 2)
    for name in "abc":
        save_model(name, tags={"name": name})
    file = tmp_path / "rows.json"
    before = Rows(project.storage, file).versions()
    assert file.stat().st_mode & 0o777 == 0o600
    save_model("b")
    storage = FaultyStorage(project.storage)
    after = Rows(storage, file).versions()
    read = [call.path for call in storage.calls if call.method == "read"]
    assert read == [layout.log_entry("Models/b/_log", 4)]
    assert [(row.model, row.version) for row in after] == [
        ("a", 1),
        ("b", 1),
        ("b", 2),
        ("c", 1),
    ]
    assert [after[0], after[1], after[3]] == before


@pytest.mark.parametrize("damage", ["cut", "another project", "another release"])
def test_kept_rows_that_are_not_of_this_project_are_passed_by(
    save_model: SaveModel,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    monkeypatch.setattr(rows, "_MANY", 1)
    save_model("m")
    file = tmp_path / "rows.json"
    right = Rows(project.storage, file).versions()
    text = file.read_text().replace('"PYTHON"', '"LLM"')
    document = json.loads(text)
    if damage == "another project":
        document["url"] = "s3://other/project"
    if damage == "another release":
        document["release"] = "0.0.0"
    text = json.dumps(document)
    file.write_text(text[:-5] if damage == "cut" else text)
    assert Rows(project.storage, file).versions() == right


def test_who_comes_meanwhile_looks_once(
    save_model: SaveModel, project: Project
) -> None:
    """Of those that wait for a look one does the next, for all of them."""
    save_model("m")
    listed = Rows(project.storage)
    listed.versions()
    looks: list[int] = []
    look = listed._look

    def slow(*args: Any, **more: Any) -> None:
        looks.append(1)
        time.sleep(0.2)
        look(*args, **more)

    listed._look = slow  # type: ignore[method-assign]
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(listed.versions)
        while not looks:
            time.sleep(0.01)
        save_model("m")
        rest = [pool.submit(listed.versions) for _ in range(7)]
        assert first.result()
        assert [len(it.result()) for it in rest] == [2] * 7
    assert len(looks) == 2


def test_all_about_a_version(save_model: SaveModel, get: Callable[..., Any]) -> None:
    saved = save_model(
        files={"a.bin": b"abc", "sub/b.bin": b""},
        metrics={"n": 3},
        input_example=[1, 2],
        tags={"t": True},
    )
    saved.set_alias("best")
    detail = get("/models/my_model/versions/1")
    assert [it["path"] for it in detail["files"]] == ["a.bin", "sub/b.bin"]
    assert detail["files"][0]["digest"]["size_bytes"] == detail["size_bytes"] == 3
    assert detail["input_example"] == [1, 2]
    assert (detail["metrics"], detail["tags"]) == ({"n": 3}, {"t": True})
    assert (detail["aliases"], detail["deployments"]) == (["best"], [])
    assert (detail["id"], detail["model_schema"]) == (saved.id, None)


def test_a_version_is_deleted(client: TestClient, save_model: SaveModel) -> None:
    save_model()
    path = f"{V1}/models/my_model/versions/1"
    assert client.delete(path).status_code == 204
    gone = client.get(path)
    assert gone.status_code == 404
    assert gone.headers["content-type"] == "application/problem+json"
    assert gone.json()["title"] == "Not found"
    for listing in (f"{V1}/models/my_model", f"{V1}/models/my_model/versions"):
        assert client.get(listing).status_code == 404


def test_a_version_in_use_stays(client: TestClient, deployed: Any) -> None:
    deployed()
    answer = client.delete(f"{V1}/models/my_model/versions/1")
    assert answer.status_code == 409
    assert "'flowers'" in answer.json()["detail"]


def test_an_edit_is_not_lost_to_another(
    client: TestClient, save_model: SaveModel, get: Callable[..., Any]
) -> None:
    save_model(description="first")
    path = f"{V1}/models/my_model/versions/1/description"
    seen = client.get(path)
    assert seen.json() == {"description": "first"}
    mine = {"if-match": seen.headers["etag"]}
    assert (
        client.get(path, headers={"if-none-match": seen.headers["etag"]}).status_code
        == 304
    )
    written = client.put(path, json={"description": "second"}, headers=mine)
    assert written.status_code == 200
    late = client.put(path, json={"description": "third"}, headers=mine)
    assert late.status_code == 412
    assert get("/models/my_model/versions/1")["description"] == "second"
    again = {"if-match": f'"other", {written.headers["etag"]}'}
    assert client.put(path, json={"description": "third"}, headers=again).is_success
    assert client.put(path, json={"description": ""}).is_success
    assert get("/models/my_model/versions/1")["description"] == ""


def test_tags(client: TestClient, save_model: SaveModel, get: Any) -> None:
    save_model()
    tags = f"{V1}/models/my_model/versions/1/tags"
    for value in ({"a": [1]}, None, "text", 0):
        set_now = client.put(f"{tags}/stage", content=json.dumps(value))
        assert (set_now.status_code, set_now.json()) == (200, value)
        assert client.get(f"{tags}/stage").json() == value
    stale = {"if-match": '"other"'}
    assert client.put(f"{tags}/stage", json=1, headers=stale).status_code == 412
    assert (
        client.put(f"{tags}/new", json=1, headers={"if-match": "*"}).status_code == 412
    )
    assert client.delete(f"{tags}/stage", headers=stale).status_code == 412
    assert get("/models/my_model/versions/1/tags") == {"stage": 0}
    seen = {"if-match": client.get(f"{tags}/stage").headers["etag"]}
    assert client.delete(f"{tags}/stage", headers=seen).status_code == 204
    assert client.delete(f"{tags}/stage").status_code == 404
    assert client.get(f"{tags}/stage").status_code == 404
    assert client.put(f"{tags}/a%2Fb", json=1).status_code == 400


def test_a_tag_is_set_only_if_there_is_none(
    client: TestClient, save_model: SaveModel, get: Any
) -> None:
    save_model()
    path = f"{V1}/models/my_model/versions/1/tags/stage"
    if_none = {"if-none-match": "*"}
    assert client.put(path, json="first", headers=if_none).status_code == 200
    late = client.put(path, json="second", headers=if_none)
    assert late.status_code == 412
    assert "it exists" in late.json()["detail"]
    seen = {"if-none-match": client.get(path).headers["etag"]}
    assert client.put(path, json="first", headers=seen).status_code == 412
    assert client.get(path, headers=seen).status_code == 304
    assert get("/models/my_model/versions/1/tags") == {"stage": "first"}
    other = {"if-none-match": '"other"'}
    assert client.put(path, json="third", headers=other).json() == "third"


def test_aliases(client: TestClient, save_model: SaveModel, get: Any) -> None:
    save_model()
    save_model()
    path = f"{V1}/models/my_model/aliases/best"
    assert client.get(path).status_code == 404
    first = client.put(path, json={"version": 1, "why": "it is first"})
    assert (first.json()["version"], first.json()["why"]) == (1, "it is first")
    assert client.put(path, json={"version": 2}).json()["version"] == 2
    assert client.put(path, json={"version": 3}).status_code == 404
    assert client.get(path).json()["version"] == 2
    (listed,) = get("/models/my_model/aliases")["items"]
    assert listed.items() <= client.get(path).json().items()
    back = client.post(f"{path}/rollback", json={"why": "2 is worse"})
    assert back.json()["version"] == 1
    assert client.post(f"{path}/rollback", json={}).status_code == 404
    assert client.delete(path, params={"why": "enough"}).status_code == 204
    assert client.delete(path).status_code == 404
    history = get("/models/my_model/aliases/best/history", limit=3)
    assert [it["version"] for it in history["items"]] == [None, 1, 2]
    assert [it["why"] for it in history["items"]] == ["enough", "2 is worse", ""]
    rest = get("/models/my_model/aliases/best/history", cursor=history["next"])
    assert [it["version"] for it in rest["items"]] == [1]


@pytest.mark.parametrize(
    "path",
    [
        "/models?limit=0",
        "/models?limit=1001",
        "/models?limit=x",
        "/models?sort=colour",
        "/models?cursor=x",
        "/models?framework=CAFFE",
        "/models/a%20b",
        "/models/a/versions/01",
        "/models/a/versions/x",
        "/model-versions?metric_min=1",
        "/model-versions?tag_value=1",
        "/model-versions?sort=metric",
        "/model-versions?metric=a&metric_min=NaN&sort=metric&cursor=W10",
        "/models/%ff",
        "/models/a/aliases/latest",
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, path: str) -> None:
    answer = client.get(f"{V1}{path}")
    assert answer.status_code == 400
    assert answer.json()["type"] == "about:blank"


def test_readers_change_nothing(client: TestClient) -> None:
    reader = {"authorization": "ApiKey reader.secret"}
    path = f"{V1}/models/my_model/aliases/best"
    assert client.put(path, json={"version": 1}, headers=reader).status_code == 403
    deployer = {"authorization": "ApiKey deployer.secret"}
    assert client.put(path, json={"version": 1}, headers=deployer).status_code == 403


def test_the_metrics_of_all_versions_in_one_answer(
    save_model: SaveModel, client: TestClient
) -> None:
    for metrics in ({"loss": 0.5}, {"loss": 0.25, "accuracy": 1}, {"big": 10**400}):
        saved = save_model("m", metrics=metrics)
    saved.set_alias("champion")
    found = client.get(f"{V1}/models/m/metrics").json()
    assert found == {
        "versions": [1, 2, 3],
        "metrics": {
            "loss": [0.5, 0.25, None],
            "accuracy": [None, 1.0, None],
            "big": [None, None, None],
        },
        "others": [],
        "aliases": {"champion": 3},
        "total": 3,
    }
    newest = client.get(f"{V1}/models/m/metrics", params={"limit": 2}).json()
    assert (newest["versions"], newest["total"]) == ([2, 3], 3)
    one = client.get(f"{V1}/models/m/metrics", params={"metric": "accuracy"}).json()
    assert one["metrics"] == {"accuracy": [None, 1.0, None]}
    assert client.get(f"{V1}/models/x/metrics").status_code == 404


def test_metrics_beyond_the_most_are_named(
    save_model: SaveModel, client: TestClient
) -> None:
    save_model("m", metrics={f"metric_{it:02}": it for it in range(22)})
    found = client.get(f"{V1}/models/m/metrics").json()
    assert len(found["metrics"]) == 20
    assert found["others"] == ["metric_20", "metric_21"]
    one = client.get(f"{V1}/models/m/metrics", params={"metric": "metric_21"}).json()
    assert one["metrics"] == {"metric_21": [21.0]}


def test_models_are_counted_by_framework(
    save_model: SaveModel, client: TestClient
) -> None:
    save_model("a")
    save_model("b")
    save_model("ab", framework="sklearn")
    found = client.get(f"{V1}/models", params={"facets": True, "framework": "PYTHON"})
    assert found.json()["total"] == 2
    assert found.json()["facets"] == {"framework": {"PYTHON": 2, "SKLEARN": 1}}
    found = client.get(f"{V1}/models", params={"facets": True, "name": "a"})
    assert found.json()["facets"] == {"framework": {"PYTHON": 1, "SKLEARN": 1}}


def test_where_an_alias_pointed_and_where_a_rollback_leads(
    client: TestClient, save_model: SaveModel, get: Any
) -> None:
    for _ in range(3):
        save_model()
    path = f"{V1}/models/my_model/aliases/best"
    times = [
        client.put(path, json={"version": version}).json()["when"]
        for version in (1, 2, 3)
    ]
    shown = "/models/my_model/aliases/best"
    assert get(shown)["previous"] == 2
    assert [get(shown, at=time)["version"] for time in times] == [1, 2, 3]
    assert client.get(path, params={"at": "2001-01-01"}).status_code == 404
    assert client.get(path, params={"at": "soon"}).status_code == 400
    client.delete(f"{V1}/models/my_model/versions/2")
    assert get(shown)["previous"] is None  # nothing can be rolled back to it
    assert client.post(f"{path}/rollback", json={}).status_code == 404
    client.put(path, json={"version": 1})
    assert get(shown)["previous"] == 3
    assert client.post(f"{path}/rollback", json={}).json()["version"] == 3
