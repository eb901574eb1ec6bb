"""Deployments on a network mount that lists from a cache, as NFS does for seconds.

What another machine had committed before a save began counts all the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.errors import AlreadyExistsError, ModelNotFoundError
from hopsartifacts.storage.local import LocalStorage

CODE = "class Predictor:\n    def predict(self, inputs): return inputs\n"
Late = Callable[[], Project]


class LateStorage(LocalStorage):
    """A mount that lists what was there when it was opened."""

    def __init__(self, root: Path, before: dict[str, str | None]) -> None:
        super().__init__(root)
        self._before = before

    def first(self, path: str) -> str | None:
        return self._before.get(path)


@pytest.fixture
def near(tmp_path: Path) -> Project:
    """The project as the machine sees it that has the disk."""
    project = hopsartifacts.login(tmp_path / "project")
    save(project, "m")
    return project


@pytest.fixture
def late(tmp_path: Path, near: Project) -> Late:
    """Note what is there; what it returns opens the project as it was then."""
    logs = [f"Models/m/{it}_log" for it in ("", "1/Artifacts/", "2/Artifacts/")]
    logs += ["Deployments/d/_log", "Models/other/_log"]

    def noted() -> Project:
        before = {log: near.storage.first(log) for log in logs}
        root = tmp_path / "project"
        return hopsartifacts.login(storage=LateStorage(root, before))

    return noted


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "predict.py"
    path.write_text(CODE)
    return path


def save(project: Project, name: str) -> None:
    path = Path(project.storage.local_path("") or "").parent / "weights"
    path.write_bytes(b"weights")
    project.get_model_registry().sklearn.create_model(name).save(path)


def deploy(project: Project, version: int = 1, **settings: Any) -> int:
    model = project.get_model_registry().get_model("m", version)
    number: int = model.deploy("d", **settings).version
    return number


def test_an_old_version_is_not_taken_for_the_active_one(
    near: Project, late: Late
) -> None:
    deploy(near)
    far = late()
    deploy(near, description="changed")
    assert deploy(far) == 3
    assert near.get_model_serving().get_deployment("d").description is None


def test_what_is_unchanged_is_not_saved_again(near: Project, late: Late) -> None:
    far = late()
    deploy(near)
    deploy(near, description="changed")
    assert deploy(far, description="changed") == 2


def test_a_new_model_version_is_deployed(near: Project, late: Late) -> None:
    far = late()
    save(near, "m")
    assert deploy(far, 2) == 1


def test_a_deleted_model_version_is_not_deployed(near: Project, late: Late) -> None:
    model = late().get_model_registry().get_model("m", 1)
    near.get_model_registry().get_model("m", 1).delete()
    with pytest.raises(ModelNotFoundError, match="was deleted"):
        model.deploy("d")
    assert near.get_model_serving().get_deployments() == []


def test_an_artifact_version_that_was_just_made_is_found(
    near: Project, late: Late, script: Path
) -> None:
    far = late()
    deploy(near, script_file=script)
    assert deploy(far, artifact_version=1) == 1
    far = late()
    script.write_text(f"{CODE}# changed\n")
    deploy(near, script_file=script)
    assert deploy(far, script_file=script) == 2
    artifacts = near.get_model_serving().get_artifacts(
        near.get_model_registry().get_model("m", 1)
    )
    assert list(artifacts.list()) == [0, 1, 2]


def test_a_name_that_changed_hands_belongs_to_its_new_owner(
    near: Project, late: Late
) -> None:
    save(near, "other")
    deploy(near)
    far = late()
    near.get_model_serving().get_deployment("d").delete()
    near.get_model_registry().get_model("other", 1).deploy("d")
    with pytest.raises(AlreadyExistsError, match="'other'"):
        deploy(far)
    near.get_model_serving().get_deployment("d").delete()
    assert deploy(far) == 3
