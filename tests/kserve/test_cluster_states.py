"""The state of a deployment on a cluster, by what the cluster says."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.serving.contract import NEVER_RAN, RunState
from hopsartifacts.serving.kserve.api_answers import observed_service
from hopsartifacts.serving.kserve.states import run_state
from tests.kserve.cluster_answers import (
    AFTER,
    APPLIED,
    BEFORE,
    READY,
    SHIPPER,
    VERSION,
    Document,
    condition,
    deployment,
    event,
    init,
    isvc,
    main,
    pod,
    seen,
    state,
)

NOT_READY = (condition("PredictorReady", "Unknown"), condition("Ready", "Unknown"))
STOPPED = (condition("Stopped", "True"),)
SCHEDULED = {"conditions": [condition("PodScheduled", "True")]}
FAULT = "ReconcileFailed"
ZERO: dict[str, Any] = {"wanted": 0, "pods": 0, "updated": 0, "available": 0}
NEW = deployment(available=0)
FRESH = isvc(conditions=NOT_READY)
FAILED_INIT = "Files/model.bin differs from its seal"
OLD = pod(2, main(), ready=True)
# The Deployment while the pod of version 3 replaces that of version 2.
MOVING = deployment(pods=2, updated=1, available=1)
KNATIVE = {"latestCreatedRevision": "r1", "latestReadyRevision": "r1"}
KNATIVE_MOVING = {"latestCreatedRevision": "r2", "latestReadyRevision": "r1"}


def knative(revisions: dict[str, str], **fields: Any) -> Document:
    return isvc(mode="Knative", least=0, components={"predictor": revisions}, **fields)


def reconcile_fault(changed: str = AFTER) -> Document:
    return condition(
        "PredictorReady",
        "False",
        reason="ReconcileFailed",
        message="admission webhook denied the request",
        lastTransitionTime=changed,
    )


def without(document: Document, *path: str) -> Document:
    copy = deepcopy(document)
    at = copy
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return copy


def again(status: Document, **end: Any) -> Document:
    """Return the status of a container that has ended before."""
    return {**status, "lastState": {"terminated": {"finishedAt": AFTER, **end}}}


CRASHED = again(
    main("waiting", reason="CrashLoopBackOff", message="back-off 10s"),
    exitCode=1,
    reason="Error",
    message="ImportError: no module named flowers",
)

# Each row: what is there, and the status, condition and words that follow.
Row = tuple[list[Document | None], str, str, bool | None, str]
STATES: dict[str, Row] = {
    "no object": ([None], "Created", "STOPPED", True, "not running"),
    "no pod of the version": ([FRESH], "Starting", "SCHEDULED", None, "no pod"),
    "no pod, as a quota is used up": (
        [
            FRESH,
            deployment(
                pods=0,
                updated=0,
                available=0,
                conditions=[
                    condition("ReplicaFailure", "True", message="exceeded quota: small")
                ],
            ),
        ],
        "Starting",
        "SCHEDULED",
        None,
        "exceeded quota: small",
    ),
    "no pod of the version, an older one answers": (
        [isvc(), deployment(2), OLD],
        "Updating",
        "SCHEDULED",
        None,
        "version 3: there is no pod of the predictor yet",
    ),
    "pod that no node takes": (
        [
            FRESH,
            NEW,
            pod(3, scheduled=False, unschedulable="Insufficient nvidia.com/gpu"),
        ],
        "Starting",
        "SCHEDULED",
        None,
        "Insufficient nvidia.com/gpu",
    ),
    "pod that no scheduler has seen": (
        [FRESH, NEW, pod(3, scheduled=False)],
        "Starting",
        "SCHEDULED",
        None,
        "waits for a node",
    ),
    "pod that was evicted": (
        [FRESH, NEW, pod(3, phase="Failed", message="The node was low on memory")],
        "Starting",
        "SCHEDULED",
        None,
        "The node was low on memory",
    ),
    "objects that cannot be made": (
        [isvc(conditions=[reconcile_fault()])],
        "Failed",
        "SCHEDULED",
        False,
        "admission webhook denied the request",
    ),
    "transformer that cannot be made": (
        [
            isvc(
                conditions=[
                    *READY,
                    condition(
                        "TransformerReady",
                        "False",
                        reason="ReconcileFailed",
                        message="no such service account",
                    ),
                ]
            )
        ],
        "Failed",
        "SCHEDULED",
        False,
        "no such service account",
    ),
    "error of the controller": (
        [FRESH, event("InternalError", "fails to reconcile predictor")],
        "Failed",
        "SCHEDULED",
        False,
        "fails to reconcile predictor",
    ),
    "error of the controller after the predictor was made": (
        [
            isvc(conditions=NOT_READY, transformer=True),
            NEW,
            pod(3, main()),
            event("InternalError", "fails to reconcile transformer"),
        ],
        "Failed",
        "SCHEDULED",
        False,
        "fails to reconcile transformer",
    ),
    "mode that the cluster does not have": (
        [FRESH, event("ServerlessModeRejected", "Knative is not installed")],
        "Failed",
        "SCHEDULED",
        False,
        "Knative is not installed",
    ),
    "specification that KServe cannot use": (
        [
            isvc(
                conditions=NOT_READY,
                modelStatus={
                    "transitionStatus": "InvalidSpec",
                    "lastFailureInfo": {"message": "No runtime found"},
                },
            )
        ],
        "Failed",
        "SCHEDULED",
        False,
        "No runtime found",
    ),
    "image that does not exist": (
        [
            FRESH,
            NEW,
            pod(3, main("waiting", reason="ErrImagePull", message="not found: image")),
        ],
        "Failed",
        "INITIALIZED",
        False,
        "the image image cannot be pulled: not found: image",
    ),
    "image of the init container": (
        [
            FRESH,
            NEW,
            pod(
                3,
                main("waiting", reason="PodInitializing"),
                inits=[init("waiting", reason="ImagePullBackOff")],
            ),
        ],
        "Failed",
        "INITIALIZED",
        False,
        "cannot be pulled: ImagePullBackOff",
    ),
    "missing secret": (
        [
            FRESH,
            NEW,
            pod(
                3,
                inits=[
                    init(
                        "waiting",
                        reason="CreateContainerConfigError",
                        message='secret "store" not found',
                    )
                ],
            ),
        ],
        "Failed",
        "INITIALIZED",
        False,
        'storage-initializer cannot be made: secret "store" not found',
    ),
    "scheduled, nothing runs": (
        [FRESH, NEW, pod(3, inits=[init("waiting", reason="PodInitializing")])],
        "Starting",
        "SCHEDULED",
        True,
        "storage-initializer is being made",
    ),
    "files are fetched": (
        [FRESH, NEW, pod(3, inits=[init("running")])],
        "Starting",
        "SCHEDULED",
        True,
        "storage-initializer runs",
    ),
    "files are fetched once more": (
        [
            FRESH,
            NEW,
            pod(3, inits=[again(init("running"), exitCode=3, message=FAILED_INIT)]),
        ],
        "Starting",
        "SCHEDULED",
        True,
        FAILED_INIT,
    ),
    "files that differ": (
        [FRESH, NEW, pod(3, inits=[init(exitCode=3, message=f"{FAILED_INIT}\n")])],
        "Failed",
        "INITIALIZED",
        False,
        f"storage-initializer ended with exit code 3: {FAILED_INIT}",
    ),
    "files that differ, again and again": (
        [
            FRESH,
            NEW,
            pod(
                3,
                inits=[
                    again(
                        init("waiting", reason="CrashLoopBackOff"),
                        exitCode=3,
                        message=FAILED_INIT,
                    )
                ],
            ),
        ],
        "Failed",
        "INITIALIZED",
        False,
        FAILED_INIT,
    ),
    "sidecar is started before the init container ends": (
        [FRESH, NEW, pod(3, inits=[init("running"), SHIPPER])],
        "Starting",
        "SCHEDULED",
        True,
        "storage-initializer runs",
    ),
    "model is loaded beside a sidecar": (
        [FRESH, NEW, pod(3, main(), inits=[init(), SHIPPER])],
        "Starting",
        "INITIALIZED",
        True,
        "kserve-container runs, and is not ready yet",
    ),
    "model is loaded": (
        [FRESH, NEW, pod(3, main())],
        "Starting",
        "INITIALIZED",
        True,
        "not ready yet",
    ),
    "main container is made": (
        [FRESH, NEW, pod(3, main("waiting", reason="PodInitializing"))],
        "Starting",
        "INITIALIZED",
        True,
        "kserve-container is being made",
    ),
    "script that fails": (
        [FRESH, NEW, pod(3, CRASHED)],
        "Failed",
        "STARTED",
        False,
        "kserve-container ended with exit code 1: ImportError: no module",
    ),
    "main container that has just ended": (
        [FRESH, NEW, pod(3, main("terminated", exitCode=0, reason="Completed"))],
        "Failed",
        "STARTED",
        False,
        "ended with exit code 0; see its log",
    ),
    "too much memory": (
        [FRESH, NEW, pod(3, main("terminated", exitCode=137, reason="OOMKilled"))],
        "Failed",
        "STARTED",
        False,
        "used more memory than its limit of 1Gi (OOMKilled)",
    ),
    "too much memory, again and again": (
        [
            FRESH,
            NEW,
            pod(
                3,
                again(
                    main("waiting", reason="CrashLoopBackOff"),
                    exitCode=137,
                    reason="OOMKilled",
                ),
            ),
        ],
        "Failed",
        "STARTED",
        False,
        "OOMKilled",
    ),
    "signal": (
        [FRESH, NEW, pod(3, main("terminated", exitCode=139, reason="Error"))],
        "Failed",
        "STARTED",
        False,
        "ended with signal 11",
    ),
    "pod is ready, the object is not yet": (
        [FRESH, deployment(), pod(3, main(), ready=True)],
        "Starting",
        "STARTED",
        True,
        "the pod is ready",
    ),
    "ready": (
        [isvc(), deployment(), pod(3, main(), ready=True)],
        "Running",
        "READY",
        True,
        "1 of 1 predictor pod is ready",
    ),
    "one of two pods is ready at the start": (
        [
            FRESH,
            deployment(wanted=2, pods=2, updated=2, available=1),
            pod(3, main(), ready=True),
            pod(3, main()),
        ],
        "Starting",
        "INITIALIZED",
        True,
        "not ready yet",
    ),
    "one pod more is started for a running deployment": (
        [
            isvc(),
            deployment(
                wanted=2,
                pods=2,
                updated=2,
                available=1,
                conditions=[
                    condition("Progressing", "True", reason="NewReplicaSetAvailable")
                ],
            ),
            pod(3, main(), ready=True),
            pod(3, main()),
        ],
        "Running",
        "READY",
        True,
        "1 of 2 predictor pods are ready",
    ),
    "new pod beside an older one that answers": (
        [isvc(), MOVING, OLD, pod(3, inits=[init("running")])],
        "Updating",
        "SCHEDULED",
        True,
        "version 3: storage-initializer runs",
    ),
    "new pod fails beside an older one that answers": (
        [isvc(), MOVING, OLD, pod(3, inits=[init(exitCode=3, message=FAILED_INIT)])],
        "Updating",
        "INITIALIZED",
        False,
        f"version 3: storage-initializer ended with exit code 3: {FAILED_INIT}",
    ),
    "new object fails beside an older pod that answers": (
        [isvc(conditions=[reconcile_fault()]), deployment(2), OLD],
        "Updating",
        "SCHEDULED",
        False,
        "version 3: admission webhook denied the request",
    ),
    "new pod is ready, an older one is leaving": (
        [
            isvc(),
            deployment(),
            pod(2, main(), deleted=True),
            pod(3, main(), ready=True),
        ],
        "Running",
        "READY",
        True,
        "1 of 2",
    ),
    "no pod in Knative": (
        [
            knative(KNATIVE),
            deployment(wanted=0, pods=0, updated=0, available=0),
        ],
        "Idle",
        "READY",
        True,
        "a request starts a predictor pod",
    ),
    "pod starts for a request in Knative": (
        [knative(KNATIVE), deployment(available=0), pod(3, main())],
        "Idle",
        "READY",
        True,
        "a request starts a predictor pod",
    ),
    "pod fails for a request in Knative": (
        [knative(KNATIVE), deployment(available=0), pod(3, CRASHED)],
        "Failed",
        "STARTED",
        False,
        "ImportError",
    ),
    "pod of a running Knative service": (
        [knative(KNATIVE), deployment(), pod(3, main(), ready=True)],
        "Running",
        "READY",
        True,
        "1 of 1 predictor pod is ready",
    ),
    "new Knative service": (
        [knative({"latestCreatedRevision": "r1"}, conditions=NOT_READY), NEW, pod(3)],
        "Starting",
        "INITIALIZED",
        True,
        "kserve-container is being made",
    ),
    "new revision beside an idle one": (
        [
            knative(KNATIVE_MOVING),
            deployment(2, wanted=0, pods=0, updated=0, available=0),
            deployment(available=0),
            pod(3, main()),
        ],
        "Updating",
        "INITIALIZED",
        True,
        "version 3:",
    ),
    "new revision that is not made yet beside an idle one": (
        [knative(KNATIVE), deployment(2, wanted=0, pods=0, updated=0, available=0)],
        "Updating",
        "SCHEDULED",
        None,
        "version 3: there is no pod",
    ),
    "scaled to zero by KEDA": (
        [isvc(least=0), deployment(wanted=0, pods=0, updated=0, available=0)],
        "Idle",
        "READY",
        True,
        "the autoscaler starts a predictor pod",
    ),
    "pods are being stopped": (
        [isvc(stop=True, conditions=STOPPED), pod(3, main(), ready=True)],
        "Stopping",
        "STOPPED",
        None,
        "1 pod is left",
    ),
    "no pod is left, KServe has not said so": (
        [isvc(stop=True)],
        "Stopping",
        "STOPPED",
        None,
        "has not confirmed",
    ),
    "stopped": (
        [isvc(stop=True, conditions=STOPPED)],
        "Stopped",
        "STOPPED",
        True,
        "was stopped",
    ),
    "started again, KServe has not said so": (
        [isvc(conditions=STOPPED)],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "deleted": (
        [isvc(deleted=True), deployment(), pod(3, main(), ready=True)],
        "Stopping",
        "STOPPED",
        None,
        "is being deleted",
    ),
    "deleted while it was stopped": (
        [isvc(deleted=True, stop=True, conditions=STOPPED)],
        "Stopping",
        "STOPPED",
        None,
        "is being deleted",
    ),
}

# What KServe says that must not be believed.
TRAPS: dict[str, Row] = {
    "ready, but by pods of the old version": (
        [isvc(), deployment(2), OLD],
        "Updating",
        "SCHEDULED",
        None,
        "version 3:",
    ),
    "Deployment has not seen its change": (
        [isvc(), deployment(seen=4), OLD],
        "Updating",
        "SCHEDULED",
        None,
        "version 3:",
    ),
    "old Deployment counts pods of the old template": (
        [isvc(), deployment(seen=4), pod(3, main(), ready=True)],
        "Starting",
        "STARTED",
        True,
        "the pod is ready",
    ),
    "ready, but the transformer is not": (
        [
            isvc(transformer=True),
            deployment(),
            pod(3, main(), ready=True),
            deployment(component="transformer", available=0),
            pod(3, main(), component="transformer"),
        ],
        "Starting",
        "INITIALIZED",
        True,
        "not ready yet",
    ),
    "ready, but there is no transformer": (
        [isvc(transformer=True), deployment(), pod(3, main(), ready=True)],
        "Starting",
        "SCHEDULED",
        None,
        "there is no pod of the transformer yet",
    ),
    "ready, but the transformer fails": (
        [
            isvc(transformer=True),
            deployment(),
            pod(3, main(), ready=True),
            deployment(component="transformer", available=0),
            pod(3, CRASHED, component="transformer"),
        ],
        "Failed",
        "STARTED",
        False,
        "ImportError",
    ),
    "both components are ready": (
        [
            isvc(transformer=True),
            deployment(),
            pod(3, main(), ready=True),
            deployment(component="transformer"),
            pod(3, main(), component="transformer", ready=True),
        ],
        "Running",
        "READY",
        True,
        "1 of 1 predictor pod is ready, 1 of 1 transformer pod is ready",
    ),
    "copies without a pod": ([isvc()], "Starting", "SCHEDULED", None, "no pod"),
    "Stopped False is well": (
        [
            isvc(conditions=[*READY, condition("Stopped", "False")]),
            deployment(),
            pod(3, main(), ready=True),
        ],
        "Running",
        "READY",
        True,
        "ready",
    ),
    "old pod fails, new one loads": (
        [isvc(), MOVING, pod(2, CRASHED), pod(3, main())],
        "Starting",
        "INITIALIZED",
        True,
        "not ready yet",
    ),
    "fault from before the last change": (
        [isvc(conditions=[reconcile_fault(BEFORE)])],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "event from before the last change": (
        [FRESH, event("InternalError", "no", lastTimestamp=BEFORE)],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "event about a write that is repeated": (
        [FRESH, event("InternalError", "the object has been modified; please retry")],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "event about an earlier object of the name": (
        [
            FRESH,
            event(
                "InternalError",
                "no",
                involvedObject={"kind": "InferenceService", "uid": "s0"},
            ),
        ],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "event that is none of a failure": (
        [FRESH, event("InternalError", "no", type="Normal")],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "event although the pods were made": (
        [FRESH, NEW, pod(3, main()), event("InternalError", "status not written")],
        "Starting",
        "INITIALIZED",
        True,
        "not ready yet",
    ),
    "fault at the moment of the last change": (
        [isvc(conditions=[reconcile_fault(APPLIED)])],
        "Failed",
        "SCHEDULED",
        False,
        "admission webhook",
    ),
    "invalid specification from before the last change": (
        [
            isvc(
                conditions=NOT_READY,
                modelStatus={
                    "transitionStatus": "InvalidSpec",
                    "lastFailureInfo": {"message": "no", "time": BEFORE},
                },
            )
        ],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "not ready for another reason": (
        [
            isvc(
                conditions=[
                    condition(
                        "PredictorReady", "False", reason="MinimumReplicasUnavailable"
                    )
                ]
            ),
            NEW,
            pod(3, main()),
        ],
        "Starting",
        "INITIALIZED",
        True,
        "not ready yet",
    ),
    "warning about something else": (
        [FRESH, event("PredictorNotReady", "no")],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "failed pod that is leaving": (
        [FRESH, NEW, pod(3, CRASHED, deleted=True), pod(3, main())],
        "Starting",
        "INITIALIZED",
        True,
        "not ready yet",
    ),
    "old pod that was evicted": (
        [FRESH, NEW, pod(2, phase="Failed", message="The node was low on memory")],
        "Starting",
        "SCHEDULED",
        None,
        "there is no pod of the predictor yet",
    ),
    "old transformer alone": (
        [
            isvc(transformer=True),
            NEW,
            pod(3, main()),
            pod(2, main(), component="transformer", ready=True),
        ],
        "Starting",
        "SCHEDULED",
        None,
        "there is no pod of the transformer yet",
    ),
    "old Deployment without a pod that answers": (
        [FRESH, deployment(2, available=0), pod(2, CRASHED)],
        "Starting",
        "SCHEDULED",
        None,
        "there is no pod of the predictor yet",
    ),
    "old revision after the requests went to the new one": (
        [
            knative(KNATIVE),
            deployment(2, **ZERO),
            deployment(available=0),
            pod(3, CRASHED),
        ],
        "Failed",
        "STARTED",
        False,
        "ImportError",
    ),
    "pod without a version beside an older one": (
        [isvc(), MOVING, OLD, without(OLD, "metadata")],
        "Updating",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "Knative has fewer pods than it wants": (
        [
            knative(KNATIVE),
            deployment(wanted=2, pods=2, updated=2, available=1, seen=4),
            pod(3, main(), ready=True),
            pod(3, main()),
        ],
        "Running",
        "READY",
        True,
        "1 of 2",
    ),
    "no pod, though there is always to be one": (
        [isvc(), deployment(**ZERO)],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "no pod in a count that is too old": (
        [isvc(least=0), deployment(**ZERO, seen=4)],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "no pod yet, though the autoscaler wants one": (
        [isvc(least=0), deployment(wanted=1, pods=0, updated=0, available=0)],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "two pods, of which one is behind": (
        [FRESH, NEW, pod(3, main()), pod(3, inits=[init("running")])],
        "Starting",
        "SCHEDULED",
        True,
        "storage-initializer runs",
    ),
    "two pods, of which one has failed": (
        [FRESH, NEW, pod(3, inits=[init("running")]), pod(3, CRASHED)],
        "Failed",
        "STARTED",
        False,
        "ImportError",
    ),
    "two pods, of which one is not scheduled": (
        [FRESH, NEW, pod(3, inits=[init("running")]), pod(3, scheduled=False)],
        "Starting",
        "SCHEDULED",
        None,
        "waits for a node",
    ),
    "sidecar that does not run yet": (
        [FRESH, NEW, pod(3, inits=[init(), state("inference-log", "waiting")])],
        "Starting",
        "SCHEDULED",
        True,
        "inference-log is being made",
    ),
    "second container that does not run yet": (
        [
            FRESH,
            NEW,
            pod(3, main(), state("log", "waiting", reason="ContainerCreating")),
        ],
        "Starting",
        "INITIALIZED",
        True,
        "log is being made",
    ),
    "complete by its reason, but an old pod is left": (
        [
            isvc(),
            deployment(
                pods=2,
                updated=1,
                available=2,
                conditions=[
                    condition("Progressing", "True", reason="NewReplicaSetAvailable")
                ],
            ),
            OLD,
            pod(3, main(), ready=True),
        ],
        "Updating",
        "STARTED",
        True,
        "version 3: the pod is ready",
    ),
    "pod without a version": (
        [isvc(), deployment(available=0), {"status": OLD["status"]}],
        "Starting",
        "SCHEDULED",
        None,
        "no pod",
    ),
    "ready Knative service of the old revision": (
        [
            knative(KNATIVE_MOVING),
            deployment(2),
            pod(2, main(), ready=True),
            deployment(),
            pod(3, main(), ready=True),
        ],
        "Updating",
        "STARTED",
        True,
        "version 3: the pod is ready",
    ),
}

# Fields that are missing, since Kubernetes leaves out zeros and what is not known yet.
GAPS: dict[str, Row] = {
    "fault without a message": (
        [isvc(conditions=[condition("PredictorReady", "False", reason=FAULT)])],
        "Failed",
        "SCHEDULED",
        False,
        FAULT,
    ),
    "event without a message": (
        [FRESH, event("ServerlessModeRejected", "")],
        "Failed",
        "SCHEDULED",
        False,
        "ServerlessModeRejected",
    ),
    "event without a time": (
        [FRESH, without(event("InternalError", "no"), "lastTimestamp")],
        "Failed",
        "SCHEDULED",
        False,
        "no",
    ),
    "fault of an object that nobody has written": (
        [
            without(
                isvc(conditions=[reconcile_fault(BEFORE)]), "metadata", "managedFields"
            )
        ],
        "Failed",
        "SCHEDULED",
        False,
        "admission webhook",
    ),
    "invalid specification with a reason only": (
        [
            isvc(
                modelStatus={
                    "transitionStatus": "InvalidSpec",
                    "lastFailureInfo": {"reason": "NoSupportingRuntime"},
                }
            )
        ],
        "Failed",
        "SCHEDULED",
        False,
        "NoSupportingRuntime",
    ),
    "invalid specification without a word": (
        [isvc(modelStatus={"transitionStatus": "InvalidSpec"})],
        "Failed",
        "SCHEDULED",
        False,
        "KServe cannot use the specification",
    ),
    "quota without a message": (
        [
            FRESH,
            deployment(
                available=0,
                conditions=[condition("ReplicaFailure", "True", reason="FailedCreate")],
            ),
        ],
        "Starting",
        "SCHEDULED",
        None,
        "FailedCreate",
    ),
    "evicted without a message": (
        [FRESH, NEW, pod(3, phase="Failed", reason="Evicted")],
        "Starting",
        "SCHEDULED",
        None,
        "was ended: Evicted",
    ),
    "version on the predictor only": (
        [
            {
                "metadata": {},
                "spec": {"predictor": {"labels": {VERSION: "2"}}},
                "status": {"conditions": [*READY]},
            },
            deployment(2),
            OLD,
        ],
        "Running",
        "READY",
        True,
        "ready",
    ),
    "mode that is not recorded yet": (
        [
            without(knative(KNATIVE), "status", "deploymentMode"),
            deployment(available=0),
            pod(3, main()),
        ],
        "Idle",
        "READY",
        True,
        "a request starts",
    ),
    "Deployment without counts": (
        [isvc(), {**NEW, "status": {"observedGeneration": 5}}, pod(3, main())],
        "Starting",
        "INITIALIZED",
        True,
        "not ready yet",
    ),
    "Deployment at zero without counts": (
        [
            isvc(least=0),
            {**deployment(wanted=0), "status": {"observedGeneration": 5}},
        ],
        "Idle",
        "READY",
        True,
        "the autoscaler starts",
    ),
    "Deployment without generations": (
        [
            isvc(),
            without(
                without(deployment(), "metadata", "generation"),
                "status",
                "observedGeneration",
            ),
            pod(3, main(), ready=True),
        ],
        "Starting",
        "STARTED",
        True,
        "the pod is ready",
    ),
    "scheduled, but no container is known": (
        [FRESH, NEW, without(pod(3), "status", "initContainerStatuses")],
        "Starting",
        "SCHEDULED",
        True,
        "storage-initializer is being made",
    ),
    "pod without containers": (
        [FRESH, NEW, without(pod(3, inits=[init()]), "spec") | {"status": SCHEDULED}],
        "Starting",
        "SCHEDULED",
        True,
        "its containers are being made",
    ),
    "container that is not in the specification": (
        [FRESH, NEW, without(pod(3, CRASHED), "spec")],
        "Failed",
        "STARTED",
        False,
        "ImportError",
    ),
    "image that is not in the specification": (
        [FRESH, NEW, without(pod(3, main("waiting", reason="ErrImagePull")), "spec")],
        "Failed",
        "INITIALIZED",
        False,
        "the image image cannot be pulled: ErrImagePull",
    ),
    "container before the pod is said to be scheduled": (
        [FRESH, NEW, without(pod(3, inits=[init("running")]), "status", "conditions")],
        "Starting",
        "SCHEDULED",
        True,
        "storage-initializer runs",
    ),
    "waiting container before the pod is said to be scheduled": (
        [
            FRESH,
            NEW,
            without(
                pod(3, inits=[init("waiting", reason="PodInitializing")]),
                "status",
                "conditions",
            ),
        ],
        "Starting",
        "SCHEDULED",
        True,
        "storage-initializer is being made",
    ),
    "failed container before the pod is said to be scheduled": (
        [FRESH, NEW, without(pod(3, inits=[init(exitCode=3)]), "status", "conditions")],
        "Failed",
        "INITIALIZED",
        False,
        "ended with exit code 3; see its log",
    ),
    "back-off without an end": (
        [FRESH, NEW, pod(3, inits=[init("waiting", reason="CrashLoopBackOff")])],
        "Failed",
        "INITIALIZED",
        False,
        "storage-initializer: CrashLoopBackOff",
    ),
    "command that does not exist": (
        [
            FRESH,
            NEW,
            pod(3, main("waiting", reason="RunContainerError", message="no such file")),
        ],
        "Failed",
        "STARTED",
        False,
        "kserve-container: no such file",
    ),
    "end without an exit code": (
        [FRESH, NEW, pod(3, main("terminated", reason="ContainerStatusUnknown"))],
        "Failed",
        "STARTED",
        False,
        "kserve-container ended (ContainerStatusUnknown)",
    ),
    "end without anything": (
        [FRESH, NEW, pod(3, main("terminated"))],
        "Failed",
        "STARTED",
        False,
        "ended (without an exit code)",
    ),
}
ROWS = STATES | TRAPS | GAPS


@pytest.mark.parametrize("name", ROWS)
def test_what_is_there_makes_the_state(name: str) -> None:
    there, status, step, well, words = ROWS[name]
    service, *others = there
    found = seen(service, *(it for it in others if it))
    assert found.condition is not None
    assert (found.status, found.condition.type, found.condition.status) == (
        status,
        step,
        well,
    )
    assert words in (found.condition.reason or "")


def test_a_deployment_that_is_not_there_has_never_run() -> None:
    assert seen(None) == NEVER_RAN


def test_a_running_deployment_says_what_answers() -> None:
    found = seen(
        isvc(transformer=True),
        deployment(wanted=2, pods=2, updated=2, available=2),
        pod(3, main(), ready=True),
        pod(3, main(), ready=True),
        deployment(component="transformer"),
        pod(3, main(), component="transformer", ready=True),
    )
    assert found == RunState(
        status="Running",
        condition=found.condition,
        available_predictor_instances=2,
        available_transformer_instances=1,
        deployment_version=3,
        url="http://flowers-models.test",
        revision="predictor-3",
        started_s=1796040000.0,
        is_detached=True,
    )


def test_while_it_moves_the_older_version_runs() -> None:
    found = seen(isvc(), MOVING, OLD, pod(3, main()))
    assert (found.deployment_version, found.available_predictor_instances) == (2, 1)
    assert found.url == "http://flowers-models.test"


def test_pods_that_leave_do_not_count() -> None:
    leaving = pod(2, main(), ready=True, deleted=True)
    found = seen(isvc(), deployment(available=0), leaving, pod(3, main()))
    assert (found.status, found.available_predictor_instances) == ("Starting", 0)
    assert found.url is None


def test_the_object_says_which_version_is_wanted() -> None:
    found = seen(isvc(2), deployment(2), OLD, wanted=3)
    assert (found.status, found.deployment_version) == ("Running", 2)


def test_without_an_annotation_the_caller_says_it() -> None:
    service = isvc()
    del service["metadata"]["annotations"]["hopsartifacts.dev/version"]
    found = seen(service, deployment(2), OLD, wanted=2)
    assert (found.status, found.deployment_version) == ("Running", 2)
    assert seen(service, deployment(2), OLD, wanted=3).status == "Updating"


def test_the_last_error_names_the_component() -> None:
    found = seen(
        isvc(transformer=True),
        NEW,
        deployment(component="transformer"),
        pod(3, CRASHED, component="transformer"),
    )
    assert found.last_error is not None
    assert found.last_error.component == "transformer"
    assert found.last_error.version == 3
    assert "ImportError" in found.last_error.message


def test_an_end_without_a_time_or_a_fault_is_no_last_error() -> None:
    timeless = without(CRASHED, "lastState", "terminated", "finishedAt")
    well = main("terminated", exitCode=0, finishedAt=AFTER)
    for status in (timeless, well):
        assert seen(FRESH, NEW, pod(3, status)).last_error is None


def test_the_revision_is_that_of_the_newest_deployment() -> None:
    service = knative(KNATIVE_MOVING)
    found = seen(service, deployment(2), OLD, NEW, pod(3, main()))
    assert (found.revision, found.deployment_version) == ("predictor-3", 2)
    assert seen(FRESH).revision is None


def test_an_address_inside_the_cluster_will_do() -> None:
    service = isvc(address={"url": "http://flowers.models.svc"})
    del service["status"]["url"]
    found = seen(service, deployment(), pod(3, main(), ready=True))
    assert found.url == "http://flowers.models.svc"


PAIRS: dict[str, set[tuple[str, bool | None]]] = {
    "Created": {("STOPPED", True)},
    "Starting": {
        ("SCHEDULED", None),
        ("SCHEDULED", True),
        ("INITIALIZED", True),
        ("STARTED", True),
    },
    "Failed": {("SCHEDULED", False), ("INITIALIZED", False), ("STARTED", False)},
    "Running": {("READY", True)},
    "Idle": {("READY", True)},
    "Stopping": {("STOPPED", None)},
    "Stopped": {("STOPPED", True)},
}
PAIRS["Updating"] = PAIRS["Starting"] | PAIRS["Failed"]
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "x", "\N{SUPERSCRIPT TWO}", 0, 7, True, [], ["x"], [{}], {}, {"x": 1}]
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for key, it in pairs if isinstance(value, dict | list) else ():
        below = _places(it, (*path, key)) if isinstance(it, dict | list) else []
        found += [(*path, key), *below]
    return found


@given(
    data=st.data(),
    rows=st.lists(st.sampled_from(sorted(ROWS)), min_size=1, max_size=3),
    is_damaged=st.booleans(),
)
def test_any_fields_may_be_missing(
    data: st.DataObject, rows: list[str], *, is_damaged: bool
) -> None:
    service, *_ = ROWS[rows[0]][0]
    others = [it for row in rows for it in ROWS[row][0][1:]]
    answers: dict[str, Any] = {
        "service": service,
        "deployments": [it for it in others if it and "template" in it.get("spec", {})],
        "pods": [it for it in others if it and "containers" in it.get("spec", {})],
        "events": [it for it in others if it and "involvedObject" in it],
    }
    answers = deepcopy(answers)
    places = [it for it in _places(answers) if len(it) > 1]
    for path in data.draw(st.lists(st.sampled_from(places or [()]), max_size=8)):
        at: Any = answers
        try:
            for step in path[:-1]:
                at = at[step]
            if is_damaged:
                at[path[-1]] = data.draw(JUNK)
            else:
                del at[path[-1]]
        except (KeyError, IndexError, TypeError):  # it went with an earlier one
            continue
    found = run_state(observed_service(**answers), 3)
    assert found.condition is not None
    assert (found.condition.type, found.condition.status) in PAIRS[found.status]
    assert found.condition.reason
    assert isinstance(found.condition.reason, str)
