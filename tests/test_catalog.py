"""The catalog shows what was committed, whatever was kept, and reads only the new."""

import importlib
import os
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Model, ModelRegistry, Project, layout
from hopsartifacts.errors import IntegrityError, InvalidInputError
from hopsartifacts.testing.faults import FAIL, Fault, FaultyStorage, StorageCall


def package(name: str) -> Any:
    if os.environ.get("CI"):
        return importlib.import_module(name)  # CI has to have it
    return pytest.importorskip(name, reason=f"{name} is not installed")


pa = package("pyarrow")
pq = package("pyarrow.parquet")

KEPT = ".hopsartifacts/catalog/models.parquet"

SaveModel = Callable[..., Model]


def rows(project: Project, kind: str = "models") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.catalog(kind).to_pylist()
    return found


def built_again(project: Project) -> list[dict[str, Any]]:
    """Return what a reader gets who finds nothing kept, and keeps nothing."""

    def plan(call: StorageCall) -> Fault | None:
        return FAIL if call.path == KEPT else None

    storage = FaultyStorage(project.storage, plan)
    return rows(hopsartifacts.login(storage=storage))


def requests(project: Project, **options: bool) -> Counter[str]:
    storage = FaultyStorage(project.storage)
    hopsartifacts.login(storage=storage).get_model_registry().catalog(**options)
    # Opening a project reads its marker; a look at a name on a disk is no request.
    methods = (call.method for call in storage.calls[1:])
    return Counter(method for method in methods if method != "stat")


def test_a_row_says_all_about_a_model_version(
    project: Project,
    save_model: SaveModel,
    make_script: Callable[..., Path],
    make_files: Callable[..., Path],
) -> None:
    """A row joins several logs: each column is compared with what was saved."""
    model = save_model(
        "iris",
        {"a.bin": b"12345", "b/c.bin": b"678"},
        framework="sklearn",
        metrics={"auc": 0.5, "runs": 3, "beyond": 10**400},
        description="what it is",
        tags={"stage": {"name": "test"}},
    )
    deployment = model.deploy("one", script_file=make_script(), artifact_version=None)
    deployment.files = [make_files({"extra.txt": "more"})]
    deployment.save()

    (row,) = rows(project)

    assert {name: row[name] for name in ("model", "version", "framework")} == {
        "model": "iris",
        "version": 1,
        "framework": "SKLEARN",
    }
    assert row["description"] == "what it is"
    assert (row["id"], row["creator"]) == (model.id, model.manifest.creator)
    assert datetime.now(UTC) - row["created"] < timedelta(minutes=10)
    assert (row["files"], row["size_bytes"]) == (2, 8)
    assert dict(row["metrics"]) == {"auc": 0.5, "runs": 3.0, "beyond": None}
    assert row["tags"] == '{"stage":{"name":"test"}}'
    assert row["manifest"].startswith("sha256:")
    first, second = row["artifacts"]
    assert (first["version"], first["files"]) == (1, ["predictor-predict.py"])
    assert second["version"] == 2
    assert [(it["version"], it["active"]) for it in row["deployments"]] == [
        (1, False),
        (2, True),
    ]
    assert {it["artifact_version"] for it in row["deployments"]} == {1, 2}


def test_long_tables_have_one_row_per_item(
    project: Project, save_model: SaveModel, make_script: Callable[..., Path]
) -> None:
    save_model("a", metrics={"auc": 0.5, "f1": 0.25}).deploy(script_file=make_script())
    save_model("b")
    save_model("b", metrics={"auc": 0.75})

    metrics = [tuple(row.values()) for row in rows(project, "metrics")]
    assert metrics == [
        ("a", 1, "auc", 0.5),
        ("a", 1, "f1", 0.25),
        ("b", 2, "auc", 0.75),
    ]
    (artifact,) = rows(project, "artifacts")
    assert (artifact["model"], artifact["model_version"]) == ("a", 1)
    assert artifact["files"] == ["predictor-predict.py"]
    (deployment,) = rows(project, "deployments")
    assert (deployment["deployment"], deployment["deployment_version"]) == ("a", 1)
    assert deployment["active"] is True
    with pytest.raises(InvalidInputError, match=r"'shoes'.*'models'"):
        project.catalog("shoes")


@pytest.mark.parametrize("kind", ["models", "metrics", "artifacts", "deployments"])
def test_an_empty_project_has_empty_tables_and_stays_empty(
    project: Project, kind: str, snapshot: Callable[[Project], dict[str, bytes]]
) -> None:
    table = project.catalog(kind)
    assert table.num_rows == 0
    assert "model" in table.column_names
    assert snapshot(project) == {}


def test_every_change_shows_at_once(
    project: Project,
    mr: ModelRegistry,
    save_model: SaveModel,
    make_script: Callable[..., Path],
) -> None:
    """Rows are cached: after each change they equal those made without a cache."""

    def shown() -> list[dict[str, Any]]:
        now = rows(project)
        assert now == built_again(project)
        assert now == rows(project)
        return now

    first = save_model("m", metrics={"auc": 0.5})
    assert len(shown()) == 1
    second = save_model("m")
    save_model("n", framework="sklearn").deploy()
    assert [(row["model"], row["version"]) for row in shown()] == [
        ("m", 1),
        ("m", 2),
        ("n", 1),
    ]
    first.add_tag("stage", "test")
    assert shown()[0]["tags"] == '{"stage":"test"}'
    deployment = first.deploy("d", script_file=make_script())
    assert [item["name"] for item in shown()[0]["deployments"]] == ["d"]
    deployment.script_file = make_script("class Predictor:\n    other = 1\n")
    deployment.save()
    assert [item["version"] for item in shown()[0]["artifacts"]] == [1, 2]
    assert [item["active"] for item in shown()[0]["deployments"]] == [False, True]
    deployment.delete()
    assert shown()[0]["deployments"] == []
    first.delete()
    assert [(row["model"], row["version"]) for row in shown()] == [("m", 2), ("n", 1)]
    second.delete()
    assert [row["model"] for row in shown()] == ["n"]
    assert mr.list_models() == ["n"]


def test_aliases_and_edited_descriptions_show_at_once(
    project: Project, mr: ModelRegistry, save_model: SaveModel
) -> None:
    first, second = (save_model("m", description="as saved") for _ in range(2))
    seen = [(row["aliases"], row["description"]) for row in rows(project)]
    assert seen == [([], "as saved")] * 2

    first.set_alias("champion")
    first.set_alias("best")
    second.set_description("as edited")
    assert [row["aliases"] for row in rows(project)] == [["best", "champion"], []]
    assert [row["description"] for row in rows(project)] == ["as saved", "as edited"]
    second.set_alias("champion")
    mr.delete_alias("m", "best")
    assert [row["aliases"] for row in rows(project)] == [[], ["champion"]]
    assert rows(project) == built_again(project)


def test_an_artifact_that_no_deployment_uses_shows_too(
    project: Project, model: Model, make_script: Callable[..., Path]
) -> None:
    project.catalog()
    deployment = model.deploy(script_file=make_script())
    deployment.delete()

    assert [item["version"] for item in rows(project)[0]["artifacts"]] == [1]


def test_what_was_read_without_artifacts_does_not_hide_them_later(
    project: Project, mr: ModelRegistry, save_model: SaveModel, make_script: Any
) -> None:
    save_model("m").deploy(script_file=make_script())
    table = mr.catalog(artifacts=False)
    assert "artifacts" not in table.column_names
    assert len(table.column("deployments").to_pylist()[0]) == 1

    assert [item["version"] for item in rows(project)[0]["artifacts"]] == [1]
    save_model("m").deploy("other", script_file=make_script())
    mr.catalog(artifacts=False)
    assert [len(row["artifacts"]) for row in rows(project)] == [1, 1]


def test_only_what_is_new_is_read(
    project: Project, save_model: SaveModel, make_script: Callable[..., Path]
) -> None:
    for _ in range(5):
        save_model("m")
    save_model("n").deploy(script_file=make_script())
    project.catalog()
    # Two folders, a log per model and deployment; the kept table.
    few = {"list": 2, "first": 2 + 1, "read": 1}

    assert requests(project, artifacts=False) == few
    assert requests(project) == {**few, "first": few["first"] + 6}
    save_model("m")
    # The log of m is looked at again; its newest entry has all records.
    assert requests(project, artifacts=False) == {
        "list": few["list"],
        "first": few["first"] + 1,
        "read": few["read"] + 1,
        "write": 1,
    }
    assert requests(project, artifacts=False) == few


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "flipped": lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
    "other bytes": lambda _: b"not a table",
    "foreign": lambda _: parquet(pa.table({"a": [1]})),
    "newer": lambda data: stamped(
        data, lambda stamp: stamp.replace(b'"format":1', b'"format":2')
    ),
    "older": lambda data: stamped(
        without_aliases(data), lambda stamp: stamp.replace(b'"format":1', b'"format":0')
    ),
    "no stamp": lambda data: stamped(data, lambda _: b"{}"),
    "other columns": lambda data: parquet(read_parquet(data).drop_columns(["tags"])),
}


def parquet(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_parquet(data: bytes) -> Any:
    return pq.read_table(pa.BufferReader(data))


def without_aliases(data: bytes) -> bytes:
    """Return the file as it was before there was that column."""
    return parquet(read_parquet(data).drop_columns(["aliases"]))


def stamped(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    # Other rows too: so it shows if they are believed.
    table = read_parquet(data).slice(0, 1)
    metadata = {key: change(value) for key, value in table.schema.metadata.items()}
    assert metadata != table.schema.metadata
    return parquet(table.replace_schema_metadata(metadata))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_kept_file_that_cannot_be_used_is_built_again(
    project: Project, save_model: SaveModel, damage: str
) -> None:
    save_model("m", metrics={"auc": 0.5}, tags={"stage": "test"})
    save_model("n")
    before = rows(project)
    storage = project.storage
    good = storage.read(KEPT)
    storage.write(KEPT, [DAMAGE[damage](good)])
    assert storage.read(KEPT) != good

    assert rows(project) == before
    assert read_parquet(storage.read(KEPT)).to_pylist() == before


def test_who_may_only_read_gets_the_table(
    project: Project, save_model: SaveModel, snapshot: Any
) -> None:
    save_model("m")
    before = snapshot(project)

    def plan(call: StorageCall) -> Fault | None:
        reading = {"read", "list", "first", "stat", "find", "chunks"}
        return None if call.method in reading else FAIL

    reader = hopsartifacts.login(storage=FaultyStorage(project.storage, plan))
    assert [row["model"] for row in rows(reader)] == ["m"]
    assert snapshot(project) == before


def test_a_backup_that_gives_numbers_again_is_noticed(
    local_project: Project, make_files: Callable[..., Path]
) -> None:
    storage, registry = local_project.storage, local_project.get_model_registry()
    model = registry.python.create_model("m").save(make_files())
    model.add_tag("stage", "one")
    assert rows(local_project)[0]["tags"] == '{"stage":"one"}'
    # The backup is from before the tag; then another tag gets its number in the log.
    storage.delete_tree(layout.log_entry("Models/m/_log", 3))
    model.add_tag("stage", "other")

    assert rows(local_project)[0]["tags"] == '{"stage":"other"}'


def test_a_damaged_log_is_told(
    project: Project, save_model: SaveModel, model: Model
) -> None:
    project.catalog()
    save_model(model.name)
    newest = layout.log_entry(layout.model_log(model.name), 4)
    data = project.storage.read(newest)
    project.storage.delete_tree(newest)
    project.storage.create(newest, data[:-20])

    with pytest.raises(IntegrityError, match="is not a gzip file"):
        project.catalog()


def test_a_file_of_another_program_in_a_log_is_passed_by(
    project: Project, model: Model, make_script: Callable[..., Path]
) -> None:
    model.deploy("d", script_file=make_script())
    stray = f"{layout.artifact_log(model.name, 1)}/.DS_Store"
    project.storage.write(stray, [b""])
    for _ in range(2):
        assert len(rows(project, "artifacts")) == 1


@pytest.mark.race
def test_readers_beside_writers_see_all_that_was_saved_before(
    local_project: Project, make_files: Callable[..., Path]
) -> None:
    files = make_files()
    local_project.get_model_registry().python.create_model("m0").save(files)
    local_project.catalog()

    def work(writer: int) -> None:
        project = hopsartifacts.login(local_project.url)
        registry = project.get_model_registry()
        for _ in range(6):
            saved = registry.python.create_model(f"m{writer % 2}").save(files)
            seen = {(row["model"], row["version"]) for row in rows(project)}
            assert (saved.name, saved.version) in seen
            kept = read_parquet(project.storage.read(KEPT))
            assert kept.num_rows >= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert rows(local_project) == built_again(local_project)
    assert len(rows(local_project)) == 25


def test_without_pyarrow_the_message_says_what_to_install(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if ".catalog." in name]:
        if name.startswith("hopsartifacts") and not name.endswith(".asking"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(InvalidInputError, match=r"pyarrow.*hopsartifacts\[catalog\]"):
        project.catalog()
