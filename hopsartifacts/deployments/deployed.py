"""Deployments as readers see them, and the logs from which they are read.

A writer first commits a deployment version, then checks that its model and artifact
still exist. If it is killed in between, the version may pin something that was
deleted: readers ignore such a version.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, Literal, Protocol

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import EMPTY, ArtifactState
from hopsartifacts.artifacts.versions import ArtifactStore, artifact_log
from hopsartifacts.deployments.documents import (
    DeploymentRecord,
    DeploymentState,
    DeploymentVersion,
    PinnedModel,
    Specification,
    activated_by,
)
from hopsartifacts.errors import FormatError, IntegrityError
from hopsartifacts.names import is_version
from hopsartifacts.registry.documents import ModelState
from hopsartifacts.registry.versions import model_state
from hopsartifacts.serving.contract import DeploymentKey
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import AnyState
from hopsartifacts.store.log import Log


class Logs:
    """The logs of a project, each of which is read once; see ``Log``.

    Args:
        storage: the project's storage.
        for_writing: see ``Log``.
        checks_artifacts: whether to also check that the artifact version that a
            deployment pins exists, which takes two more requests for each deployment.
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
        """Return the artifacts of a model version; their log is read once."""
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


class Keyed(Protocol):
    """A deployment whose identity for serving back ends is known."""

    @property
    def key(self) -> DeploymentKey:
        """Its identity."""
        ...


class Deployed:
    """A live deployment as of one log entry; specifications are read on demand."""

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
        """Unique, even after the deployment is deleted."""
        return self.state.head.id

    @property
    def created(self) -> str:
        """When it was first saved (RFC 3339, UTC)."""
        return self.state.head.created

    @property
    def creator(self) -> str:
        """The user of the first save."""
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
        """The active version's record in the log."""
        return self.state.records[self.active]

    @property
    def activated(self) -> str:
        """When the active version became active (RFC 3339, UTC)."""
        log, record = self._logs.deployment(self.name), self.record
        seen = log.seen()
        # What is not needed to run the deployment may be damaged.
        with suppress(IntegrityError, FormatError):
            for number in range(seen.seq if seen else 0, record.entry, -1):
                entry = log.entry(number)
                if activated_by(entry.op) == self.active:
                    return entry.body.time
        return record.created

    @property
    def current(self) -> DeploymentVersion:
        """The active version."""
        return self.version(self.active)

    @property
    def versions(self) -> Mapping[int, DeploymentVersion]:
        """All versions by number, in order; each is read when it is accessed."""
        return _Versions(self)

    @cached_property
    def key(self) -> DeploymentKey:
        """The identity of this deployment for serving back ends; made on first use."""
        specification = self.current.specification
        return DeploymentKey(
            name=specification.name,
            id=self.id,
            version=self.active,
            specification=specification.digest,
        )

    def records(self) -> dict[int, DeploymentRecord]:
        """Return the records of all versions, in order; reads no specifications."""
        found = {
            number: record
            for number, record in self.state.newest_first()
            if is_served(self._logs, record)
        }
        return dict(sorted(found.items()))

    def has(self, number: int) -> bool:
        """Return whether the version exists."""
        if not self.state.is_kept(number):
            return False
        return is_served(self._logs, self.state.records[number])

    def version(self, number: int) -> DeploymentVersion:
        """Return an existing version."""
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

    def why(self, number: int) -> str:
        """Return the reason that a user gave for an existing version; empty if none."""
        entry = self._logs.deployment(self.name).entry(self.state.records[number].entry)
        return str(entry.op.get("why", ""))

    def fetch(self, records: Mapping[int, DeploymentRecord]) -> None:
        """Read the specifications of versions concurrently."""
        self._logs.deployment(self.name).fetch({it.entry for it in records.values()})


def no_key(name: str) -> DeploymentKey:
    """Return a key that stands for a missing deployment, of which nothing runs."""
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
    """Return whether the model version and artifact version that it pins exist.

    Their logs may have been read before they were saved and deployed by other
    processes. If they seem to be missing, the logs are read again.
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
    """Return whether an artifact version exists; also True if its log is damaged."""
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
    """Return the deployment that readers see in *state*; None if they see none."""
    if state.head.status != "live":
        return None
    for number in (state.head.active, state.head.before):
        if state.is_kept(number) and is_served(logs, state.records[number]):
            return Deployed(logs, name, state, number)
    served = (n for n, it in state.newest_first() if is_served(logs, it))
    newest = next(served, None)
    return None if newest is None else Deployed(logs, name, state, newest)


Fate = Literal["live", "reserved", "gone", "unknown"]
"""Of a version. live: readers see it. reserved: a writer is working on it. gone: it was
deleted or given up. unknown: no log contains it."""

_NONE = ("",) * 5


def fate_of(storage: Storage, path: str) -> Fate:
    """Return the fate of the version to which *path* belongs.

    A path that belongs to no version, like that of the log itself, is ``live``.

    Raises:
        IntegrityError: the log is damaged.
        StorageError: the storage does not answer.
    """
    # A model's path is Models/<name>/<version>/Artifacts/<artifact version>/...
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
