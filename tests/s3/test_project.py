"""Projects on a real S3 server: the main job, refusals; the kit has the races."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.errors import StorageError, UnsafeStorageError
from tests.s3.conftest import Server

READER = {"key": "reader", "secret": "readers-secret"}
WRONG = {"key": "writer", "secret": "not the writer's"}
SCRIPT = "class Predictor:\n    def predict(self, inputs): return {answer}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HOPSARTIFACTS_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "weights.bin").write_bytes(b"w" * 20_000_000)
    (tmp_path / "model" / "sub" / "empty").write_bytes(b"")
    (tmp_path / "predict.py").write_text(SCRIPT.format(answer="inputs"))
    return tmp_path


@pytest.fixture
def project(s3: Server) -> Project:
    url = f"s3://{s3.bucket()}/team/models"
    return hopsartifacts.login(url, storage_options=s3.options())


def test_the_main_job_on_s3(project: Project, folder: Path) -> None:
    registry, serving = project.get_model_registry(), project.get_model_serving()
    first = registry.python.create_model("m", metrics={"auc": 0.5}, input_example=[1])
    first.save(folder / "model")
    registry.python.create_model("m", metrics={"auc": 0.7}).save(folder / "model")
    best = registry.get_best_model("m", "auc", "max")
    assert best is not None
    assert best.version == 2

    deployment = best.deploy(script_file=folder / "predict.py")
    again = best.deploy("again", script_file=folder / "predict.py")
    assert (deployment.artifact_version, again.artifact_version) == (1, 1)
    assert project.verify().ok

    deployment.start()
    assert deployment.predict(inputs=[[1, 2]]) == {"predictions": [[1, 2]]}
    deployment.delete(force=True)

    downloaded = Path(first.download(folder / "downloaded"))
    assert (downloaded / "weights.bin").read_bytes() == b"w" * 20_000_000
    assert (downloaded / "sub" / "empty").read_bytes() == b""
    first.delete()
    assert [model.version for model in registry.get_models("m")] == [2]
    assert serving.get_deployment("again").artifact_version == 1
    assert project.verify().ok


def test_an_edited_object_is_found_and_restored(project: Project, folder: Path) -> None:
    model = project.get_model_registry().python.create_model("m").save(folder / "model")
    model.deploy(script_file=folder / "predict.py")
    script = "Models/m/1/Artifacts/1/predictor-predict.py"
    project.storage.write(script, [b"edited"])
    project.storage.write("Models/m/1/Files/sub/new", [b"extra"])

    found = {(finding.kind, finding.path) for finding in project.verify().findings}
    assert found == {("changed", script), ("extra", "Models/m/1/Files/sub/new")}

    assert project.repair().ok
    assert project.verify().ok
    assert project.storage.read(script) == SCRIPT.format(answer="inputs").encode()


def test_a_save_that_was_cut_is_invisible_and_goes_on_where_it_stopped(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large model is not uploaded again for one file that failed."""
    registry = project.get_model_registry()
    registry.python.create_model("m").save(folder / "predict.py")
    before = {entry.path for entry in project.storage.find("Models/m/1")}
    failing = hopsartifacts.login(storage=project.storage)
    write = type(project.storage).write

    written: list[str] = []

    def refuse(storage: Any, path: str, chunks: Any) -> None:
        if path.endswith("weights.bin"):
            raise StorageError("the connection is gone")
        write(storage, path, chunks)

    def watch(storage: Any, path: str, chunks: Any) -> None:
        written.append(path)
        write(storage, path, chunks)

    with monkeypatch.context() as patch:
        patch.setattr(type(project.storage), "write", refuse)
        with pytest.raises(StorageError, match="the connection is gone"):
            failing.get_model_registry().python.create_model("m").save(folder / "model")

    assert [model.version for model in registry.get_models("m")] == [1]
    assert {entry.path for entry in project.storage.find("Models/m/1")} == before
    with monkeypatch.context() as patch:
        patch.setattr(type(project.storage), "write", watch)
        assert registry.python.create_model("m").save(folder / "model").version == 2
    assert written == ["Models/m/2/Files/weights.bin"]
    assert project.verify().ok


def test_a_server_that_ignores_the_condition_is_refused_before_anything_is_stored(
    careless_s3: Server, folder: Path
) -> None:
    url = f"s3://{careless_s3.bucket()}/p"
    project = hopsartifacts.login(url, storage_options=careless_s3.options())

    with pytest.raises(UnsafeStorageError, match="overwrites an object"):
        project.get_model_registry().python.create_model("m").save(folder / "model")

    assert list(project.storage.find("")) == []
    report = project.doctor()
    assert not report.ok
    assert "was not refused" in str(report)
    # This server's listings lag, so a probe may outlive the doctor; its no is kept.
    left = {entry.path for entry in project.storage.find("")}
    left -= {".hopsartifacts/doctor.json"}
    assert all(path.startswith(".hopsartifacts/probes/") for path in left)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (lambda s3: s3.options(**READER), "Access Denied"),
        (lambda s3: s3.options(**WRONG), "rejects these keys"),
        (
            lambda _: Server("http://127.0.0.1:9").options(
                config_kwargs={"retries": {"max_attempts": 1}}
            ),
            "cannot be reached",
        ),
    ],
    ids=["read-only keys", "wrong keys", "no server"],
)
def test_what_the_server_refuses_is_said_in_its_words(
    s3: Server, folder: Path, options: Callable[[Server], dict[str, Any]], words: str
) -> None:
    url = f"s3://{s3.bucket()}/p"

    with pytest.raises(StorageError, match=words):
        hopsartifacts.login(
            url, storage_options=options(s3)
        ).get_model_registry().python.create_model("m").save(folder / "model")

    reader = hopsartifacts.login(url, storage_options=s3.options())
    assert list(reader.storage.find("")) == []
