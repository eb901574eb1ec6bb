"""Deployments as readers see them, and the logs that say so.

A writer that ended between its entry and its look at the model and the artifact leaves
a version that may pin something that is gone: readers do not see such a version.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import EMPTY, ArtifactState
from hopsartifacts.artifacts.versions import ArtifactStore, artifact_log
from hopsartifacts.deployments.documents import (
    DeploymentRecord,
    DeploymentState,
    DeploymentVersion,
    PinnedModel,
    Specification,
)
from hopsartifacts.errors import IntegrityError
from hopsartifacts.names import is_version
from hopsartifacts.registry.documents import ModelState
from hopsartifacts.registry.versions import model_state
from hopsartifacts.serving.contract import DeploymentKey
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import AnyState
from hopsartifacts.store.log import Log


class Logs:
    """The logs of a storage, each as it was seen first; see ``Log``.

    Args:
        storage: the project's storage.
        for_writing: as of ``Log``.
        checks_artifacts: whether readers of a deployment also look for the artifact
            version that it pins, which takes two more requests for each deployment.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        for_writing: bool = False,
        checks_artifacts: bool = True,
    ) -> None:
        self.storage = storage
        self.checks_artifacts = checks_artifacts
        self._for_writing = for_writing
        self._models: dict[str, Log[ModelState]] = {}
        self._artifacts: dict[tuple[str, int], Log[ArtifactState]] = {}
        self._deployments: dict[str, Log[DeploymentState]] = {}

    def model(self, name: str) -> Log[ModelState]:
        """Return the log of a model."""
        if name not in self._models:
            self._models[name] = self._log(layout.model_log(name), ModelState)
        return self._models[name]

    def artifacts(self, model: str, version: int) -> Log[ArtifactState]:
        """Return the log of a model version's artifacts."""
        key = model, version
        if key not in self._artifacts:
            path = layout.artifact_log(model, version)
            self._artifacts[key] = self._log(path, ArtifactState)
        return self._artifacts[key]

    def artifact_store(self, model: str, version: int) -> ArtifactStore:
        """Return the artifacts of a model version, as their log was seen first."""
        log = self.artifacts(model, version)
        return ArtifactStore(self.storage, model, version, log)

    def deployment(self, name: str) -> Log[DeploymentState]:
        """Return the log of a deployment."""
        if name not in self._deployments:
            path = layout.deployment_log(name)
            self._deployments[name] = self._log(path, DeploymentState)
        return self._deployments[name]

    def _log(self, path: str, kind: type[AnyState]) -> Log[AnyState]:
        return Log(self.storage, path, kind, for_writing=self._for_writing)


class Deployed:
    """A live deployment, as of one entry of its log; specifications are read late."""

    def __init__(
        self, logs: Logs, name: str, state: DeploymentState, active: int
    ) -> None:
        self.name = name
        self.state = state
        self.active = active
        self._logs = logs
        self._read: dict[int, DeploymentVersion] = {}

    @property
    def id(self) -> str:
        """Unique for ever, also when the deployment is deleted."""
        return self.state.head.id

    @property
    def created(self) -> str:
        """When it was first saved (RFC 3339, UTC)."""
        return self.state.head.created

    @property
    def creator(self) -> str:
        """Who saved it first."""
        return self.state.head.creator

    @property
    def last(self) -> int:
        """The highest version number ever given under this name."""
        return self.state.head.last

    @property
    def is_first(self) -> bool:
        """Whether the active version is the first one of this deployment."""
        return self.active == self.state.head.first

    @property
    def tags(self) -> dict[str, Any]:
        """Its tags."""
        return self.state.head.tags

    @property
    def record(self) -> DeploymentRecord:
        """What the log says of the active version."""
        return self.state.records[self.active]

    @property
    def current(self) -> DeploymentVersion:
        """The active version."""
        return self.version(self.active)

    @property
    def versions(self) -> Mapping[int, DeploymentVersion]:
        """All versions by their numbers, in order; each is read when asked for."""
        return _Versions(self)

    @cached_property
    def key(self) -> DeploymentKey:
        """What tells this deployment from every other one; made when asked for."""
        specification = self.current.specification
        return DeploymentKey(
            name=specification.name,
            id=self.id,
            version=self.active,
            specification=specification.digest,
        )

    def records(self) -> dict[int, DeploymentRecord]:
        """Return what the log says of each version, in order, without reading it."""
        found = {
            number: record
            for number, record in self.state.newest_first()
            if is_served(self._logs, record)
        }
        return dict(sorted(found.items()))

    def has(self, number: int) -> bool:
        """Tell whether there is such a version."""
        if not self.state.is_kept(number):
            return False
        return is_served(self._logs, self.state.records[number])

    def version(self, number: int) -> DeploymentVersion:
        """Return a version that is there."""
        if number not in self._read:
            record = self.state.records[number]
            log = self._logs.deployment(self.name)
            self._read[number] = DeploymentVersion(
                version=number,
                created=record.created,
                creator=record.creator,
                specification=log.document(record.entry, Specification),
            )
        return self._read[number]

    def fetch(self, records: Mapping[int, DeploymentRecord]) -> None:
        """Read the specifications of versions side by side."""
        self._logs.deployment(self.name).fetch({it.entry for it in records.values()})


def no_key(name: str) -> DeploymentKey:
    """Return what stands for a deployment that is not there: nothing runs of it."""
    return DeploymentKey(name=name, id="", version=0, specification="")


class _Versions(Mapping[int, DeploymentVersion]):
    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed

    def __getitem__(self, number: int) -> DeploymentVersion:
        if not self._deployed.has(number):
            raise KeyError(number)
        return self._deployed.version(number)

    def __iter__(self) -> Iterator[int]:
        records = self._deployed.records()
        self._deployed.fetch(records)
        return iter(records)

    def __len__(self) -> int:
        return len(self._deployed.records())


def is_served(logs: Logs, record: DeploymentRecord) -> bool:
    """Tell whether the model version and the artifact version of a version are there.

    Their logs may have been seen before that version was saved, if others have saved
    and deployed them meanwhile: then they are looked at again.
    """
    pin = record.model
    if pin is None:
        return False
    log = logs.model(pin.name)
    known = log.seen_state().records.get(pin.version)
    if known is None or known.status == "reserved":
        log.refresh()
        known = log.seen_state().records.get(pin.version)
    if known is None or not known.is_live:
        return False
    is_enough = not (record.artifact and logs.checks_artifacts)
    return is_enough or _has_artifact(logs, pin, record.artifact)


def _has_artifact(logs: Logs, pin: PinnedModel, number: int) -> bool:
    """Tell whether an artifact version is there; a damaged log does not say no."""
    log = logs.artifacts(pin.name, pin.version)
    try:
        known = log.seen_state().records.get(number)
        if known is None:
            log.refresh()
            known = log.seen_state().records.get(number)
    except IntegrityError:
        return True
    return known is not None and known.is_live


def deployed(logs: Logs, name: str, state: DeploymentState) -> Deployed | None:
    """Return what readers see of *state*; None if that is nothing."""
    if state.head.status != "live":
        return None
    for number in (state.head.active, state.head.before):
        if state.is_kept(number) and is_served(logs, state.records[number]):
            return Deployed(logs, name, state, number)
    served = (n for n, it in state.newest_first() if is_served(logs, it))
    newest = next(served, None)
    return None if newest is None else Deployed(logs, name, state, newest)


Fate = Literal["live", "reserved", "gone", "unknown"]
"""Of a version: readers see it; a writer is at it; it was deleted or given up; no log
knows it."""

_NONE = ("",) * 5


def fate_of(storage: Storage, path: str) -> Fate:
    """Return the fate of the version that *path* belongs to.

    What belongs to no version, like the log itself, is ``live``.

    Raises:
        IntegrityError: the log is damaged.
        StorageError: the storage does not answer.
    """
    # Of a model: Models/<name>/<version>/Artifacts/<artifact version>/...
    top, name, version, part, artifact = [*path.split("/"), *_NONE][: len(_NONE)]
    if not is_version(version):
        return "live"
    if top == layout.DEPLOYMENTS:
        return _of_deployment(storage, name, int(version))
    fate = _of_model(storage, name, int(version))
    if fate == "live" and part == layout.ARTIFACTS and is_version(artifact):
        state = artifact_log(storage, name, int(version)).state()
        known = state.records.get(int(artifact)) if int(artifact) else EMPTY
        return "live" if known and known.is_live else "gone"
    return fate


def _of_deployment(storage: Storage, name: str, number: int) -> Fate:
    state = Logs(storage).deployment(name).seen_state()
    if number > state.head.last:
        return "unknown"
    return "live" if state.is_kept(number) else "gone"


def _of_model(storage: Storage, name: str, number: int) -> Fate:
    state = model_state(storage, name)
    known = state.records.get(number)
    if known is None:
        return "unknown"
    if known.status == "reserved":
        return "reserved"
    return "live" if known.is_live else "gone"
