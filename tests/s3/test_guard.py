"""Verify and repair on a real S3 server: other processes, object versions."""

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.errors import IntegrityError, StorageError
from hopsartifacts.testing.jobs import WriterJobs
from tests.s3.conftest import Server

BIG = os.urandom(9_000_000)
WEIGHTS = "Models/m/1/Files/weights.bin"
SMALL = "Models/m/1/Files/small"


@pytest.fixture
def project(s3: Server, make_files: Callable[..., Path]) -> Project:
    url = f"s3://{s3.bucket()}/team"
    project = hopsartifacts.login(url, storage_options=s3.options())
    model = project.get_model_registry().sklearn.create_model("m")
    switch_versions_on(project)
    model.save(make_files({"weights.bin": BIG, "small": b"small"}))
    return project


def switch_versions_on(project: Project) -> None:
    filesystem = project.storage._fs  # type: ignore[attr-defined]  # the bucket's own matter
    bucket = project.url.removeprefix("s3://").partition("/")[0]
    filesystem.call_s3(
        "put_bucket_versioning",
        Bucket=bucket,
        VersioningConfiguration={"Status": "Enabled"},
    )


def test_a_storage_in_another_process_lists_again(project: Project) -> None:
    sent = pickle.loads(pickle.dumps(project.storage))  # noqa: S301 - our own
    assert sent.url == project.storage.url
    assert sent._fs.dircache.use_listings_cache is False
    assert [entry.name for entry in sent.list("Models/m/1/Files")] == [
        "small",
        "weights.bin",
    ]
    project.storage.write("Models/m/1/Files/new", [b"new"])
    assert len(sent.list("Models/m/1/Files")) == 3


def test_other_processes_check_the_files(project: Project) -> None:
    project.storage.write(SMALL, [b"SMALL"])
    context = get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        report = project.verify(executor=executor)
    assert [(it.kind, it.path) for it in report.findings] == [("changed", SMALL)]


def test_replaced_and_deleted_objects_come_back_from_their_versions(
    project: Project,
) -> None:
    for edit in (b"first edit", b"second edit"):
        project.storage.write(WEIGHTS, [edit])
    project.storage.delete_tree(SMALL)
    project.storage.write(f"{SMALL}er", [b"small"])
    report = project.repair()
    assert report.ok, str(report)
    actions = {done.finding.path: done.action for done in report.repaired}
    assert actions[SMALL] == "restored from an earlier object version"
    assert project.storage.read(WEIGHTS) == BIG
    assert project.storage.read(SMALL) == b"small"
    assert project.verify().ok
    moved = [entry.path for entry in project.storage.find(".hopsartifacts/quarantine")]
    assert len(moved) == 2
    assert not list(project.storage.find(".hopsartifacts/staging"))


def test_what_no_version_holds_is_kept_aside_and_does_not_start(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the user can give the bytes back; until then nothing is served."""
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    cache = hopsartifacts.Cache(tmp_path / "cache")
    other = hopsartifacts.login(storage=project.storage, cache=cache)
    model = other.get_model_registry().python.create_model("n")
    script = tmp_path / "p.py"
    script.write_text(
        "class Predictor:\n    def predict(self, inputs): return inputs\n"
    )
    path = tmp_path / "file"
    path.write_bytes(b"kept")
    deployment = model.save(path).deploy(script_file=script)
    filesystem = other.storage._fs  # type: ignore[attr-defined]  # the bucket's own matter
    damaged = "Models/n/1/Files/file"
    full = other.storage._full(damaged)  # type: ignore[attr-defined]  # as above
    filesystem.rm_file(full)
    bucket, _, key = full.partition("/")
    found = filesystem.call_s3("list_object_versions", Bucket=bucket, Prefix=key)
    for version in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]:
        filesystem.call_s3(
            "delete_object", Bucket=bucket, Key=key, VersionId=version["VersionId"]
        )
    other.storage.write(damaged, [b"edit"])

    with pytest.raises(IntegrityError, match=damaged):
        deployment.start()
    report = other.repair()
    assert [finding.path for finding in report.unrepaired] == [damaged]
    assert other.storage.stat(damaged) is None

    restored = other.repair(sources=[lambda _: [b"kept"]])
    assert restored.ok, str(restored)
    deployment.start()
    assert deployment.predict(inputs=[[1]]) == {"predictions": [[1]]}
    deployment.stop()


def test_a_server_that_is_gone_is_no_finding(
    project: Project, s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = hopsartifacts.login(project.url, storage_options=s3.options())
    kind = type(listed.storage)

    def down(storage: object, path: str, *_: object) -> object:
        del storage
        raise StorageError(f"cannot reach the server for {path!r}")

    monkeypatch.setattr(kind, "chunks", down)
    monkeypatch.setattr(kind, "stat", down)
    with pytest.raises(StorageError, match="cannot reach the server"):
        listed.verify()


def test_garbage_that_was_freed_is_not_found_again(
    s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the server goes on listing folders in which nothing is left."""
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    url = f"s3://{s3.bucket()}/team"
    project = hopsartifacts.login(url, storage_options=s3.options())
    jobs = WriterJobs(tmp_path / "users")
    jobs.save(project.storage)
    jobs.litter(project.storage)
    project.storage.write(".hopsartifacts/staging/left/file", [b"left"])
    shown = project.gc(dry_run=True, grace_s=0)
    assert {it.path for it in shown.freed} >= {
        ".hopsartifacts/staging/left",
        "Deployments/m/1",
        "Models/m/1/Artifacts/1",
    }
    assert project.gc(grace_s=0).freed == shown.freed
    again = project.gc(dry_run=True, grace_s=0)
    assert (again.freed, again.kept) == ((), ())
