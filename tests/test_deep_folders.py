"""Trees that are deeper than Python's stack are saved, downloaded and served."""

import os
from contextlib import chdir
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts import Project

LEVELS = 1_100
SCRIPT = "class Predictor:\n    def predict(self, inputs): return inputs\n"


@pytest.fixture
def deep(deep_folder: Path) -> Path:
    """Return a folder in a chain of folders with one file at its end."""
    top = deep_folder / "deep"
    top.mkdir()
    with chdir(top):
        for _ in range(LEVELS):
            os.mkdir("a")  # noqa: PTH102 - relative, as the whole path takes long
            os.chdir("a")
        Path("f").write_text("x")
    return top


@pytest.fixture(params=["disk", "memory"])
def any_project(
    request: pytest.FixtureRequest,
    deep_folder: Path,
    clear_memory: None,  # noqa: ARG001 - a fixture
) -> Project:
    is_disk = request.param == "disk"
    return hopsartifacts.login(deep_folder / "project" if is_disk else "memory://deep")


def file_in(folder: Path) -> Path:
    return folder / "/".join(["a"] * LEVELS) / "f"


def test_a_deep_model_is_downloaded(
    any_project: Project, deep: Path, deep_folder: Path
) -> None:
    model = any_project.get_model_registry().python.create_model("m").save(deep)
    model.download(deep_folder / "out")
    assert file_in(deep_folder / "out").read_text() == "x"
    assert any_project.verify().ok


def test_own_files_in_deep_folders_are_copied_and_packed(
    any_project: Project, deep: Path
) -> None:
    files = any_project.get_dataset_api()
    files.upload(deep, "Resources")
    files.copy("Resources/deep", "Resources/twin")
    assert files.read_content(str(file_in(Path("Resources/twin")))) == b"x"
    assert files.zip("Resources/twin") == "Resources/twin.zip"


def test_a_deployment_starts_with_deep_files(
    any_project: Project, deep: Path, deep_folder: Path
) -> None:
    script = deep_folder / "predictor.py"
    script.write_text(SCRIPT)
    model = any_project.get_model_registry().python.create_model("m").save(script)
    deployment = model.deploy("d", script_file=script, files=[deep])
    deployment.start()
    try:
        assert deployment.predict(inputs=[[1]]) == {"predictions": [[1]]}
    finally:
        deployment.stop()
    assert "RecursionError" not in deployment.read_logs(tail=50)
