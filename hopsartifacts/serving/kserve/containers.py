"""The containers of the pods, and the volumes that they share.

A container that fetches or ships has the credentials of the storage; the one that runs
the scripts has none. All run without privileges, as a user that is not root. What is
ours also runs on a root file system that is read-only.
"""

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from hopsartifacts.errors import UnsupportedHereError
from hopsartifacts.serving.contract import Component, ComponentResources, SealedVersion
from hopsartifacts.serving.kserve import names
from hopsartifacts.serving.kserve.amounts import amounts
from hopsartifacts.serving.kserve.objects import (
    ClaimSource,
    Container,
    ContainerPort,
    ContainerResources,
    ContainerSecurity,
    DroppedCapabilities,
    EndHandler,
    EnvironmentSource,
    EnvironmentVariable,
    HttpGet,
    Lifecycle,
    NamedObject,
    Probe,
    SeccompProfile,
    Sleep,
    Volume,
    VolumeMount,
)
from hopsartifacts.serving.kserve.settings import INIT_CONTAINERS_FLAG, ClusterSettings

USER = 1000

MODELS, TMP, STATE, STORE_TMP, PROJECT, MEMORY = (
    "models",
    "tmp",
    "state",
    "store-tmp",
    "project",
    "shared-memory",
)
"""The names of the volumes. Files of containers with credentials have their own."""

_TMP_PATH = "/tmp"  # noqa: S108 - of the pod, which is alone there
_HOME = {"HOME": _TMP_PATH}
"""For libraries that write to the home folder; the user has none."""
_MODULE = "hopsartifacts.pods"
_FETCHING = ContainerResources(
    requests={"cpu": "100m", "memory": "128Mi"}, limits={"cpu": "2", "memory": "1Gi"}
)
_SHIPPING = ContainerResources(
    requests={"cpu": "50m", "memory": "128Mi"}, limits={"cpu": "1", "memory": "1Gi"}
)
_PERIOD_S = 5
_LIVE_PERIOD_S = 10
_LEAVE_S = 15
"""After this time, no more requests come to a pod that is to end."""
_LIVE, _READY = "/v2/health/live", "/v2/health/ready"


def fetching_container(
    uri: str, settings: ClusterSettings, component: Component, claim: str | None
) -> Container:
    """Return the init container that fetches a version and checks every file.

    Args:
        uri: the address of the sealed version.
        settings: those of the cluster.
        component: the component that the pod runs.
        claim: where the volume claim of the project is mounted; None without one.
    """
    of_component = (
        {} if component == "predictor" else {names.COMPONENT_VARIABLE: component}
    )
    return Container(
        name=names.FETCHING_CONTAINER,
        image=settings.image,
        command=("python", "-m", f"{_MODULE}.fetching"),
        args=(uri, names.MODELS_PATH),
        env_from=store_secrets(settings),
        env=environment({**settings.storage_env, **of_component, **_HOME}),
        resources=_FETCHING,
        security_context=security(),
        termination_message_policy="FallbackToLogsOnError",
        volume_mounts=(
            VolumeMount(name=MODELS, mount_path=names.MODELS_PATH),
            VolumeMount(name=STORE_TMP, mount_path=_TMP_PATH),
            *_claim_mounts(claim, settings, read_only=True),
        ),
    )


def shipping_container(settings: ClusterSettings, claim: str | None) -> Container:
    """Return the sidecar that writes the inference log.

    Where init containers are possible it is one that is restarted always: Kubernetes
    ends such a container only after the main one, so that it ships the last records.
    """
    return Container(
        name=names.SHIPPING_CONTAINER,
        image=settings.image,
        command=("python", "-m", f"{_MODULE}.shipping"),
        args=(names.LAUNCH_PATH,),
        restart_policy="Always" if settings.mode == "Standard" else None,
        env_from=store_secrets(settings),
        env=environment({**settings.storage_env, **_HOME}),
        resources=_SHIPPING,
        security_context=security(),
        volume_mounts=(
            VolumeMount(name=MODELS, mount_path=names.MODELS_PATH, read_only=True),
            VolumeMount(name=STATE, mount_path=names.STATE_PATH),
            VolumeMount(name=STORE_TMP, mount_path=_TMP_PATH),
            *_claim_mounts(claim, settings, read_only=False),
        ),
    )


def serving_container(
    args: tuple[str, ...],
    ports: tuple[ContainerPort, ...],
    resources: ComponentResources,
    settings: ClusterSettings,
    *,
    uri: str,
    claim: str | None,
) -> Container:
    """Return the main container of our runtime.

    Args:
        args: what the process is told.
        ports: the ports that KServe passes requests to.
        resources: those of the component.
        settings: those of the cluster.
        uri: the address of the sealed version.
        claim: where the volume claim of the project is mounted; None without one.
    """
    fetched = {} if settings.has_init_containers else {names.STORAGE_VARIABLE: uri}
    drain = {names.DRAIN_VARIABLE: str(settings.drain_s)}
    startup_tries = -(-settings.startup_s // _PERIOD_S)
    return Container(
        name=names.MAIN_CONTAINER,
        image=settings.image,
        command=("python", "-m", f"{_MODULE}.serving"),
        args=(names.LAUNCH_PATH, *args),
        env=environment({**drain, **fetched, **_HOME}),
        ports=ports,
        startup_probe=probe(_LIVE, _PERIOD_S, startup_tries),
        readiness_probe=probe(_READY, _PERIOD_S, 2),
        liveness_probe=probe(_LIVE, _LIVE_PERIOD_S, 3),
        resources=amounts(resources),
        security_context=security(),
        termination_message_policy="FallbackToLogsOnError",
        volume_mounts=(
            *models_mounts(settings, claim),
            VolumeMount(name=STATE, mount_path=names.STATE_PATH),
            VolumeMount(name=TMP, mount_path=_TMP_PATH),
        ),
    )


def vllm_container(
    args: tuple[str, ...],
    sealed: SealedVersion,
    resources: ComponentResources,
    settings: ClusterSettings,
    *,
    uri: str,
    claim: str | None,
) -> Container:
    """Return the main container of the chosen image of vLLM.

    For the arguments see ``serving_container``.
    """
    fetched = {} if settings.has_init_containers else {names.STORAGE_VARIABLE: uri}
    startup_tries = -(-settings.startup_s // _PERIOD_S)
    return Container(
        name=names.MAIN_CONTAINER,
        image=settings.vllm_image or "",
        command=("vllm", "serve"),
        args=(f"{names.MODELS_PATH}/Files", f"--port={names.HTTP_PORT}", *args),
        env=environment({**_HOME, **sealed.env_vars, **fetched}),
        ports=(http_port(),),
        startup_probe=probe("/health", _PERIOD_S, startup_tries),
        readiness_probe=probe("/health", _PERIOD_S, 2),
        liveness_probe=probe("/health", _LIVE_PERIOD_S, 3),
        lifecycle=late_end(settings),
        resources=amounts(resources),
        security_context=security(is_ours=False),
        volume_mounts=(
            *models_mounts(settings, claim),
            VolumeMount(name=TMP, mount_path=_TMP_PATH),
            VolumeMount(name=MEMORY, mount_path="/dev/shm"),  # noqa: S108 - the pod's
        ),
    )


def models_mounts(
    settings: ClusterSettings, claim: str | None
) -> Iterator[VolumeMount]:
    """Yield the mounts by which a main container reads the files of the version."""
    if settings.has_init_containers:
        yield VolumeMount(name=MODELS, mount_path=names.MODELS_PATH, read_only=True)
        yield from _claim_mounts(claim, settings, read_only=True)


def volumes(
    mounts: frozenset[str], settings: ClusterSettings, *, is_written: bool
) -> tuple[Volume, ...]:
    """Return the volumes with the names in *mounts*, in a fixed order.

    Args:
        mounts: the names of the volumes that containers mount.
        settings: those of the cluster.
        is_written: whether a container writes to the project's claim.
    """
    folders = {it: Volume(name=it, empty_dir={}) for it in (MODELS, TMP, STATE)}
    folders[STORE_TMP] = Volume(name=STORE_TMP, empty_dir={})
    folders[MEMORY] = Volume(name=MEMORY, empty_dir={"medium": "Memory"})
    source = ClaimSource(claim_name=settings.claim or "", read_only=not is_written)
    folders[PROJECT] = Volume(name=PROJECT, persistent_volume_claim=source)
    return tuple(it for name, it in folders.items() if name in mounts)


def claim_path(sealed: SealedVersion, settings: ClusterSettings) -> str | None:
    """Return where the claim of a project is mounted; None if it is on no disk.

    Raises:
        UnsupportedHereError: pods cannot reach the project.
    """
    parts = urlsplit(sealed.project_url)
    if parts.scheme == "memory":
        raise UnsupportedHereError(
            f"project {sealed.project_url} is in the memory of one process, which no "
            "pod can read: save it in a bucket or on a shared disk"
        )
    if parts.scheme != "file":
        return None
    if settings.claim is None:
        raise UnsupportedHereError(
            f"project {sealed.project_url} is on a disk: set claim to the volume claim "
            "that contains it, and claim_path to its folder there; or use a bucket"
        )
    if not settings.has_init_containers:
        raise UnsupportedHereError(
            f"project {sealed.project_url} is on a disk, which KServe does not mount "
            "in mode Knative: use mode Standard, a bucket, or set "
            f"knative_flags if {INIT_CONTAINERS_FLAG} and that for volume claims are on"
        )
    return unquote(parts.path)


def late_end(settings: ClusterSettings) -> Lifecycle | None:
    """Return a wait before a server that is not ours is asked to end.

    Such a server ends at once, while requests still come. In mode Knative, a process
    of Knative waits for them.
    """
    if settings.mode == "Knative":
        return None
    return Lifecycle(pre_stop=EndHandler(sleep=Sleep(seconds=_LEAVE_S)))


def probe(path: str, period_s: int, failures: int) -> Probe:
    """Return a probe of the HTTP port that may fail *failures* times in a row."""
    return Probe(
        http_get=HttpGet(path=path, port=names.HTTP_PORT),
        period_seconds=period_s,
        timeout_seconds=period_s,
        failure_threshold=failures,
    )


def http_port() -> ContainerPort:
    """Return the port for HTTP."""
    return ContainerPort(container_port=names.HTTP_PORT, name="http1", protocol="TCP")


def grpc_port() -> ContainerPort:
    """Return the port for gRPC, by the name that tells KServe and Knative so."""
    return ContainerPort(container_port=names.GRPC_PORT, name="h2c", protocol="TCP")


def environment(variables: dict[str, str]) -> tuple[EnvironmentVariable, ...]:
    """Return *variables*, sorted by name."""
    return tuple(
        EnvironmentVariable(name=name, value=literal(value))
        for name, value in sorted(variables.items())
    )


def literal(text: str) -> str:
    """Return *text* such that Kubernetes does not replace ``$(NAME)`` in it."""
    return text.replace("$", "$$")


def store_secrets(settings: ClusterSettings) -> tuple[EnvironmentSource, ...]:
    """Return the Secret with the credentials of the storage, if there is one."""
    if settings.credentials is None:
        return ()
    return (EnvironmentSource(secret_ref=NamedObject(name=settings.credentials)),)


def _claim_mounts(
    claim: str | None, settings: ClusterSettings, *, read_only: bool
) -> Iterator[VolumeMount]:
    if claim is not None:
        yield VolumeMount(
            name=PROJECT,
            mount_path=claim,
            sub_path=settings.claim_path or None,
            read_only=read_only,
        )


def security(*, is_ours: bool = True) -> ContainerSecurity:
    """Return the least that a container needs; others may write to their root."""
    return ContainerSecurity(
        allow_privilege_escalation=False,
        capabilities=DroppedCapabilities(drop=("ALL",)),
        read_only_root_filesystem=is_ours,
        run_as_non_root=True,
        run_as_user=USER,
        seccomp_profile=SeccompProfile(type="RuntimeDefault"),
    )
