"""How far a pod has come, and why it comes no further, in words."""

from hopsartifacts.serving.contract import Condition
from hopsartifacts.serving.kserve.observed import ContainerState, PodState

_NOT_PULLED = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_NOT_CREATED = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "CreatePodSandboxError"}
)
_NOT_STARTED = frozenset({"CrashLoopBackOff", "RunContainerError", "StartError"})
_SIGNALS = 128
_OUT_OF_MEMORY = "OOMKilled"


def pod_progress(pod: PodState) -> Condition:
    """Return the last step that a pod has reached, or the one that it failed at."""
    everything = (*pod.init_containers, *pod.containers)
    scheduled = pod.conditions.get("PodScheduled")
    if not (scheduled and scheduled.status) and not any(map(_is_known, everything)):
        message = scheduled.message if scheduled else ""
        return Condition(type="SCHEDULED", reason=message or "the pod waits for a node")
    faults = filter(None, map(_not_created, everything))
    if fault := next(faults, None):
        return Condition(type="INITIALIZED", status=False, reason=fault)
    return _of_init_containers(pod) or _of_containers(pod)


def _of_init_containers(pod: PodState) -> Condition | None:
    """Return the step as long as an init container has something to do."""
    for container in pod.init_containers:
        if _has_failed(container):
            reason = ended(container)
            return Condition(type="INITIALIZED", status=False, reason=reason)
    for container in pod.init_containers:
        is_up = container.is_sidecar and container.is_running
        if not (container.end or is_up):
            return Condition(type="SCHEDULED", status=True, reason=_words(container))
    return None


def _of_containers(pod: PodState) -> Condition:
    for container in pod.containers:
        if _has_failed(container) or container.end:
            return Condition(type="STARTED", status=False, reason=ended(container))
    if pod.is_ready:
        reason = "the pod is ready, and KServe connects it"
        return Condition(type="STARTED", status=True, reason=reason)
    if not pod.containers:
        reason = "its containers are being made"
        return Condition(type="SCHEDULED", status=True, reason=reason)
    slow = next((it for it in pod.containers if not it.is_running), pod.containers[0])
    return Condition(type="INITIALIZED", status=True, reason=_words(slow))


def ended(container: ContainerState) -> str:
    """Return how a container ended the last time, with what it said about it."""
    end, name = container.newest_end, container.name
    if end is None:
        return f"{name}: {container.waiting_message or container.waiting}"
    if end.reason == _OUT_OF_MEMORY:
        limit = f" of {container.memory}" if container.memory else ""
        words = f"{name} was killed: it used more memory than its limit{limit}"
        words += f" ({_OUT_OF_MEMORY})"
    elif end.exit_code is None:
        words = f"{name} ended ({end.reason or 'without an exit code'})"
    elif end.exit_code > _SIGNALS:
        words = f"{name} ended with signal {end.exit_code - _SIGNALS}"
    else:
        words = f"{name} ended with exit code {end.exit_code}"
    return f"{words}: {end.message}" if end.message else f"{words}; see its log"


def _not_created(container: ContainerState) -> str | None:
    detail = container.waiting_message or container.waiting
    if container.waiting in _NOT_PULLED:
        return f"the image {container.image} cannot be pulled: {detail}"
    if container.waiting in _NOT_CREATED:
        return f"{container.name} cannot be made: {detail}"
    return None


def _has_failed(container: ContainerState) -> bool:
    exit_code = container.end.exit_code if container.end else 0
    return container.waiting in _NOT_STARTED or exit_code != 0


def _is_known(container: ContainerState) -> bool:
    return bool(container.is_running or container.waiting or container.newest_end)


def _words(container: ContainerState) -> str:
    state = "runs, and is not ready yet" if container.is_running else "is being made"
    end = f"; before that, {ended(container)}" if container.last_end else ""
    return f"{container.name} {state}{end}"
