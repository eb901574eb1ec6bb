"""The main job on each back end; ``test_storage.py`` has races of processes."""

from pathlib import Path

import pytest

from hopsartifacts.errors import UnsafeStorageError
from tests.backends.conftest import Gcs, Place

SCRIPT = "class Predictor:\n    def predict(self, inputs): return inputs\n"

pytestmark = pytest.mark.filterwarnings(
    "ignore:Sending a large body:ResourceWarning"  # see test_storage.py
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "weights.bin").write_bytes(b"w" * 17_000_000)
    (tmp_path / "model" / "sub" / "[1]*.txt").write_bytes(b"")
    (tmp_path / "predict.py").write_text(SCRIPT)
    return tmp_path


def test_the_main_job(place: Place, folder: Path) -> None:
    project = place.login()
    registry = project.get_model_registry()
    first = registry.python.create_model("m", metrics={"auc": 0.5}, input_example=[1])
    first.save(folder / "model")
    registry.python.create_model("m", metrics={"auc": 0.7}).save(folder / "model")
    best = registry.get_best_model("m", "auc", "max")
    assert best is not None
    assert best.version == 2

    deployments = [
        best.deploy(name, script_file=folder / "predict.py") for name in ("one", "two")
    ]
    assert [deployment.artifact_version for deployment in deployments] == [1, 1]
    assert place.login().verify().ok

    downloaded = Path(first.download(folder / "downloaded"))
    assert (downloaded / "weights.bin").read_bytes() == b"w" * 17_000_000
    assert (downloaded / "sub" / "[1]*.txt").read_bytes() == b""
    first.delete()
    assert [model.version for model in registry.get_models("m")] == [2]
    assert project.verify().ok


def test_an_edited_file_is_found_and_restored(place: Place, folder: Path) -> None:
    project = place.login()
    model = project.get_model_registry().python.create_model("m")
    model.save(folder / "predict.py")
    model.deploy(script_file=folder / "predict.py")
    path = "Models/m/1/Artifacts/1/predictor-predict.py"
    project.storage.unprotect("Models/m/1/Artifacts/1")
    project.storage.write(path, [b"edited"])
    assert path in {finding.path for finding in project.verify().findings}

    assert project.repair().ok
    assert project.storage.read(path) == SCRIPT.encode()
    assert project.verify().ok


def test_one_writer_may_be_all_that_is_safe(place: Place) -> None:
    capabilities = place.login().storage.capabilities
    assert capabilities.is_single_writer == place.single_writer
    assert capabilities.needs_proof


def test_what_another_client_does_is_seen_at_once(place: Place) -> None:
    ours, theirs = place.login().storage, place.login().storage
    ours.create("a/1", b"")
    assert [entry.path for entry in ours.list("a")] == ["a/1"]
    assert ours.stat("a/2") is None

    theirs.create("a/2", b"")
    theirs.delete_tree("a/1")

    assert [entry.path for entry in ours.list("a")] == ["a/2"]
    assert [entry.path for entry in ours.find("a")] == ["a/2"]
    assert (ours.stat("a/1"), ours.stat("a/2") is None) == (None, False)
    assert not ours.create("a/2", b"ours")


def test_files_are_deleted_by_name_not_by_pattern(place: Place) -> None:
    api = place.login().get_dataset_api()
    storage = place.login().storage
    for name in ("[ab].csv", "a.csv", "b.csv", "*"):
        storage.write(f"Resources/{name}", [b"mine"])

    for name in ("[ab].csv", "*"):
        api.remove(f"Resources/{name}")

    found = [entry.name for entry in storage.find("Resources")]
    assert found == ["a.csv", "b.csv"]


def test_a_server_that_ignores_the_condition_is_refused(
    careless_gcs: Gcs, folder: Path
) -> None:
    project = careless_gcs.place().login()
    model = project.get_model_registry().python.create_model("m")

    with pytest.raises(UnsafeStorageError, match="overwrites an object"):
        model.save(folder / "model")

    assert list(project.storage.find("")) == []
