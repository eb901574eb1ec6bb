"""The operations of writers, as a table of named jobs for the crash tests.

To test a new operation at every crash point, add a method to ``WriterJobs`` and a line
to ``JOBS``.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hopsartifacts import layout
from hopsartifacts.artifacts.handle import Artifacts
from hopsartifacts.errors import InUseError
from hopsartifacts.project import Project
from hopsartifacts.registry.handle import ModelRegistry
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.faults import (
    cut_off,
    keeping_files,
    nth_entry,
    put_aside,
    writes,
)
from hopsartifacts.testing.states_only import StatesOnly

MODEL = "m"
ALIAS = "champion"
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
_BIG_BYTES = 300 * 1024
"""More than fits in a log entry."""


class WriterJob(msgspec.Struct, frozen=True):
    """An operation to interrupt and its preceding steps: methods of ``WriterJobs``."""

    before: tuple[str, ...]
    name: str
    is_seen: bool = True
    """Whether readers see a difference; otherwise only the stored files differ."""
    takes_garbage: bool = False
    """Whether the job may delete files that other writers have prepared."""
    is_copied: bool = True
    """Whether the preceding state is only in the storage, so that a copy of it is
    enough."""


JOBS: dict[str, WriterJob] = {
    "save the first version": WriterJob((), "save"),
    "save a later version": WriterJob(("save",), "save"),
    "make an artifact": WriterJob(("save",), "deploy_script"),
    "make a big artifact": WriterJob(("save",), "deploy_big"),
    "make one more artifact": WriterJob(("save", "deploy_script"), "deploy_create"),
    "find an artifact": WriterJob(
        ("save", "deploy_script", "delete_deployment"), "deploy_script"
    ),
    "deploy without a script": WriterJob(("save",), "deploy_without_script"),
    "deploy another version": WriterJob(
        ("save", "deploy_script"), "deploy_without_script"
    ),
    "continue a save": WriterJob(("save_half",), "save", is_copied=False),
    "tag": WriterJob(("save",), "tag"),
    "edit a description": WriterJob(("save",), "describe"),
    "set an alias": WriterJob(("save",), "alias"),
    "move an alias": WriterJob(("save", "alias", "save"), "alias"),
    "roll an alias back": WriterJob(
        ("save", "alias", "save", "alias"), "rollback_alias"
    ),
    "delete an alias": WriterJob(("save", "alias"), "delete_alias"),
    "delete a model": WriterJob(("save", "save"), "delete"),
    "delete the only model": WriterJob(("save",), "delete"),
    "be refused a deletion": WriterJob(("save", "alias"), "delete_used", is_seen=False),
    "delete a deployment": WriterJob(("save", "deploy_script"), "delete_deployment"),
    "roll a deployment back": WriterJob(
        ("save", "deploy_script", "deploy_without_script"), "rollback_deployment"
    ),
    "give a deployment version up": WriterJob(
        ("save", "deploy_script", "deploy_without_script"), "delete_deployment_version"
    ),
    "delete an artifact": WriterJob(
        ("save", "deploy_script", "delete_deployment"), "delete_artifact"
    ),
    "delete a big artifact": WriterJob(
        ("save", "deploy_big", "delete_deployment"), "delete_artifact"
    ),
    "collect garbage": WriterJob(
        ("save", "litter"), "gc", is_seen=False, takes_garbage=True
    ),
}
"""All jobs by name; each of them changes something."""


class WriterJobs:
    """The operations; the user files that they need are created in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.weights = folder / "weights"
        (self.weights / "deep").mkdir(parents=True)
        (self.weights / "model.bin").write_bytes(b"w" * 100)
        (self.weights / "deep" / "more.bin").write_bytes(b"m" * 10)
        self.other_weights = folder / "other.bin"
        self.other_weights.write_bytes(b"o" * 100)
        self.script = folder / "predict.py"
        self.script.write_text(SCRIPT)
        self.other_script = folder / "other.py"
        self.other_script.write_text(f"{SCRIPT}# other\n")
        self.big = folder / "big.bin"
        self.big.write_bytes(b"b" * _BIG_BYTES)

    def do(self, name: str, storage: Storage) -> Any:
        """Run the operation *name*."""
        return getattr(self, name)(storage)

    def save(self, storage: Storage) -> int | None:
        """Save the next version of the model, and return its number."""
        model = registry(storage).sklearn.create_model(
            MODEL,
            metrics={"auc": 0.5},
            input_example=[1, 2],
            model_schema={"input_schema": {"columnar_schema": []}},
            tags={"by": "test"},
        )
        return model.save(self.weights).version

    def save_half(self, storage: Storage) -> None:
        """Start a save that is interrupted before one of the files is written."""
        cut_off(storage, self.save, writes("deep/more.bin"))

    def deploy_script(self, storage: Storage) -> None:
        """Deploy version 1 with a script."""
        self._deploy(storage, script_file=self.script)

    def deploy_big(self, storage: Storage) -> None:
        """Deploy version 1 with a file that is too big for a log entry."""
        self._deploy(storage, script_file=self.script, files=[self.big])

    def deploy_create(self, storage: Storage) -> None:
        """Deploy version 1 with a new artifact, even if an equal one exists."""
        self._deploy(storage, script_file=self.other_script, artifact_version="CREATE")

    def deploy_without_script(self, storage: Storage) -> None:
        """Deploy version 1 without a script."""
        self._deploy(storage, description="bare")

    def tag(self, storage: Storage) -> None:
        """Tag version 1."""
        registry(storage).get_model(MODEL, 1).add_tag("colour", "red")

    def describe(self, storage: Storage) -> None:
        """Change the description of version 1."""
        registry(storage).get_model(MODEL, 1).set_description("as it turned out")

    def alias(self, storage: Storage) -> None:
        """Point the alias at the newest version."""
        registry(storage).get_model(MODEL).set_alias(ALIAS, why="it is the newest")

    def rollback_alias(self, storage: Storage) -> None:
        """Point the alias at its previous target."""
        registry(storage).rollback_alias(MODEL, ALIAS, why="it was worse")

    def delete_alias(self, storage: Storage) -> None:
        """Delete the alias."""
        registry(storage).delete_alias(MODEL, ALIAS, why="there is no champion")

    def delete(self, storage: Storage) -> None:
        """Delete version 1."""
        registry(storage).get_model(MODEL, 1).delete()

    def delete_used(self, storage: Storage) -> None:
        """Try to delete version 1 while it is in use."""
        with pytest.raises(InUseError):
            self.delete(storage)

    def delete_artifact(self, storage: Storage) -> None:
        """Delete artifact version 1 of version 1."""
        artifacts(storage).delete(1)

    def gc(self, storage: Storage) -> None:
        """Delete all garbage."""
        project_at(storage).gc(grace_s=0)

    def litter(self, storage: Storage) -> None:
        """Leave garbage of every kind."""
        stuck = keeping_files(storage)
        self.deploy_big(storage)
        self.delete_deployment(stuck)
        self.delete_artifact(stuck)
        cut_off(storage, self.deploy_big, nth_entry(2, layout.artifact_log(MODEL, 1)))
        self.save(storage)
        registry(stuck).get_model(MODEL, 2).delete()
        cut_off(storage, self._save_other, nth_entry(2, layout.model_log(MODEL)))
        put_aside(storage)

    def delete_deployment(self, storage: Storage) -> None:
        """Delete the deployment of version 1."""
        project_at(storage).get_model_serving().get_deployment(MODEL).delete()

    def rollback_deployment(self, storage: Storage) -> None:
        """Make the first version of the deployment active again."""
        project_at(storage).get_model_serving().get_deployment(MODEL).rollback(1)

    def delete_deployment_version(self, storage: Storage) -> None:
        """Delete the first version of the deployment."""
        ms = project_at(storage).get_model_serving()
        ms.get_deployment(MODEL).delete_version(1)

    def _save_other(self, storage: Storage) -> None:
        registry(storage).python.create_model(MODEL).save(self.other_weights)

    def _deploy(self, storage: Storage, **settings: Any) -> None:
        registry(storage).get_model(MODEL, 1).deploy(**settings)


def project_at(storage: Storage) -> Project:
    """Return the project on *storage*; starting its deployments runs nothing."""
    return Project(storage, backend=StatesOnly())


def registry(storage: Storage) -> ModelRegistry:
    """Return the registry of the project on *storage*."""
    return project_at(storage).get_model_registry()


def artifacts(storage: Storage) -> Artifacts:
    """Return the artifact versions of version 1."""
    project = project_at(storage)
    model = project.get_model_registry().get_model(MODEL, 1)
    return project.get_model_serving().get_artifacts(model)
