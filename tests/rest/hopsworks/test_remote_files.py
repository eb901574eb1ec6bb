"""Files of a project that lies elsewhere: every sealed byte is checked on its way."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import hopsartifacts
from hopsartifacts.digests import CHUNK_BYTES
from hopsartifacts.errors import StorageError
from hopsartifacts.project import Project
from tests.rest.hopsworks.dataset_wire import Wire

BIG = CHUNK_BYTES * 2 + 10


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that does not lie on this machine's disk."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hopsartifacts.login(f"memory://{uuid4().hex}/demo")


@pytest.fixture
def sealed(project: Project, tmp_path: Path) -> Path:
    """The files of a saved model, deployed with a script."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "small").write_bytes(b"0123456789")
    (files / "big").write_bytes(bytes(range(256)) * (BIG // 256 + 1))
    script = tmp_path / "p.py"
    script.write_text("class Predict:\n    def predict(self, inputs): return inputs\n")
    model = project.get_model_registry().python.create_model("m").save(files)
    model.deploy("dep", script_file=str(script))
    return files


def test_sealed_files_are_read(wire: Wire, sealed: Path) -> None:
    for name in ("small", "big"):
        data = (sealed / name).read_bytes()
        path = f"Models/m/1/Files/{name}"
        assert wire.download(path).content == data
        for asked, part in (("3-8", data[3:9]), ("-4", data[-4:]), ("5-", data[5:])):
            answer = wire.download(path, range=f"bytes={asked}")
            assert (answer.status_code, answer.content) == (206, part)
    assert wire.names("Deployments/dep/1") == ["predictor-p.py"]
    script = wire.download("Deployments/dep/1/predictor-p.py")
    assert script.content.startswith(b"class Predict")
    assert wire.download("Models/m/1/Artifacts/1/predictor-p.py").content == (
        script.content
    )


def test_changed_files_do_not_come_whole(
    wire: Wire, project: Project, sealed: Path
) -> None:
    for name in ("small", "big"):
        path = f"Models/m/1/Files/{name}"
        data = bytearray((sealed / name).read_bytes())
        data[1] ^= 1
        project.storage.write(path, [bytes(data)])
        # Were the last part sent, a client would take what it has for all there is.
        answers: list[Any] = [wire.download(path, range="bytes=3-5")]
        if name == "small":
            answers.append(wire.download(path))
        for answer in answers:
            assert answer.status_code == 500
            assert "differs from what was saved" in answer.json()["usrMsg"]
    whole = wire.download(path)
    assert len(whole.content) < int(whole.headers["content-length"])


def test_a_copy_of_changed_files_is_none(
    wire: Wire, project: Project, sealed: Path
) -> None:
    folder = "Models/m/1/Files"
    copied = wire.post(folder, action="copy", destination_path="Resources/good")
    assert copied.is_success
    assert wire.download("Resources/good/small").content == b"0123456789"
    project.storage.write(f"{folder}/small", [b"9876543210"])
    refused = wire.post(folder, action="copy", destination_path="Resources/bad")
    assert refused.status_code == 500
    assert wire.names("Resources") == ["good"]
    assert sealed.is_dir()


def test_folders_are_there_though_the_storage_has_none(wire: Wire) -> None:
    assert wire.mkdir("Resources/a/b").status_code == 201
    assert wire.names("Resources") == ["a"]
    assert wire.stat("Resources/a/b")["attributes"]["dir"] is True
    moved = wire.post("Resources/a", action="move", destination_path="Resources/c")
    assert moved.is_success
    assert wire.names("Resources/c") == ["b"]
    assert wire.delete("Resources/c").status_code == 204
    assert wire.names("Resources") == []


def test_a_stat_tries_again(
    wire: Wire, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.upload("Resources", "x", b"x")
    stat, failures = type(project.storage).stat, [2]

    def failing(storage: Any, path: str) -> Any:
        if path == "Resources/x" and failures[0]:
            failures[0] -= 1
            raise StorageError("it did not answer")
        return stat(storage, path)

    monkeypatch.setattr(type(project.storage), "stat", failing)
    assert wire.stat_status("Resources/x") == 200
    failures[0] = 100
    assert wire.stat_status("Resources/x") == 503
