"""What a cluster says about one InferenceService, as far as states depend on it."""

from datetime import datetime

import msgspec

from hopsartifacts.serving.contract import Component


class StatusCondition(msgspec.Struct, frozen=True, kw_only=True):
    """A condition in a status; *status* is None if it is unknown."""

    status: bool | None = None
    reason: str = ""
    message: str = ""
    changed: datetime | None = None


_NO_CONDITION = StatusCondition()
Conditions = dict[str, StatusCondition]


class ContainerEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a container ended; *message* is its termination message."""

    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    time: datetime | None = None


class ContainerState(msgspec.Struct, frozen=True, kw_only=True):
    """A container of a pod.

    Attributes:
        name: its name.
        image: its image.
        memory: its limit of memory, as written in the pod; empty if it has none.
        is_sidecar: whether it is an init container that runs on.
        is_running: whether it runs now.
        waiting: why it does not run yet: ``ImagePullBackOff``; empty if it does.
        waiting_message: the same in words.
        end: how it ended, if it does not run again yet.
        last_end: how it ended before.
    """

    name: str = ""
    image: str = ""
    memory: str = ""
    is_sidecar: bool = False
    is_running: bool = False
    waiting: str = ""
    waiting_message: str = ""
    end: ContainerEnd | None = None
    last_end: ContainerEnd | None = None

    @property
    def newest_end(self) -> ContainerEnd | None:
        """How it ended the last time."""
        return self.end or self.last_end


class PodState(msgspec.Struct, frozen=True, kw_only=True):
    """A pod; *is_over* is true if it was evicted or is complete, and is replaced."""

    name: str = ""
    component: Component = "predictor"
    version: int | None = None
    is_ending: bool = False
    is_over: bool = False
    message: str = ""
    conditions: Conditions = {}
    init_containers: tuple[ContainerState, ...] = ()
    containers: tuple[ContainerState, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether it gets requests."""
        ready = self.conditions.get("Ready", _NO_CONDITION).status
        return ready is True and not self.is_ending


class RolloutState(msgspec.Struct, frozen=True, kw_only=True):
    """A Deployment of Kubernetes, which runs the pods of one component.

    Attributes:
        wanted: how many pods it is to have.
        pods, updated, available: how many it has, of its present template, and ready.
        is_observed: whether the counts are of its present template.
    """

    uid: str = ""
    component: Component = "predictor"
    version: int | None = None
    created: datetime | None = None
    wanted: int = 1
    pods: int = 0
    updated: int = 0
    available: int = 0
    is_observed: bool = False
    conditions: Conditions = {}

    @property
    def is_complete(self) -> bool:
        """Whether all pods are of its present template, and were available once."""
        if not self.is_observed or self.updated != self.pods or not self.available:
            return False
        progress = self.conditions.get("Progressing", _NO_CONDITION)
        was_complete = progress.reason == "NewReplicaSetAvailable"
        return was_complete or self.available == self.pods == self.wanted


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A warning about the InferenceService itself."""

    reason: str = ""
    message: str = ""
    time: datetime | None = None


class ServiceState(msgspec.Struct, frozen=True, kw_only=True):
    """An InferenceService.

    Attributes:
        version: the deployment version that was applied last.
        changed: when its specification was changed last.
        is_ending: whether it is being deleted.
        is_stopped: whether it is to have no pods.
        is_knative: whether Knative runs it.
        may_idle: the components that may have no pod.
        has_transformer: whether a transformer is a component of it.
        latest_created, latest_ready: revisions of the predictor in Knative.
        fault: why its specification cannot be used; empty if it can.
        fault_time: when that was found.
    """

    version: int | None = None
    changed: datetime | None = None
    is_ending: bool = False
    is_stopped: bool = False
    is_knative: bool = False
    may_idle: frozenset[Component] = frozenset()
    has_transformer: bool = False
    url: str | None = None
    latest_created: str = ""
    latest_ready: str = ""
    fault: str = ""
    fault_time: datetime | None = None
    conditions: Conditions = {}


class ObservedService(msgspec.Struct, frozen=True, kw_only=True):
    """All that was observed at one moment; *service* is None if there is no object."""

    service: ServiceState | None = None
    rollouts: tuple[RolloutState, ...] = ()
    pods: tuple[PodState, ...] = ()
    events: tuple[EventRecord, ...] = ()
