"""The parts of Kubernetes objects that are built here, and read again.

The fields are in the order in which operators expect them. A field with its default is
left out; so a field must have no default if its value matters to Kubernetes.
"""

from typing import Any, Literal

import msgspec

Quantities = dict[str, str]


class KubernetesPart(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"
):
    """A part of an object; fields that are not known here are not read."""

    def to_dict(self) -> dict[str, Any]:
        """Return the part as plain values, in the words of Kubernetes."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return plain


class Metadata(KubernetesPart, frozen=True, kw_only=True):
    """Who an object is. Objects of the whole cluster have no namespace."""

    name: str
    namespace: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class EnvironmentVariable(KubernetesPart, frozen=True, kw_only=True):
    """A variable of a container."""

    name: str
    value: str


class NamedObject(KubernetesPart, frozen=True, kw_only=True):
    """A reference to another object in the namespace."""

    name: str


class EnvironmentSource(KubernetesPart, frozen=True, kw_only=True):
    """A Secret whose members become variables."""

    secret_ref: NamedObject


class ContainerPort(KubernetesPart, frozen=True, kw_only=True):
    """A port of a container."""

    container_port: int
    name: str
    protocol: str


class HttpGet(KubernetesPart, frozen=True, kw_only=True):
    """A request that must be answered with success."""

    path: str
    port: int


class Probe(KubernetesPart, frozen=True, kw_only=True):
    """How a container is asked, and how often it may fail."""

    http_get: HttpGet
    period_seconds: int
    timeout_seconds: int
    failure_threshold: int


class ContainerResources(KubernetesPart, frozen=True, kw_only=True):
    """What a container gets, and the most that it may use."""

    requests: Quantities
    limits: Quantities


class VolumeMount(KubernetesPart, frozen=True, kw_only=True):
    """Where a container sees a volume."""

    name: str
    mount_path: str
    sub_path: str | None = None
    read_only: bool = False


class DroppedCapabilities(KubernetesPart, frozen=True, kw_only=True):
    """The capabilities that a container gives up."""

    drop: tuple[str, ...]


class SeccompProfile(KubernetesPart, frozen=True, kw_only=True):
    """The filter of system calls."""

    type: str


class ContainerSecurity(KubernetesPart, frozen=True, kw_only=True):
    """What a container may do to its node."""

    allow_privilege_escalation: bool
    capabilities: DroppedCapabilities
    read_only_root_filesystem: bool
    run_as_non_root: bool
    run_as_user: int
    seccomp_profile: SeccompProfile


class Sleep(KubernetesPart, frozen=True, kw_only=True):
    """A wait."""

    seconds: int


class EndHandler(KubernetesPart, frozen=True, kw_only=True):
    """What happens before a container is asked to end."""

    sleep: Sleep


class Lifecycle(KubernetesPart, frozen=True, kw_only=True):
    """What happens besides the process of a container."""

    pre_stop: EndHandler


class Container(KubernetesPart, frozen=True, kw_only=True):
    """A process of a pod, and what it needs."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    restart_policy: str | None = None
    env_from: tuple[EnvironmentSource, ...] = ()
    env: tuple[EnvironmentVariable, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    startup_probe: Probe | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    resources: ContainerResources
    security_context: ContainerSecurity
    termination_message_policy: str | None = None
    volume_mounts: tuple[VolumeMount, ...] = ()


class ModelFormat(KubernetesPart, frozen=True, kw_only=True):
    """The format by which KServe knows the runtime."""

    name: str


class RuntimeModel(KubernetesPart, frozen=True, kw_only=True):
    """A model in a runtime that the cluster has, by its name."""

    model_format: ModelFormat
    runtime: str
    protocol_version: str
    storage_uri: str | None = None
    args: tuple[str, ...] = ()
    env: tuple[EnvironmentVariable, ...] = ()
    readiness_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    resources: ContainerResources
    volume_mounts: tuple[VolumeMount, ...] = ()


class ClaimSource(KubernetesPart, frozen=True, kw_only=True):
    """The claim of a volume that outlives the pod."""

    claim_name: str
    read_only: bool = False


class Volume(KubernetesPart, frozen=True, kw_only=True):
    """A volume of a pod: an empty folder, or a claim."""

    name: str
    empty_dir: dict[str, str] | None = None
    persistent_volume_claim: ClaimSource | None = None


class RollingUpdate(KubernetesPart, frozen=True, kw_only=True):
    """How many pods may be missing or too many during a change."""

    max_unavailable: int
    max_surge: int


class RolloutStrategy(KubernetesPart, frozen=True, kw_only=True):
    """How pods are replaced by those of another version."""

    type: Literal["RollingUpdate", "Recreate"]
    rolling_update: RollingUpdate | None = None


class NodeToleration(KubernetesPart, frozen=True, kw_only=True):
    """A taint that pods tolerate."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None


class RequestBatcher(KubernetesPart, frozen=True, kw_only=True):
    """KServe's own batcher."""

    max_batch_size: int
    max_latency: int


class RequestLogger(KubernetesPart, frozen=True, kw_only=True):
    """KServe's own logger."""

    mode: Literal["all", "request", "response"]
    url: str


class ServiceComponent(KubernetesPart, frozen=True, kw_only=True):
    """A component of an InferenceService: its scale, its pods and its rollout."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    min_replicas: int | None = None
    max_replicas: int | None = None
    timeout: int | None = None
    deployment_strategy: RolloutStrategy | None = None
    batcher: RequestBatcher | None = None
    logger: RequestLogger | None = None
    service_account_name: str | None = None
    enable_service_links: bool | None = None
    image_pull_secrets: tuple[NamedObject, ...] = ()
    node_selector: dict[str, str] = {}
    tolerations: tuple[NodeToleration, ...] = ()
    termination_grace_period_seconds: int | None = None
    init_containers: tuple[Container, ...] = ()
    containers: tuple[Container, ...] = ()
    model: RuntimeModel | None = None
    volumes: tuple[Volume, ...] = ()


class ServiceSpec(KubernetesPart, frozen=True, kw_only=True):
    """The components of an InferenceService."""

    predictor: ServiceComponent
    transformer: ServiceComponent | None = None


class InferenceService(KubernetesPart, frozen=True, kw_only=True):
    """A deployment, as KServe knows it."""

    api_version: Literal["serving.kserve.io/v1beta1"]
    kind: Literal["InferenceService"]
    metadata: Metadata
    spec: ServiceSpec


class UriFormat(KubernetesPart, frozen=True, kw_only=True):
    """The start of the addresses that a container can fetch."""

    prefix: str


class StorageContainerSpec(KubernetesPart, frozen=True, kw_only=True):
    """A container that fetches, and the addresses that it can fetch."""

    container: Container
    supported_uri_formats: tuple[UriFormat, ...]
    workload_type: str


class ClusterStorageContainer(KubernetesPart, frozen=True, kw_only=True):
    """The container by which KServe fetches addresses of ours, in mode Knative."""

    api_version: Literal["serving.kserve.io/v1alpha1"]
    kind: Literal["ClusterStorageContainer"]
    metadata: Metadata
    spec: StorageContainerSpec
