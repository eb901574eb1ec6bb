"""Models in runtimes that are not ours: TensorFlow Serving and vLLM.

They read nothing of a specification. So what they are to do is in the object:
variables, and the batcher and the logger of KServe.
"""

from collections.abc import Mapping
from typing import Any

from hopsartifacts.serving.contract import ComponentResources, SealedVersion
from hopsartifacts.serving.kserve import containers, names
from hopsartifacts.serving.kserve.amounts import amounts
from hopsartifacts.serving.kserve.objects import (
    ModelFormat,
    RequestBatcher,
    RequestLogger,
    RuntimeModel,
)
from hopsartifacts.serving.kserve.settings import ClusterSettings

TENSORFLOW = "kserve-tensorflow-serving"
VLLM = "kserve-vllmserver"
RUNTIMES = {TENSORFLOW: "TENSORFLOW_SERVING", VLLM: "VLLM"}
"""The model server of each runtime that is named."""

LOGGER_MODES: Mapping[str, Any] = {
    "ALL": "all",
    "MODEL_INPUTS": "request",
    "PREDICTIONS": "response",
}
"""KServe's word for each mode of a logger."""
LEAST_LATENCY_MS = 1
"""KServe takes 0 for its default, which is five seconds."""

_READY_PERIOD_S = 5


def runtime_model(
    sealed: SealedVersion,
    settings: ClusterSettings,
    *,
    name: str,
    resources: ComponentResources,
    uri: str,
    claim: str | None,
) -> RuntimeModel:
    """Return the model for the runtime of the cluster that suits *sealed*.

    Args:
        sealed: the version.
        settings: those of the cluster.
        name: the name of the InferenceService.
        resources: those of the predictor.
        uri: the address of the sealed version.
        claim: where the volume claim of the project is mounted; None without one.
    """
    is_tensorflow = sealed.model_server == "TENSORFLOW_SERVING"
    ready = containers.probe(f"/v1/models/{name}", _READY_PERIOD_S, 2)
    folder = f"--model={names.MODELS_PATH}/Files"
    return RuntimeModel(
        model_format=ModelFormat(name="tensorflow" if is_tensorflow else "vLLM"),
        runtime=TENSORFLOW if is_tensorflow else VLLM,
        protocol_version="v1" if is_tensorflow else "v2",
        storage_uri=None if settings.has_init_containers else uri,
        # KServe appends them to those of the runtime, and the last one of each counts.
        args=() if is_tensorflow else (folder, *vllm_args(sealed, name)),
        env=containers.environment(sealed.env_vars),
        # The runtime of vLLM has one.
        readiness_probe=ready if is_tensorflow else None,
        lifecycle=containers.late_end(settings),
        resources=amounts(resources),
        volume_mounts=tuple(containers.models_mounts(settings, claim)),
    )


def vllm_args(sealed: SealedVersion, name: str) -> tuple[str, ...]:
    """Return what vLLM is told about *sealed*, besides the model's folder.

    Clients ask for the model by *name*, as they ask other deployments.
    """
    args = (f"--served-model-name={name}",)
    if sealed.config_file is None:
        return args
    folder = f"{names.MODELS_PATH}/Artifacts/{sealed.artifact_version}"
    return (*args, f"--config={folder}/{containers.literal(sealed.config_file)}")


def batcher(sealed: SealedVersion) -> RequestBatcher | None:
    """Return KServe's batcher for *sealed*; None if nothing is batched.

    KServe does not read a time limit for requests in a batch.
    """
    chosen = sealed.batching
    if chosen is None:
        return None
    return RequestBatcher(
        max_batch_size=chosen.max_batch_size,
        max_latency=max(chosen.max_latency_ms, LEAST_LATENCY_MS),
    )


def logger(sealed: SealedVersion, settings: ClusterSettings) -> RequestLogger | None:
    """Return KServe's logger for *sealed*; None if nothing is logged."""
    if sealed.logging is None:
        return None
    mode = LOGGER_MODES[sealed.logging.mode]
    return RequestLogger(mode=mode, url=settings.logger_url or "")
