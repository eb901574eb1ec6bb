"""Bundles and the catalog on a real S3 server."""

import os
import time
from collections import Counter
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.testing.faults import FaultyStorage
from tests.crashes.observing import view
from tests.s3.conftest import Server

READER = {"key": "reader", "secret": "readers-secret"}
SCRIPT = "class Predictor:\n    def predict(self, inputs): return inputs\n"


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project on this disk with two models and a deployment."""
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "weights.bin").write_bytes(b"w" * 20_000_000)
    (tmp_path / "model" / "sub" / "empty").write_bytes(b"")
    (tmp_path / "predict.py").write_text(SCRIPT)
    project = hopsartifacts.login(tmp_path / "project")
    registry = project.get_model_registry()
    model = registry.python.create_model("m", metrics={"auc": 0.5}, tags={"a": 1})
    model.save(tmp_path / "model").deploy(script_file=tmp_path / "predict.py")
    registry.python.create_model("n").save(tmp_path / "predict.py")
    return project


def test_from_disk_to_s3_and_back(local: Project, s3: Server, tmp_path: Path) -> None:
    url = f"s3://{s3.bucket()}/site"
    remote = hopsartifacts.login(url, storage_options=s3.options())
    back = hopsartifacts.login(tmp_path / "back")

    local.export_bundle(tmp_path / "there.tar.gz")
    remote.import_bundle(tmp_path / "there.tar.gz")
    remote.export_bundle(tmp_path / "back.tar")
    report = back.import_bundle(tmp_path / "back.tar")

    assert report.renumbered == {}
    assert view(remote.storage) == view(back.storage) == view(local.storage)
    assert remote.verify().ok
    again = remote.import_bundle(tmp_path / "back.tar")
    assert not any(item.is_new for item in again.items)


def test_the_catalog_on_s3(local: Project, s3: Server, tmp_path: Path) -> None:
    if not os.environ.get("CI"):  # CI has to have it
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    url = f"s3://{s3.bucket()}/site"
    project = hopsartifacts.login(url, storage_options=s3.options())
    local.export_bundle(tmp_path / "b.tar")
    project.import_bundle(tmp_path / "b.tar")

    reader = hopsartifacts.login(url, storage_options=s3.options(**READER))
    first = reader.get_model_registry().catalog()
    assert [row["model"] for row in first.to_pylist()] == ["m", "n"]
    assert project.storage.stat(".hopsartifacts/catalog/models.parquet") is None
    assert project.get_model_registry().catalog() == first

    time.sleep(1.1)  # the server tells in whole seconds what is newest
    project.get_model_registry().get_model("n").add_tag("stage", "test")
    storage = FaultyStorage(reader.storage)
    table = hopsartifacts.login(storage=storage).get_model_registry().catalog()
    assert table.to_pylist()[1]["tags"] == '{"stage":"test"}'
    calls = Counter(call.method for call in storage.calls[1:])
    assert calls["list"] == 2  # models and deployments
    # Three logs and two of artifacts, one of which is empty; then the log that went on.
    assert calls["first"] == 3 + 2 + 1
    assert calls["stat"] == 3 + 1
    assert calls["read"] == 2
