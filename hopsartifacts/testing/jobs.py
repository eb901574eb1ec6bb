"""What writers do to a project, as a table of named jobs: each is cut off everywhere.

To try a new operation at every crash point, add a method to ``Jobs`` and a line to
``JOBS``.
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
from hopsartifacts.testing.littering import (
    cut_off,
    keeping_files,
    nth_entry,
    put_aside,
    writes,
)
from hopsartifacts.testing.serving import StatesOnly

MODEL = "m"
ALIAS = "champion"
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
_BIG_BYTES = 300 * 1024
"""More than a log entry takes."""


class Job(msgspec.Struct, frozen=True):
    """An operation to be cut off, and what comes before it: methods of ``Jobs``."""

    before: tuple[str, ...]
    name: str
    is_seen: bool = True
    """Readers see a difference; else there is one only in what lies there."""
    takes_garbage: bool = False
    """What writers have put aside is not safe from it."""
    is_copied: bool = True
    """What comes before lies in the storage alone, so a copy of that will do."""


JOBS: dict[str, Job] = {
    "save the first version": Job((), "save"),
    "save a later version": Job(("save",), "save"),
    "make an artifact": Job(("save",), "deploy_script"),
    "make a big artifact": Job(("save",), "deploy_big"),
    "make one more artifact": Job(("save", "deploy_script"), "deploy_create"),
    "find an artifact": Job(
        ("save", "deploy_script", "delete_deployment"), "deploy_script"
    ),
    "deploy without a script": Job(("save",), "deploy_without_script"),
    "deploy another version": Job(("save", "deploy_script"), "deploy_without_script"),
    "continue a save": Job(("save_half",), "save", is_copied=False),
    "tag": Job(("save",), "tag"),
    "edit a description": Job(("save",), "describe"),
    "set an alias": Job(("save",), "alias"),
    "move an alias": Job(("save", "alias", "save"), "alias"),
    "roll an alias back": Job(("save", "alias", "save", "alias"), "rollback_alias"),
    "delete an alias": Job(("save", "alias"), "delete_alias"),
    "delete a model": Job(("save", "save"), "delete"),
    "delete the only model": Job(("save",), "delete"),
    "be refused a deletion": Job(("save", "alias"), "delete_used", is_seen=False),
    "delete a deployment": Job(("save", "deploy_script"), "delete_deployment"),
    "roll a deployment back": Job(
        ("save", "deploy_script", "deploy_without_script"), "rollback_deployment"
    ),
    "give a deployment version up": Job(
        ("save", "deploy_script", "deploy_without_script"), "delete_deployment_version"
    ),
    "delete an artifact": Job(
        ("save", "deploy_script", "delete_deployment"), "delete_artifact"
    ),
    "delete a big artifact": Job(
        ("save", "deploy_big", "delete_deployment"), "delete_artifact"
    ),
    "collect garbage": Job(("save", "litter"), "gc", is_seen=False, takes_garbage=True),
}
"""Every job by its name; each of them changes something."""


class Jobs:
    """The operations, and the user's files they need, which are put into *folder*."""

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
        """Do the operation *name*."""
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
        """Be cut off when one of the files is to be written."""
        cut_off(storage, self.save, writes("deep/more.bin"))

    def deploy_script(self, storage: Storage) -> None:
        """Deploy version 1 with a script."""
        self._deploy(storage, script_file=self.script)

    def deploy_big(self, storage: Storage) -> None:
        """Deploy version 1 with a file that is too big for a log entry."""
        self._deploy(storage, script_file=self.script, files=[self.big])

    def deploy_create(self, storage: Storage) -> None:
        """Deploy version 1 with a new artifact, whatever there is."""
        self._deploy(storage, script_file=self.other_script, artifact_version="CREATE")

    def deploy_without_script(self, storage: Storage) -> None:
        """Deploy version 1 as it is."""
        self._deploy(storage, description="bare")

    def tag(self, storage: Storage) -> None:
        """Tag version 1."""
        registry(storage).get_model(MODEL, 1).add_tag("colour", "red")

    def describe(self, storage: Storage) -> None:
        """Describe version 1 anew."""
        registry(storage).get_model(MODEL, 1).set_description("as it turned out")

    def alias(self, storage: Storage) -> None:
        """Let the alias point at the newest version."""
        registry(storage).get_model(MODEL).set_alias(ALIAS, why="it is the newest")

    def rollback_alias(self, storage: Storage) -> None:
        """Let the alias point where it pointed before."""
        registry(storage).rollback_alias(MODEL, ALIAS, why="it was worse")

    def delete_alias(self, storage: Storage) -> None:
        """Let the alias point nowhere."""
        registry(storage).delete_alias(MODEL, ALIAS, why="there is no champion")

    def delete(self, storage: Storage) -> None:
        """Delete version 1."""
        registry(storage).get_model(MODEL, 1).delete()

    def delete_used(self, storage: Storage) -> None:
        """Try to delete version 1, which is used."""
        with pytest.raises(InUseError):
            self.delete(storage)

    def delete_artifact(self, storage: Storage) -> None:
        """Delete artifact version 1 of version 1."""
        artifacts(storage).delete(1)

    def gc(self, storage: Storage) -> None:
        """Free all that nobody can use."""
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
        """Make the first version of the deployment the active one again."""
        project_at(storage).get_model_serving().get_deployment(MODEL).rollback(1)

    def delete_deployment_version(self, storage: Storage) -> None:
        """Give the first version of the deployment up."""
        ms = project_at(storage).get_model_serving()
        ms.get_deployment(MODEL).delete_version(1)

    def _save_other(self, storage: Storage) -> None:
        registry(storage).python.create_model(MODEL).save(self.other_weights)

    def _deploy(self, storage: Storage, **settings: Any) -> None:
        registry(storage).get_model(MODEL, 1).deploy(**settings)


def project_at(storage: Storage) -> Project:
    """Return the project on *storage*; its deployments start, but nothing runs."""
    return Project(storage, backend=StatesOnly())


def registry(storage: Storage) -> ModelRegistry:
    """Return the registry of the project on *storage*."""
    return project_at(storage).get_model_registry()


def artifacts(storage: Storage) -> Artifacts:
    """Return the artifact versions of version 1."""
    project = project_at(storage)
    model = project.get_model_registry().get_model(MODEL, 1)
    return project.get_model_serving().get_artifacts(model)
