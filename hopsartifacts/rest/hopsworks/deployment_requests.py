"""Deployments as both generations of the client send them, and their settings."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType, field

from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    KafkaTopic,
    PredictorResources,
)
from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.rest.hopsworks.deployment_documents import (
    NO_TOPIC,
    BatchingDocument,
    Named,
    Topic,
    topic_name,
)
from hopsartifacts.serving.contract import (
    ComponentResources,
)

_CREATE = {"-1", "CREATE"}


class WantedAmounts(msgspec.Struct, frozen=True):
    """Amounts of resources; None means the default."""

    cores: float | None = None
    memory: int | None = None
    gpus: int | None = None


class WantedResources(msgspec.Struct, frozen=True):
    """Resources of a component."""

    requests: WantedAmounts | None = None
    limits: WantedAmounts | None = None


class WantedScaling(msgspec.Struct, frozen=True, rename="camel"):
    """The number of instances; other members, for scaling on a cluster, are ignored."""

    min_instances: int | None = None
    max_instances: int | None = None


class DeploymentRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A deployment to create, or all settings of one that exists."""

    id: str | int | None = None
    name: str | None = None
    description: str | None = None
    model_name: str | None = None
    model_version: int | None = None
    model_path: str | None = None
    model_server: str | None = None
    serving_tool: str | None = None
    api_protocol: str | None = None
    artifact_version: str | int | UnsetType | None = UNSET
    predictor: str | None = None
    config_file: str | None = None
    transformer: str | None = None
    environment_dto: Named | None = field(default=None, name="environmentDTO")
    predictor_environment: Named | None = None
    transformer_environment: Named | None = None
    predictor_env_vars: list[str] | None = None
    transformer_env_vars: list[str] | None = None
    requested_instances: int | None = None
    requested_transformer_instances: int | None = None
    predictor_resources: WantedResources | None = None
    transformer_resources: WantedResources | None = None
    predictor_scaling_config: WantedScaling | None = None
    transformer_scaling_config: WantedScaling | None = None
    inference_logging: str | None = None
    kafka_topic_dto: Topic | None = field(default=None, name="kafkaTopicDTO")
    batching_configuration: BatchingDocument | None = None
    tags: Any = None
    tracing: Any = None
    feature_logging: Any = None
    git_url: str | None = None
    vllm_variant: str | None = None
    vllm_image_tag: str | None = None


def artifact_version(new: DeploymentRequest) -> str | int | None:
    """Return the requested artifact version: a number, a word, or None."""
    asked = new.artifact_version
    if asked is UNSET or asked is None:
        return None
    return "CREATE" if str(asked) in _CREATE else asked


def environment(new: DeploymentRequest) -> str | None:
    """Return the name of the environment."""
    chosen = new.predictor_environment or new.environment_dto
    return chosen.name if chosen else None


def env_vars(new: DeploymentRequest, before: dict[str, str]) -> dict[str, str]:
    """Return the environment variables.

    If the client is too old to send variables, they are those of *before*.

    Raises:
        InvalidDeploymentError: one is not ``NAME=value``.
    """
    if new.predictor_env_vars is None:
        # Only clients without variables send an artifact version.
        return before if new.artifact_version is not UNSET else {}
    found: dict[str, str] = {}
    for each in new.predictor_env_vars:
        name, is_one, value = each.partition("=")
        if not is_one:
            raise InvalidDeploymentError(
                f"environment variable {each!r}: give it as 'NAME=value'"
            )
        found[name] = value
    return found


def predictor_resources(
    new: DeploymentRequest, before: int | None
) -> ComponentResources:
    """Return checked resources of the predictor, which has *before* instances now."""
    return _resources(
        new.predictor_resources,
        new.predictor_scaling_config,
        new.requested_instances,
        before,
    )


def transformer_resources(
    new: DeploymentRequest, before: int | None
) -> ComponentResources:
    """Return checked resources of the transformer, which has *before* instances now."""
    return _resources(
        new.transformer_resources,
        new.transformer_scaling_config,
        new.requested_transformer_instances,
        before,
    )


def _resources(
    wanted: WantedResources | None,
    scaling: WantedScaling | None,
    requested: int | None,
    before: int | None,
) -> ComponentResources:
    """Return checked resources.

    Clients from 4.6 on send the number of instances twice. If the deployment exists,
    the number that differs from the current one was changed, and is used. Otherwise
    that of the scaling is used.
    """
    least = scaling.min_instances if scaling else None
    most = scaling.max_instances if scaling else None
    if most is not None and most > max(least or 0, 1):
        raise InvalidDeploymentError(
            f"maxInstances {most} is not possible here: the number of instances is "
            "always minInstances (or none or one, if that is 0). Leave maxInstances "
            "out, or give the same number"
        )
    said = [number for number in (least, requested) if number is not None]
    changed = [number for number in said if number != before]
    number = (changed or said or [1])[0]
    return PredictorResources(
        number,
        _amounts(wanted.requests) if wanted else None,
        _amounts(wanted.limits) if wanted else None,
    )


def _amounts(wanted: WantedAmounts | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    given = msgspec.to_builtins(wanted)
    return {unit: amount for unit, amount in given.items() if amount is not None}


def logger(
    new: DeploymentRequest, before: InferenceLogger | None
) -> InferenceLogger | None:
    """Return the inference logger; *before* if the client has not changed it."""
    mode, topic = new.inference_logging, new.kafka_topic_dto
    if mode is None or mode == "NONE":
        return None
    name = topic.name if topic else NO_TOPIC
    if before and (before.mode, topic_name(before)) == (mode, name):
        return before
    if topic is None or name in {NO_TOPIC, "NONE"}:
        return InferenceLogger(mode)  # type: ignore[arg-type]  # it checks
    chosen = KafkaTopic(name, topic.num_of_replicas, topic.num_of_partitions)
    return InferenceLogger(mode, chosen)  # type: ignore[arg-type]  # it checks


def batcher(new: DeploymentRequest) -> InferenceBatcher | None:
    """Return the batcher."""
    wanted = new.batching_configuration
    if wanted is None:
        return None
    return InferenceBatcher(
        wanted.batching_enabled,
        wanted.max_batch_size,
        wanted.max_latency,
        wanted.timeout,
    )
