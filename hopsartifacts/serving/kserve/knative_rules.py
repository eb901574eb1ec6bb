"""Rules for what Knative takes, which refuses objects that Standard mode accepts."""

from collections.abc import Iterator

from hopsartifacts.serving.kserve.inference_service import (
    FRAMEWORKS,
    InferenceServiceParts,
    containers,
    frameworks,
)
from hopsartifacts.serving.kserve.refusals import Part, Refusal

_PORT_NAMES = ("http1", "h2c", "")
_RESERVED_PORTS = (8008, 8012, 8013, 8022, 9090, 9091)
_RESERVED_VARIABLES = ("PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION")

FLAGS = {
    "initContainers": "kubernetes.podspec-init-containers",
    "nodeSelector": "kubernetes.podspec-nodeselector",
    "tolerations": "kubernetes.podspec-tolerations",
    "affinity": "kubernetes.podspec-affinity",
    "topologySpreadConstraints": "kubernetes.podspec-topologyspreadconstraints",
    "securityContext": "kubernetes.podspec-securitycontext",
    "runtimeClassName": "kubernetes.podspec-runtimeclassname",
    "priorityClassName": "kubernetes.podspec-priorityclassname",
    "schedulerName": "kubernetes.podspec-schedulername",
    "hostAliases": "kubernetes.podspec-hostaliases",
    "dnsPolicy": "kubernetes.podspec-dnspolicy",
    "dnsConfig": "kubernetes.podspec-dnsconfig",
    "persistentVolumeClaim": "kubernetes.podspec-persistent-volume-claim",
}
"""Fields of a pod, or kinds of volumes, that a cluster has to enable by a flag."""

_NEVER = (
    "terminationGracePeriodSeconds",
    "activeDeadlineSeconds",
    "restartPolicy",
    "nodeName",
    "hostname",
    "subdomain",
    "priority",
    "readinessGates",
)
_VOLUMES = ("emptyDir", "secret", "configMap", "projected", "persistentVolumeClaim")


def ports(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A pod has one port, for HTTP/1 or for HTTP/2.

    Source: Knative's ``k8s_validation.go``, validateContainersPorts.
    """
    if service.mode != "Knative":
        return
    for pod in service.pods():
        own = [*containers(pod), *frameworks(pod)]
        all_of_them = [it for part in own for it in part.at("ports").elements()]
        for part in all_of_them[1:]:
            yield part.refused(
                "Knative serves one port of a pod",
                "keep one: named http1 for REST, or h2c for gRPC",
            )
        if not all_of_them and len(own) > 1:
            yield (
                own[0]
                .at("ports")
                .refused("Knative must know which container serves", "give one port")
            )
        for part in all_of_them:
            if (name := part.at("name")).is_given and name.value not in _PORT_NAMES:
                yield name.refused("Knative takes http1 and h2c", "use one of them")
            if (number := part.at("containerPort")).value in _RESERVED_PORTS:
                yield number.refused("Knative uses this port itself", "use another one")


def pod_fields(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Fields of a pod that Knative refuses, always or unless a flag allows them.

    Source: Knative's ``fieldmask.go``, PodSpecMask.
    """
    if service.mode != "Knative":
        return
    for pod in service.pods():
        for key in _NEVER:
            if pod.at(key).is_given:
                yield pod.at(key).refused(
                    "Knative does not take this field", "remove it, or use Standard"
                )
        for key in FLAGS:
            yield from _flag_refusals(service, pod.at(key))
        # KServe makes an init container of it.
        uris = pod.at("storageUris")
        yield from _flag_refusals(service, uris, FLAGS["initContainers"])


def volumes(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Kinds of volumes that Knative refuses, always or unless a flag allows them.

    Source: Knative's ``k8s_validation.go``, validateVolume.
    """
    if service.mode != "Knative":
        return
    for pod in service.pods():
        for volume in pod.at("volumes").elements():
            for part in volume.members():
                yield from _flag_refusals(service, part)
                if part.key not in {"name", *_VOLUMES, *FLAGS}:
                    yield part.refused(
                        "Knative does not take this kind of volume",
                        f"use one of {', '.join(_VOLUMES)}, or Standard",
                    )


def reserved_variables(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Variables that Knative sets itself.

    Source: Knative's ``k8s_validation.go``, validateEnvVar. Only the container that
    serves gets PORT.
    """
    if service.mode != "Knative":
        return
    for container in service.containers():
        is_main = (
            container.path[-2:] == ("containers", 0) or container.key in FRAMEWORKS
        )
        for entry in container.at("env").elements():
            part = entry.at("name")
            if part.value in _RESERVED_VARIABLES and (is_main or part.value != "PORT"):
                yield part.refused("Knative sets it itself", "remove it")


def _flag_refusals(
    service: InferenceServiceParts, part: Part, needed: str | None = None
) -> Iterator[Refusal]:
    flag = needed or FLAGS.get(part.key)
    if flag and part.is_given and flag not in service.knative_flags:
        yield part.refused(
            f"Knative takes it only if the cluster has enabled {flag!r}",
            "remove it, enable the flag and name it in knative_flags, or use Standard",
        )
