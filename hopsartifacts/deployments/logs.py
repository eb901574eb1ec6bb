"""The logs that one operation looks at: each is read once, and decided on together."""

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactState
from hopsartifacts.artifacts.versions import artifact_log
from hopsartifacts.deployments.documents import DeploymentState
from hopsartifacts.registry.documents import ModelState
from hopsartifacts.registry.versions import model_log
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.log import Log


class Logs:
    """The logs of a storage, each as it was seen first."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._models: dict[str, Log[ModelState]] = {}
        self._artifacts: dict[tuple[str, int], Log[ArtifactState]] = {}
        self._deployments: dict[str, Log[DeploymentState]] = {}

    def model(self, name: str) -> Log[ModelState]:
        """Return the log of a model."""
        if name not in self._models:
            self._models[name] = model_log(self.storage, name)
        return self._models[name]

    def artifacts(self, model: str, version: int) -> Log[ArtifactState]:
        """Return the log of a model version's artifacts."""
        key = model, version
        if key not in self._artifacts:
            self._artifacts[key] = artifact_log(self.storage, model, version)
        return self._artifacts[key]

    def deployment(self, name: str) -> Log[DeploymentState]:
        """Return the log of a deployment."""
        if name not in self._deployments:
            path = layout.deployment_log(name)
            self._deployments[name] = Log(self.storage, path, DeploymentState)
        return self._deployments[name]
