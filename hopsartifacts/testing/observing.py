"""What a reader with no memory sees of a project."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.jobs import project_at

View = dict[str, Any]


def view(storage: Storage) -> View:
    """Return everything that can be read, in full.

    Tokens and times are left out: they differ between two runs of one job.
    """
    project = project_at(storage)
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
    ms = project_at(storage).get_model_serving()
    for deployment in ms.get_deployments():
        deployment.start()
        if deployment.artifact_version:
            with tempfile.TemporaryDirectory() as folder:
                deployment.download_artifact_files(folder)
