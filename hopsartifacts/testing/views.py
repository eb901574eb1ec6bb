"""The state of a project as seen by a reader without caches."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hopsartifacts.artifacts.versions import artifact_log
from hopsartifacts.registry.handle import ModelRegistry
from hopsartifacts.registry.versions import model_names, model_state
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.jobs import ALIAS, project_at

View = dict[str, Any]
Footprint = dict[str, int]
"""The size of every file, by path."""


def view(storage: Storage) -> View:
    """Return everything that can be read, in full.

    Tokens and times are left out, because they differ between two runs of one job.
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
            artifacts[key] = {
                **{number: listed.read(number) for number in listed.list()},
                **dict.fromkeys(_deleted_artifacts(storage, name, model.version)),
            }
    deployments = {}
    for deployment in ms.get_deployments():
        pin = deployment.specification
        deployments[deployment.name] = {
            "version": deployment.version,
            "model": f"{pin.model.name}/{pin.model.version}",
            "artifact": pin.artifact,
            "description": pin.description,
            "versions": [it.version for it in deployment.get_versions()],
            "history": [(it.version, it.cause) for it in deployment.get_history()],
        }
    return {
        "models": models,
        "artifacts": artifacts,
        "deployments": deployments,
        "deleted": _deleted(storage),
        "aliases": {name: _aliases(mr, name) for name in mr.list_models()},
    }


def footprint(storage: Storage) -> Footprint:
    """Return all stored files, including those that readers do not see."""
    return {entry.path: entry.size_bytes for entry in storage.find("")}


def _deleted(storage: Storage) -> list[str]:
    return [
        f"{name}/{number}"
        for name in model_names(storage)
        for number, version in model_state(storage, name).records.items()
        if version.status == "deleted"
    ]


def _deleted_artifacts(
    storage: Storage, name: str, version: int | None
) -> tuple[int, ...]:
    records = artifact_log(storage, name, version or 0).state().records
    return tuple(number for number, it in records.items() if not it.is_live)


def _aliases(mr: ModelRegistry, name: str) -> dict[str, Any]:
    """Return the target and the journal of each alias, and of the deleted ``ALIAS``."""
    return {
        alias: (mr.get_aliases(name).get(alias), _journal(mr, name, alias))
        for alias in (ALIAS, *mr.get_aliases(name))
    }


def _journal(mr: ModelRegistry, name: str, alias: str) -> list[tuple[int | None, str]]:
    return [(it.version, it.why) for it in mr.get_alias_history(name, alias)]


def _downloaded(download: Callable[[Path], str]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(download(Path(folder, "files")))
        return {
            path.relative_to(top).as_posix(): path.read_bytes()
            for path in sorted(top.rglob("*"))
            if path.is_file()
        }


def check_deployments_start(storage: Storage) -> None:
    """Start each deployment, which checks every byte that it would run."""
    ms = project_at(storage).get_model_serving()
    for deployment in ms.get_deployments():
        deployment.start()
        if deployment.artifact_version:
            with tempfile.TemporaryDirectory() as folder:
                deployment.download_artifact_files(folder)
