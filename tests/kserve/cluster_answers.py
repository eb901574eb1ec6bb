"""Answers of the Kubernetes API about a deployment named ``flowers``, for tests."""

from collections.abc import Iterable
from typing import Any

from hopsartifacts.serving.contract import RunState
from hopsartifacts.serving.kserve.api_answers import observed_service
from hopsartifacts.serving.kserve.states import run_state

Document = dict[str, Any]

APPLIED = "2026-11-30T12:00:00Z"
BEFORE = "2026-11-30T11:59:00Z"
AFTER = "2026-11-30T12:00:05Z"
VERSION = "hopsartifacts.dev/version"


def condition(kind: str, status: str, **more: str) -> Document:
    return {"type": kind, "status": status, **more}


READY = (condition("PredictorReady", "True"), condition("Ready", "True"))


def isvc(
    version: int = 3,
    conditions: Iterable[Document] = READY,
    *,
    mode: str = "Standard",
    stop: bool = False,
    deleted: bool = False,
    transformer: bool = False,
    least: int = 1,
    **status: Any,
) -> Document:
    annotations = {VERSION: str(version), "serving.kserve.io/deploymentMode": mode}
    if stop:
        annotations["serving.kserve.io/stop"] = "true"
    spec: Document = {"predictor": {"minReplicas": least}}
    if transformer:
        spec["transformer"] = {"minReplicas": least}
    wrote = {"manager": "hopsartifacts", "time": APPLIED, "fieldsV1": {"f:spec": {}}}
    return {
        "metadata": {
            "name": "flowers",
            "namespace": "models",
            "uid": "s1",
            "annotations": annotations,
            "managedFields": [
                wrote,
                {"manager": "manager", "time": AFTER, "fieldsV1": {"f:status": {}}},
            ],
            **({"deletionTimestamp": AFTER} if deleted else {}),
        },
        "spec": spec,
        "status": {
            "deploymentMode": mode,
            "url": "http://flowers-models.test",
            "observedGeneration": 99,
            "conditions": [*conditions],
            "modelStatus": {"copies": {"totalCopies": 7}},
            **status,
        },
    }


def deployment(
    version: int = 3,
    *,
    wanted: int = 1,
    pods: int = 1,
    updated: int = 1,
    available: int = 1,
    seen: int = 5,
    component: str = "predictor",
    conditions: Iterable[Document] = (),
) -> Document:
    return {
        "metadata": {
            "name": f"flowers-{component}",
            "uid": f"{component}-{version}",
            "generation": 5,
            "creationTimestamp": APPLIED,
        },
        "spec": {
            "replicas": wanted,
            "template": {
                "metadata": {
                    "annotations": {VERSION: str(version)},
                    "labels": {"component": component},
                }
            },
        },
        "status": {
            "observedGeneration": seen,
            "replicas": pods,
            "updatedReplicas": updated,
            "availableReplicas": available,
            "conditions": [*conditions],
        },
    }


def state(name: str, kind: str, image: str = "image", **fields: Any) -> Document:
    return {"name": name, "image": image, "state": {kind: fields}}


def main(kind: str = "running", **fields: Any) -> Document:
    return state("kserve-container", kind, **fields)


def init(kind: str = "terminated", **fields: Any) -> Document:
    if kind == "terminated":
        fields = {"exitCode": 0, "reason": "Completed", **fields}
    return state("storage-initializer", kind, **fields)


SHIPPER = state("inference-log", "running")


def pod(
    version: int = 3,
    *statuses: Document,
    inits: Iterable[Document] = (),
    ready: bool = False,
    scheduled: bool = True,
    unschedulable: str = "",
    component: str = "predictor",
    deleted: bool = False,
    **status: Any,
) -> Document:
    init_statuses = [*inits] or [init()]
    names = ["storage-initializer"]
    names += [it["name"] for it in init_statuses if it["name"] not in names]
    extra = {"reason": "Unschedulable", "message": unschedulable}
    return {
        "metadata": {
            "name": f"flowers-{component}-{version}",
            "annotations": {VERSION: str(version)},
            "labels": {"component": component},
            **({"deletionTimestamp": AFTER} if deleted else {}),
        },
        "spec": {
            "initContainers": [
                {"name": it, "image": "image", "restartPolicy": "Always"}
                if it == SHIPPER["name"]
                else {"name": it, "image": "image"}
                for it in names
            ],
            "containers": [
                {
                    "name": "kserve-container",
                    "image": "image",
                    "resources": {"limits": {"memory": "1Gi"}},
                }
            ],
        },
        "status": {
            "phase": "Running" if scheduled else "Pending",
            "conditions": [
                condition(
                    "PodScheduled",
                    "True" if scheduled else "False",
                    **({} if scheduled else extra),
                ),
                condition("Ready", str(ready)),
            ],
            "initContainerStatuses": init_statuses if scheduled else [],
            "containerStatuses": [*statuses] if scheduled else [],
            **status,
        },
    }


def event(reason: str, message: str, **fields: Any) -> Document:
    return {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": "InferenceService", "uid": "s1"},
        "lastTimestamp": AFTER,
        **fields,
    }


def seen(service: Document | None, *others: Document, wanted: int = 3) -> RunState:
    """Return the state by a service and by deployments, pods and events."""
    is_event = [it for it in others if "involvedObject" in it]
    is_deployment = [it for it in others if "template" in it.get("spec", {})]
    pods = [it for it in others if it not in is_event and it not in is_deployment]
    observed = observed_service(
        service, deployments=is_deployment, pods=pods, events=is_event
    )
    return run_state(observed, wanted)
