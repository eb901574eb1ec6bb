"""What a reader with no memory sees of a project, and jobs that change it."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hopsartifacts
from hopsartifacts.project import Project
from hopsartifacts.storage.contract import Storage
from tests.stateful.backend import StatesOnly

MODEL = "m"
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
BIG = 300 * 1024
"""More than a log entry takes."""

View = dict[str, Any]


def view(storage: Storage) -> View:
    """Return everything that can be read, in full, without numbers or times that
    differ between two runs of one job."""
    project = Project(storage, backend=StatesOnly())
    mr, ms = project.get_model_registry(), project.get_model_serving()
    models, artifacts = {}, {}
    for name in mr.list_models():
        for model in mr.get_models(name):
            key = f"{name}/{model.version}"
            again = mr.get_model(name, model.version)
            assert again.id == model.id
            models[key] = {
                "files": _downloaded(model.download),
                "metrics": model.training_metrics,
                "tags": model.get_tags(),
                "example": model.input_example,
                "schema": model.model_schema,
                "description": model.description,
            }
            listed = ms.get_artifacts(model)
            artifacts[key] = {number: listed.read(number) for number in listed.list()}
    deployments = {}
    for deployment in ms.get_deployments():
        pin = deployment.specification
        deployments[deployment.name] = {
            "version": deployment.version,
            "model": f"{pin.model.name}/{pin.model.version}",
            "artifact": pin.artifact,
            "description": pin.description,
        }
    return {"models": models, "artifacts": artifacts, "deployments": deployments}


def _downloaded(download: Callable[[Path], str]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(download(Path(folder, "files")))
        return {
            path.relative_to(top).as_posix(): path.read_bytes()
            for path in sorted(top.rglob("*"))
            if path.is_file()
        }


def check_deployments_start(storage: Storage) -> None:
    """Start each deployment: this checks every byte it would run."""
    ms = Project(storage, backend=StatesOnly()).get_model_serving()
    for deployment in ms.get_deployments():
        deployment.start()
        if deployment.artifact_version:
            with tempfile.TemporaryDirectory() as folder:
                deployment.download_artifact_files(folder)


class Jobs:
    """Operations on a project, and the user's files they need."""

    def __init__(self, folder: Path) -> None:
        self.weights = folder / "weights"
        (self.weights / "deep").mkdir(parents=True)
        (self.weights / "model.bin").write_bytes(b"w" * 100)
        (self.weights / "deep" / "more.bin").write_bytes(b"m" * 10)
        self.script = folder / "predict.py"
        self.script.write_text(SCRIPT)
        self.other_script = folder / "other.py"
        self.other_script.write_text(f"{SCRIPT}# other\n")
        self.big = folder / "big.bin"
        self.big.write_bytes(b"b" * BIG)

    def save(self, storage: Storage) -> int | None:
        model = _registry(storage).sklearn.create_model(
            MODEL,
            metrics={"auc": 0.5},
            input_example=[1, 2],
            model_schema={"input_schema": {"columnar_schema": []}},
            tags={"by": "test"},
        )
        return model.save(self.weights).version

    def deploy_script(self, storage: Storage) -> str:
        return self._deploy(storage, script_file=self.script)

    def deploy_big(self, storage: Storage) -> str:
        return self._deploy(storage, script_file=self.script, files=[self.big])

    def deploy_create(self, storage: Storage) -> str:
        return self._deploy(
            storage, script_file=self.other_script, artifact_version="CREATE"
        )

    def deploy_without_script(self, storage: Storage) -> str:
        return self._deploy(storage, description="bare")

    def tag(self, storage: Storage) -> None:
        _registry(storage).get_model(MODEL, 1).add_tag("colour", "red")

    def delete(self, storage: Storage) -> None:
        _registry(storage).get_model(MODEL, 1).delete()

    def delete_deployment(self, storage: Storage) -> None:
        ms = Project(storage, backend=StatesOnly()).get_model_serving()
        ms.get_deployment(MODEL).delete()

    def _deploy(self, storage: Storage, **settings: Any) -> str:
        deployment = _registry(storage).get_model(MODEL, 1).deploy(**settings)
        return str(deployment.name)


def _registry(storage: Storage) -> hopsartifacts.ModelRegistry:
    return Project(storage, backend=StatesOnly()).get_model_registry()


def copy_tree(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copytree(source, target, symlinks=True)


JOBS: dict[str, tuple[tuple[str, ...], str]] = {
    "save the first version": ((), "save"),
    "save a later version": (("save",), "save"),
    "make an artifact": (("save",), "deploy_script"),
    "make a big artifact": (("save",), "deploy_big"),
    "make one more artifact": (("save", "deploy_script"), "deploy_create"),
    "find an artifact": (
        ("save", "deploy_script", "delete_deployment"),
        "deploy_script",
    ),
    "deploy without a script": (("save",), "deploy_without_script"),
    "deploy another version": (("save", "deploy_script"), "deploy_without_script"),
    "tag": (("save",), "tag"),
    "delete a model": (("save", "save"), "delete"),
    "delete the only model": (("save",), "delete"),
    "delete a deployment": (("save", "deploy_script"), "delete_deployment"),
}
"""What came before, and what is interrupted."""
