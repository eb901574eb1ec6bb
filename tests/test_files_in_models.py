"""Files directly in ``Models`` whose names no model can have: they are the user's."""

from collections.abc import Callable
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.datasets import DatasetApi
from hopsartifacts.errors import AlreadyExistsError, ManagedPathError
from hopsartifacts.storage.contract import Storage
from tests.conftest import PREDICTOR

SCRIPT = "Models/predict_example.py"


@pytest.fixture
def project(storage_of_each_kind: Storage) -> Project:
    return Project(storage_of_each_kind)


@pytest.fixture
def api(project: Project) -> DatasetApi:
    return project.get_dataset_api()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "predict_example.py"
    path.write_text(PREDICTOR)
    return path


def test_a_file_is_kept_as_in_a_folder_of_the_users(
    api: DatasetApi, script: Path, tmp_path: Path
) -> None:
    assert api.upload(str(script), "Models", overwrite=True) == SCRIPT
    assert api.upload(script, "Models", overwrite=True) == SCRIPT
    with pytest.raises(AlreadyExistsError):
        api.upload(script, "Models")
    assert api.exists(SCRIPT)
    assert api.list("Models") == [SCRIPT]
    assert api.read_content(SCRIPT) == script.read_bytes()
    here = Path(api.download(SCRIPT, tmp_path / "again.py"))
    assert here.read_bytes() == script.read_bytes()
    api.copy(SCRIPT, "Models/copy.py")
    api.move("Models/copy.py", "Resources/moved.py")
    api.move("Resources/moved.py", "Models/moved.py")
    api.copy("Models/moved.py", SCRIPT, overwrite=True)
    assert api.list("Models") == ["Models/moved.py", SCRIPT]
    assert api.zip(SCRIPT) == f"{SCRIPT}.zip"
    assert api.zip("Models/moved.py", "Resources") == "Resources/moved.py.zip"
    assert api.zip("Resources/moved.py.zip", "Models") == "Models/moved.py.zip.zip"
    api.move(f"{SCRIPT}.zip", "Resources/predict_example.zip")
    assert api.unzip("Resources/predict_example.zip") == "Resources/predict_example"
    for path in api.list("Models"):
        api.remove(path)
    assert api.list("Models") == []


REFUSED: dict[str, Callable[[DatasetApi, Path], object]] = {
    "a file that a model may be called": lambda api, here: api.upload(
        here / "README", "Models"
    ),
    "a folder": lambda api, here: api.upload(here / "data.d", "Models"),
    "a file below a file": lambda api, here: api.upload(
        here / "README", "Models/mine.py"
    ),
    "a file in other letters": lambda api, here: api.upload(here / "a.py", "models"),
    "a made folder": lambda api, _: api.mkdir("Models/data.d"),
    "a made folder below": lambda api, _: api.mkdir("Models/data.d/x"),
    "a copied folder": lambda api, _: api.copy("Resources/data.d", "Models/data.d"),
    "a moved folder": lambda api, _: api.move("Resources/data.d", "Models/data.d"),
    "a file copied to a model's name": lambda api, _: api.copy(
        "Models/mine.py", "Models/mine"
    ),
    "an archive of a model's folder": lambda api, _: api.zip("Models/m"),
    "an archive into the project": lambda api, _: api.zip("Models/mine.py", "/"),
    "an archive into a model": lambda api, _: api.zip("Models/mine.py", "Models/m"),
    "an unpacked archive": lambda api, _: api.unzip("Models/mine.zip"),
    "a model's folder": lambda api, _: api.remove("Models/m"),
    "a folder that somebody put there": lambda api, _: api.remove("Models/strange.d"),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_everything_else_there_is_managed(
    project: Project,
    make_files: Callable[..., Path],
    snapshot: Callable[[Project], dict[str, bytes]],
    refused: Callable[[DatasetApi, Path], object],
) -> None:
    here = make_files({"README": "x", "a.py": "x", "data.d/x": "x", "mine.py": "x"})
    api = project.get_dataset_api()
    project.get_model_registry().python.create_model("m").save(here / "README")
    api.upload(here / "mine.py", "Models")
    api.upload(here / "data.d", "Resources")
    api.zip("Models/mine.py", "Resources")
    api.move("Resources/mine.py.zip", "Models/mine.zip")
    project.storage.write("Models/strange.d/x", [b"x"])
    before = snapshot(project)
    with pytest.raises(ManagedPathError, match=r"managed.*'Resources'"):
        refused(api, here)
    assert snapshot(project) == before


def test_a_deployment_takes_its_script_from_there(
    project: Project, script: Path, make_files: Callable[..., Path]
) -> None:
    project.get_dataset_api().upload(script, "Models")
    mr, ms = project.get_model_registry(), project.get_model_serving()
    mr.python.create_model("m").save(make_files())
    absolute = f"/Projects/{project.name}/{SCRIPT}"
    for number, path in enumerate(
        [SCRIPT, absolute, f"/{SCRIPT}", f"hdfs://{absolute}"]
    ):
        predictor = ms.create_predictor(
            mr.get_model("m"), name=f"d{number}", script_file=path
        )
        deployment = ms.create_deployment(predictor)
        deployment.save()
        assert (deployment.script_file, deployment.artifact_version) == (
            "predict_example.py",
            1,
        )


def test_nothing_that_looks_after_models_minds_them(
    project: Project, script: Path, make_files: Callable[..., Path], tmp_path: Path
) -> None:
    registry, api = project.get_model_registry(), project.get_dataset_api()
    registry.python.create_model("m").save(make_files())
    api.upload(script, "Models")
    assert registry.list_models() == ["m"]
    assert project.verify().ok
    assert project.repair().ok
    project.gc(grace_s=0)
    assert project.catalog().num_rows == 1
    project.export_bundle(tmp_path / "all.bundle")
    target = hopsartifacts.login(str(tmp_path / "target"))
    target.import_bundle(tmp_path / "all.bundle")
    assert target.get_model_registry().list_models() == ["m"]
    assert not target.get_dataset_api().exists(SCRIPT)
    assert api.read_content(SCRIPT) == script.read_bytes()
