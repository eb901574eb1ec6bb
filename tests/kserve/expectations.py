"""What a manifest must say about a version, derived without the code that builds it."""

from msgspec.structs import replace

from hopsartifacts.names import kubernetes_name
from hopsartifacts.serving.contract import ComponentResources, Resources, SealedVersion
from hopsartifacts.serving.kserve.addresses import SealedAddress
from hopsartifacts.serving.kserve.objects import RequestBatcher, RequestLogger
from hopsartifacts.serving.kserve.readback import PinnedService
from hopsartifacts.serving.kserve.settings import ClusterSettings

INIT_CONTAINERS = "kubernetes.podspec-init-containers"
LOGGER_MODES = {"ALL": "all", "MODEL_INPUTS": "request", "PREDICTIONS": "response"}


def expected(sealed: SealedVersion, settings: ClusterSettings) -> PinnedService:
    """Return what the manifest of *sealed* must pin and set."""
    server, is_knative = sealed.model_server, settings.mode == "Knative"
    is_ours = server == "PYTHON"
    has_transformer = sealed.transformer_script is not None
    runs_vllm_image = server == "VLLM" and settings.vllm_image is not None
    has_init = not is_knative or INIT_CONTAINERS in settings.knative_flags
    is_on_disk = sealed.project_url.startswith("file:")
    batcher = logger = None
    if sealed.batching and not is_ours:
        latency = max(sealed.batching.max_latency_ms, 1)
        size = sealed.batching.max_batch_size
        batcher = RequestBatcher(max_batch_size=size, max_latency=latency)
    if sealed.logging and not is_ours and not has_transformer:
        assert settings.logger_url
        mode = LOGGER_MODES[sealed.logging.mode]
        logger = RequestLogger(mode=mode, url=settings.logger_url)  # type: ignore[arg-type]
    assert sealed.resources
    return PinnedService(
        address=SealedAddress(
            project_url=sealed.project_url,
            deployment=sealed.deployment,
            version=sealed.deployment_version,
            specification=sealed.specification,
        ),
        deployment_id=sealed.deployment_id,
        model=f"{sealed.model}/{sealed.model_version}",
        name=kubernetes_name(sealed.deployment),
        namespace=settings.namespace,
        mode=settings.mode,
        model_server=server,
        api_protocol="GRPC" if sealed.api_protocol == "GRPC" else "REST",
        image=settings.image if has_init or is_ours or has_transformer else None,
        vllm_image=settings.vllm_image if runs_vllm_image else None,
        predictor=_allotted(sealed.resources),
        transformer=(
            _allotted(sealed.transformer_resources)
            if sealed.transformer_resources
            else None
        ),
        env_vars={} if is_ours else sealed.env_vars,
        config_file=sealed.config_file if server == "VLLM" else None,
        batcher=batcher,
        logger=logger,
        has_shipper=bool(sealed.logging) and (is_ours or has_transformer),
        credentials=settings.credentials if has_init else None,
        storage_env=settings.storage_env if has_init else {},
        service_account=settings.service_account,
        image_pull_secrets=settings.image_pull_secrets,
        claim=settings.claim if is_on_disk else None,
        claim_path=settings.claim_path if is_on_disk else "",
        rollout=None if is_knative else settings.rollout,
        drain_s=settings.drain_s,
        startup_s=(
            -(-settings.startup_s // 5) * 5 if is_ours or runs_vllm_image else None
        ),
        node_selector=settings.node_selector,
        tolerations=settings.tolerations,
    )


def _allotted(sealed: ComponentResources) -> ComponentResources:
    """Return the resources with the number of GPUs that a pod gets."""
    asked, most = sealed.requests, sealed.limits
    gpus = asked.gpus if most.gpus == -1 else most.gpus
    limits = Resources(cores=most.cores, memory=most.memory, gpus=gpus)
    return replace(sealed, requests=replace(asked, gpus=gpus), limits=limits)
