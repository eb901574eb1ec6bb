"""What a sealed version may want that a cluster cannot give it."""

from collections.abc import Callable, Iterator

from hopsartifacts.serving.contract import SealedVersion
from hopsartifacts.serving.kserve.settings import INIT_CONTAINERS_FLAG, ClusterSettings

Restriction = Callable[[SealedVersion, ClusterSettings], str | None]


def restrictions(sealed: SealedVersion, settings: ClusterSettings) -> Iterator[str]:
    """Yield all that keeps *sealed* from running, each with what to do."""
    for restriction in _RESTRICTIONS:
        if words := restriction(sealed, settings):
            yield words


def _scales_to_zero(sealed: SealedVersion, settings: ClusterSettings) -> str | None:
    """KServe makes one pod of none in mode Standard, without a word."""
    numbers = {
        part: resources.num_instances
        for part, resources in (
            ("predictor", sealed.resources),
            ("transformer", sealed.transformer_resources),
        )
        if resources is not None
    }
    zero = [part for part, number in numbers.items() if number == 0]
    if settings.mode != "Standard" or not zero:
        return None
    return (
        f"its {zero[0]} scales to zero, which KServe does not do in mode Standard: "
        "give it one instance or more, use mode Knative, or stop it while nobody needs "
        "it"
    )


def _vllm_script(sealed: SealedVersion, _: ClusterSettings) -> str | None:
    if sealed.model_server != "VLLM" or sealed.predictor_script is None:
        return None
    return (
        f"it has the script {sealed.predictor_script!r}, which vLLM cannot run: "
        "give it a configuration file of vLLM instead"
    )


def _vllm_runtime(sealed: SealedVersion, settings: ClusterSettings) -> str | None:
    is_there = settings.kserve != "0.19" or settings.vllm_image is not None
    if sealed.model_server != "VLLM" or is_there:
        return None
    return (
        "KServe 0.19 has no runtime for vLLM: set vllm_image to an image of vLLM by "
        "its digest"
    )


def _log_of_runtime(sealed: SealedVersion, settings: ClusterSettings) -> str | None:
    """A runtime that is not ours does not log, so KServe has to."""
    logging = sealed.logging
    is_ours = sealed.model_server == "PYTHON" or sealed.transformer_script is not None
    if logging is None or is_ours:
        return None
    if logging.kafka_topic is not None:
        return (
            f"KServe cannot log to the Kafka topic {logging.kafka_topic!r} for "
            f"{sealed.model_server}: leave out the topic, and set logger_url to "
            "what receives the log"
        )
    if settings.logger_url is None:
        return (
            f"KServe logs for {sealed.model_server}, and needs a receiver: set "
            "logger_url to its URL, or leave out the inference logger"
        )
    return None


def _log_without_sidecar(
    sealed: SealedVersion, settings: ClusterSettings
) -> str | None:
    """KServe mounts the files in one container, and the sidecar needs them too."""
    is_ours = sealed.model_server == "PYTHON" or sealed.transformer_script is not None
    if sealed.logging is None or not is_ours or settings.has_init_containers:
        return None
    return (
        "its inference log is written by a container that mode Knative gives no files: "
        f"use mode Standard, name {INIT_CONTAINERS_FLAG} in knative_flags if it is on, "
        "or leave out the inference logger"
    )


def _templates(sealed: SealedVersion, settings: ClusterSettings) -> str | None:
    """KServe replaces templates in all that its own runtimes are told."""
    is_own_image = sealed.model_server == "VLLM" and settings.vllm_image is not None
    if sealed.model_server == "PYTHON" or is_own_image:
        return None
    told = {f"the variable {name}": it for name, it in sealed.env_vars.items()}
    if sealed.config_file is not None and sealed.model_server == "VLLM":
        told["the name of the configuration file"] = sealed.config_file
    for what, text in sorted(told.items()):
        if "{{" in text:
            return f"KServe would replace a part of {what}, {text!r}: use no '{{{{'"
    return None


_RESTRICTIONS: tuple[Restriction, ...] = (
    _scales_to_zero,
    _vllm_script,
    _vllm_runtime,
    _log_of_runtime,
    _log_without_sidecar,
    _templates,
)
