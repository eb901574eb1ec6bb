"""What writers do to a project, as a table of named jobs: each is cut off everywhere.

To try a new operation at every crash point, add a method to ``Jobs`` and a line to
``JOBS``.
"""

from pathlib import Path
from typing import Any

import msgspec

from hopsartifacts.project import Project
from hopsartifacts.registry.handle import ModelRegistry
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.serving import StatesOnly

MODEL = "m"
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"
_BIG_BYTES = 300 * 1024
"""More than a log entry takes."""


class Job(msgspec.Struct, frozen=True):
    """An operation to be cut off, and what comes before it: methods of ``Jobs``."""

    before: tuple[str, ...]
    name: str


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
    "tag": Job(("save",), "tag"),
    "delete a model": Job(("save", "save"), "delete"),
    "delete the only model": Job(("save",), "delete"),
    "delete a deployment": Job(("save", "deploy_script"), "delete_deployment"),
}
"""Every job by its name; each of them changes what a reader sees."""


class Jobs:
    """The operations, and the user's files they need, which are put into *folder*."""

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

    def delete(self, storage: Storage) -> None:
        """Delete version 1."""
        registry(storage).get_model(MODEL, 1).delete()

    def delete_deployment(self, storage: Storage) -> None:
        """Delete the deployment of version 1."""
        project_at(storage).get_model_serving().get_deployment(MODEL).delete()

    def _deploy(self, storage: Storage, **settings: Any) -> None:
        registry(storage).get_model(MODEL, 1).deploy(**settings)


def project_at(storage: Storage) -> Project:
    """Return the project on *storage*; its deployments start, but nothing runs."""
    return Project(storage, backend=StatesOnly())


def registry(storage: Storage) -> ModelRegistry:
    """Return the registry of the project on *storage*."""
    return project_at(storage).get_model_registry()
