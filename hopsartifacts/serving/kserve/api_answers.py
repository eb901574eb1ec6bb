"""Reading what the Kubernetes API answers about one InferenceService.

The answers are plain dictionaries. Any field may be missing, or not be filled in yet.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from hopsartifacts.serving.contract import COMPONENTS, Component
from hopsartifacts.serving.kserve.inference_service import PREFIX
from hopsartifacts.serving.kserve.names import MODE, VERSION
from hopsartifacts.serving.kserve.observed import (
    Conditions,
    ContainerEnd,
    ContainerState,
    EventRecord,
    ObservedService,
    PodState,
    RolloutState,
    ServiceState,
    StatusCondition,
)
from hopsartifacts.serving.kserve.refusals import Part

_STOP = PREFIX + "stop"
_COMPONENT = "component"

Document = Mapping[str, Any]


def observed_service(
    service: Document | None,
    *,
    deployments: Iterable[Document] = (),
    pods: Iterable[Document] = (),
    events: Iterable[Document] = (),
) -> ObservedService:
    """Return what the answers say.

    Args:
        service: the InferenceService; None if it does not exist.
        deployments: those with its label, in ``apps/v1``.
        pods: those with its label.
        events: those of its namespace; the ones about other objects are left out.
    """
    if service is None:
        return ObservedService()
    own = Part(service)
    warnings = [Part(it) for it in events]
    return ObservedService(
        service=_service(own),
        rollouts=tuple(_rollout(Part(it)) for it in deployments),
        pods=tuple(_pod(Part(it)) for it in pods),
        events=tuple(_event(it) for it in warnings if _is_warning(it, own)),
    )


def _service(part: Part) -> ServiceState:
    meta, spec, status = part.at("metadata"), part.at("spec"), part.at("status")
    predictor, model = spec.at("predictor"), status.at("modelStatus")
    component = status.at("components", "predictor")
    failure = model.at("lastFailureInfo")
    is_invalid = model.at("transitionStatus").text == "InvalidSpec"
    words = failure.at("message").text or failure.at("reason").text
    url = status.at("url").text or status.at("address", "url").text
    return ServiceState(
        version=_version(meta) or _version(predictor),
        changed=_changed(meta),
        is_ending=meta.at("deletionTimestamp").is_given,
        is_stopped=meta.at("annotations", _STOP).text.lower() == "true",
        is_knative=_mode(part) in {"Knative", "Serverless"},
        may_idle=frozenset(
            it for it in COMPONENTS if spec.at(it, "minReplicas").whole == 0
        ),
        has_transformer=spec.at("transformer").is_given,
        url=url or None,
        latest_created=component.at("latestCreatedRevision").text,
        latest_ready=component.at("latestReadyRevision").text,
        fault=(words or "KServe cannot use the specification") if is_invalid else "",
        fault_time=_time(failure.at("time")),
        conditions=_conditions(status),
    )


def _mode(part: Part) -> str:
    recorded = part.at("status", "deploymentMode").text
    return recorded or part.at("metadata", "annotations", MODE).text


def _changed(meta: Part) -> datetime | None:
    """Return when someone wrote the specification last; the status does not count."""
    entries = meta.at("managedFields").elements()
    wrote = [it for it in entries if it.at("fieldsV1", "f:spec").is_given]
    times = [_time(it.at("time")) for it in wrote]
    return max((it for it in times if it), default=None)


def _rollout(part: Part) -> RolloutState:
    meta, spec, status = part.at("metadata"), part.at("spec"), part.at("status")
    seen, generation = (
        status.at("observedGeneration").whole,
        meta.at("generation").whole,
    )
    wanted = spec.at("replicas").whole
    return RolloutState(
        uid=meta.at("uid").text,
        component=_component(meta, spec.at("template", "metadata")),
        version=_version(spec.at("template", "metadata")),
        created=_time(meta.at("creationTimestamp")),
        wanted=1 if wanted is None else wanted,
        pods=status.at("replicas").whole or 0,
        updated=status.at("updatedReplicas").whole or 0,
        available=status.at("availableReplicas").whole or 0,
        is_observed=generation is not None and seen == generation,
        conditions=_conditions(status),
    )


def _pod(part: Part) -> PodState:
    meta, spec, status = part.at("metadata"), part.at("spec"), part.at("status")
    return PodState(
        name=meta.at("name").text,
        component=_component(meta),
        version=_version(meta),
        is_ending=meta.at("deletionTimestamp").is_given,
        is_over=status.at("phase").text in {"Failed", "Succeeded"},
        message=status.at("message").text or status.at("reason").text,
        conditions=_conditions(status),
        init_containers=_containers(spec, status, "initContainer"),
        containers=_containers(spec, status, "container"),
    )


def _containers(spec: Part, status: Part, kind: str) -> tuple[ContainerState, ...]:
    """Return the containers that the pod is to have, with what is known of each."""
    known = {it.at("name").text: it for it in status.at(f"{kind}Statuses").elements()}
    wanted = {it.at("name").text: it for it in spec.at(f"{kind}s").elements()}
    names = [*wanted, *(name for name in known if name not in wanted)]
    nothing = Part(None)
    return tuple(
        _container(name, wanted.get(name, nothing), known.get(name, nothing))
        for name in names
    )


def _container(name: str, wanted: Part, known: Part) -> ContainerState:
    state, waiting = known.at("state"), known.at("state", "waiting")
    return ContainerState(
        name=name,
        image=wanted.at("image").text or known.at("image").text,
        memory=wanted.at("resources", "limits", "memory").text,
        is_sidecar=wanted.at("restartPolicy").text == "Always",
        is_running=state.at("running").is_given,
        waiting=waiting.at("reason").text,
        waiting_message=waiting.at("message").text,
        end=_end(state.at("terminated")),
        last_end=_end(known.at("lastState", "terminated")),
    )


def _end(part: Part) -> ContainerEnd | None:
    if not part.is_given:
        return None
    return ContainerEnd(
        exit_code=part.at("exitCode").whole,
        reason=part.at("reason").text,
        message=part.at("message").text.strip(),
        time=_time(part.at("finishedAt")),
    )


def _is_warning(part: Part, service: Part) -> bool:
    about = part.at("involvedObject", "uid").text
    is_own = about == service.at("metadata", "uid").text
    return part.at("type").text == "Warning" and is_own


def _event(part: Part) -> EventRecord:
    times = [
        part.at("series", "lastObservedTime"),
        part.at("lastTimestamp"),
        part.at("eventTime"),
        part.at("metadata", "creationTimestamp"),
    ]
    found = (_time(it) for it in times)
    return EventRecord(
        reason=part.at("reason").text,
        message=part.at("message").text,
        time=next((it for it in found if it), None),
    )


def _conditions(status: Part) -> Conditions:
    words = {"True": True, "False": False}
    return {
        it.at("type").text: StatusCondition(
            status=words.get(it.at("status").text),
            reason=it.at("reason").text,
            message=it.at("message").text,
            changed=_time(it.at("lastTransitionTime")),
        )
        for it in status.at("conditions").elements()
    }


def _component(*metas: Part) -> Component:
    for meta in metas:
        if meta.at("labels", _COMPONENT).text == "transformer":
            return "transformer"
    return "predictor"


def _version(owner: Part) -> int | None:
    for kind in ("annotations", "labels"):
        text = owner.at(kind, VERSION).text
        if text.isascii() and text.isdigit():
            return int(text)
    return None


def _time(part: Part) -> datetime | None:
    try:
        time = datetime.fromisoformat(part.text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
