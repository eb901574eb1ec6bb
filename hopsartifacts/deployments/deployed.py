"""A deployment as readers see it: the versions whose model is still there.

A writer that ended between its entry and its look at the model leaves a version whose
model may be gone: readers do not see such a version.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from hopsartifacts.deployments.documents import (
    DeploymentRecord,
    DeploymentState,
    DeploymentVersion,
    Specification,
)
from hopsartifacts.deployments.logs import Logs
from hopsartifacts.documents import decode
from hopsartifacts.serving.contract import DeploymentKey


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

    @property
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
            where = f"{log.path} entry {record.entry}"
            self._read[number] = DeploymentVersion(
                version=number,
                created=record.created,
                creator=record.creator,
                specification=decode(log.content(record.entry), Specification, where),
            )
        return self._read[number]

    def fetch(self, records: Mapping[int, DeploymentRecord]) -> None:
        """Read the specifications of versions side by side."""
        self._logs.deployment(self.name).fetch({it.entry for it in records.values()})


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
    """Tell whether the model version that a version pins is there.

    The model's log may have been seen before that version was saved, if others have
    saved and deployed it meanwhile: then it is looked at again.
    """
    pin = record.model
    if pin is None:
        return False
    log = logs.model(pin.name)
    known = log.seen_state().records.get(pin.version)
    if known is None or known.status == "reserved":
        log.refresh()
        known = log.seen_state().records.get(pin.version)
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
