"""The state of a deployment as a function of what a cluster says about it.

Three things that KServe reports are not used, as they do not say what they seem to:

- ``status.observedGeneration`` counts the changes of a Deployment or a Knative Service,
  not those of the InferenceService. Whether a Deployment has seen its own changes is
  told by its own counter.
- ``status.modelStatus.copies`` counts pods that are ready, of any version.
- The condition ``Ready`` leaves the transformer out, and stays true while new pods
  replace old ones. It is asked for last, after the Deployments and their pods.

The pods of a version have it in the annotation ``hopsartifacts.dev/version``.
"""

from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from hopsartifacts.serving.contract import (
    ANSWERING,
    COMPONENTS,
    NEVER_RAN,
    Component,
    Condition,
    LastError,
    RunState,
    Status,
)
from hopsartifacts.serving.kserve.observed import (
    ContainerState,
    ObservedService,
    PodState,
    RolloutState,
    ServiceState,
    StatusCondition,
)
from hopsartifacts.serving.kserve.pod_progress import ended, pod_progress

_NO_CONDITION = StatusCondition()
_RECONCILE_FAULTS = frozenset({"ReconcileFailed", "InvalidGPUAllocation"})
_EVENT_FAULTS = frozenset({"InternalError", "ServerlessModeRejected"})
_PASSING = "the object has been modified"
"""In events about a write that lost against another one, and is repeated."""


def run_state(observed: ObservedService, wanted: int) -> RunState:
    """Return the state of a deployment on a cluster; nothing is ever raised.

    Args:
        observed: what the cluster says.
        wanted: the version that was to run, if the object does not say it.
    """
    service = observed.service
    if service is None:
        return NEVER_RAN
    ready = {
        component: [
            it for it in observed.pods if it.is_ready and it.component == component
        ]
        for component in COMPONENTS
    }
    if service.is_ending or service.is_stopped:
        state = _stopping(observed, service)
    else:
        state = _started(observed, service, service.version or wanted)
    return replace(
        state,
        available_predictor_instances=len(ready["predictor"]),
        available_transformer_instances=len(ready["transformer"]),
        is_detached=True,
    )


def _stopping(observed: ObservedService, service: ServiceState) -> RunState:
    stopped = service.conditions.get("Stopped", _NO_CONDITION).status
    if service.is_ending:
        reason = "the object is being deleted, as soon as KServe's controller agrees"
    elif observed.pods:
        reason = f"{_counted(len(observed.pods), 'pod')} left"
    elif stopped is not True:
        reason = "KServe has not confirmed yet that nothing is left"
    else:
        reason = "the deployment was stopped"
        condition = Condition(type="STOPPED", status=True, reason=reason)
        return RunState(status="Stopped", condition=condition)
    condition = Condition(type="STOPPED", reason=reason)
    return RunState(status="Stopping", condition=condition)


def _started(observed: ObservedService, service: ServiceState, new: int) -> RunState:
    fault = _fault(observed, service, new)
    older = _older(observed, service, new)
    version: int | None = new
    status: Status | None = _serving(observed, service, new) if not fault else None
    if status is not None:
        reason = _words(observed, service)
        condition = Condition(type="READY", status=True, reason=reason)
    else:
        condition = _progress(observed, service, new, fault)
        if older is not None:
            status, version = "Updating", older
            condition = replace(condition, reason=f"version {new}: {condition.reason}")
        else:
            status = "Failed" if condition.status is False else "Starting"
            version = new if _pods(observed, new) else None
    rollouts = [it for it in observed.rollouts if it.component == "predictor"]
    newest = max(rollouts, key=lambda it: it.version == new, default=RolloutState())
    return RunState(
        status=status,
        condition=condition,
        deployment_version=version,
        url=service.url if status in ANSWERING else None,
        revision=newest.uid or None,
        started_s=newest.created.timestamp() if newest.created else None,
        last_error=_last_error(observed, new),
    )


def _pods(observed: ObservedService, version: int) -> list[PodState]:
    """Return the pods of a version that are not about to go."""
    pods = [it for it in observed.pods if it.version == version]
    return [it for it in pods if not it.is_ending and not it.is_over]


def _rollouts(
    observed: ObservedService, component: Component, version: int
) -> list[RolloutState]:
    return [
        it
        for it in observed.rollouts
        if it.component == component and it.version == version
    ]


def _components(service: ServiceState) -> tuple[Component, ...]:
    return COMPONENTS if service.has_transformer else ("predictor",)


def _older(observed: ObservedService, service: ServiceState, new: int) -> int | None:
    """Return the other version that answers requests; None if none does."""
    ready = [it for it in observed.pods if it.is_ready and it.component == "predictor"]
    versions = {it.version for it in ready}
    is_switched = service.latest_ready == service.latest_created
    is_new_there = bool(_rollouts(observed, "predictor", new))
    if service.latest_ready and not (is_new_there and is_switched):
        # Knative starts a pod of this revision for a request, if there is none.
        versions |= {it.version for it in observed.rollouts}
    return max((it for it in versions if it is not None and it != new), default=None)


def _serving(
    observed: ObservedService, service: ServiceState, new: int
) -> Literal["Running", "Idle"] | None:
    """Return how a version answers requests; None if it does not do so alone."""
    is_ready = service.conditions.get("Ready", _NO_CONDITION).status is True
    if not is_ready or service.latest_ready != service.latest_created:
        return None
    components = _components(service)
    running = [it for it in components if _is_running(observed, service, it, new)]
    idle = [it for it in components if _is_idle(observed, service, it, new)]
    if {*running, *idle} != {*components}:
        return None
    return "Running" if "predictor" in running else "Idle"


def _is_running(
    observed: ObservedService, service: ServiceState, component: Component, new: int
) -> bool:
    rollouts = _rollouts(observed, component, new)
    if service.is_knative:
        # It sends requests to ready pods of a revision, however many are wanted.
        return any(it.available for it in rollouts)
    return any(it.is_complete for it in rollouts)


def _is_idle(
    observed: ObservedService, service: ServiceState, component: Component, new: int
) -> bool:
    """Return whether a component has no pod, or its first one starts for a request."""
    if component not in service.may_idle:
        return False
    pods = [it for it in _pods(observed, new) if it.component == component]
    if any(pod_progress(it).status is False for it in pods):
        return False
    rollouts = _rollouts(observed, component, new)
    if service.is_knative:
        return any(not it.available for it in rollouts)
    return any(it.is_observed and it.wanted == it.pods == 0 for it in rollouts)


def _fault(observed: ObservedService, service: ServiceState, new: int) -> str | None:
    """Return why KServe cannot make pods of the specification; None if it can.

    What it said before the last change of the specification does not count.
    """
    for name in ("PredictorReady", "TransformerReady"):
        condition = service.conditions.get(name, _NO_CONDITION)
        is_fault = condition.reason in _RECONCILE_FAULTS
        if is_fault and _is_current(condition.changed, service):
            return condition.message or condition.reason
    if all(_rollouts(observed, it, new) for it in _components(service)):
        return None
    if service.fault and _is_current(service.fault_time, service):
        return service.fault
    for event in observed.events:
        is_fault = event.reason in _EVENT_FAULTS and _PASSING not in event.message
        if is_fault and _is_current(event.time, service):
            return event.message or event.reason
    return None


def _is_current(time: datetime | None, service: ServiceState) -> bool:
    return time is None or service.changed is None or time >= service.changed


def _progress(
    observed: ObservedService, service: ServiceState, new: int, fault: str | None
) -> Condition:
    """Return the step of the pod that is furthest behind, or has failed."""
    if fault is not None:
        return Condition(type="SCHEDULED", status=False, reason=fault)
    steps = []
    for component in _components(service):
        pods = [it for it in _pods(observed, new) if it.component == component]
        if pods:
            steps += [pod_progress(it) for it in pods]
        else:
            steps.append(_without_pods(observed, component, new))
    failed = [it for it in steps if it.status is False]
    order = ("SCHEDULED", "INITIALIZED", "STARTED")
    return min(failed or steps, key=lambda it: (order.index(it.type), bool(it.status)))


def _without_pods(
    observed: ObservedService, component: Component, new: int
) -> Condition:
    reason = f"there is no pod of the {component} yet"
    for rollout in _rollouts(observed, component, new):
        failure = rollout.conditions.get("ReplicaFailure", _NO_CONDITION)
        if failure.status is True:
            reason = failure.message or failure.reason or reason
    for pod in observed.pods:
        if pod.is_over and (pod.version, pod.component) == (new, component):
            reason = f"the pod {pod.name} was ended: {pod.message}"
    return Condition(type="SCHEDULED", reason=reason)


def _words(observed: ObservedService, service: ServiceState) -> str:
    parts = []
    for component in _components(service):
        pods = [it for it in observed.pods if it.component == component]
        ready = sum(it.is_ready for it in pods)
        if ready:
            parts.append(f"{ready} of {_counted(len(pods), f'{component} pod')} ready")
        else:
            starter = "a request" if service.is_knative else "the autoscaler"
            parts.append(f"{starter} starts a {component} pod")
    return ", ".join(parts)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun} is" if number == 1 else f"{number} {noun}s are"


def _last_error(observed: ObservedService, new: int) -> LastError | None:
    """Return the newest end of a container that was not asked for."""
    found: list[tuple[datetime, PodState, ContainerState]] = []
    for pod in _pods(observed, new):
        for container in (*pod.init_containers, *pod.containers):
            end = container.newest_end
            if end and end.time and end.exit_code:
                found.append((end.time, pod, container))
    if not found:
        return None
    time, pod, container = max(found, key=lambda it: it[0])
    return LastError(
        message=ended(container),
        time=time,
        version=new,
        component=pod.component,
    )
