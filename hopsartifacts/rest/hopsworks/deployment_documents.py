"""Deployments in a format that every generation of the client reads.

The answers have the members that any generation needs. Clients convert the names of
members before they read them: they understand ``environmentDto`` in an answer, but not
``environmentDTO``, which they send. Members without a value are left out, since some
clients take null for an object.
"""

from datetime import datetime
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.history import DeploymentSnapshot
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
)
from hopsartifacts.deployments.state import PredictorState
from hopsartifacts.rest.hopsworks.ids import deployment_id
from hopsartifacts.rest.hopsworks.installation import project_namespace
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.serving.contract import (
    ComponentResources,
    Resources,
)

NO_TOPIC = "CREATE"
"""The name of the topic if logs are written to the project.

Clients take a logger without a topic for no logger, and send this name if their user
named no topic."""


class Named(msgspec.Struct, frozen=True):
    """The name of an environment."""

    name: str


class Amounts(msgspec.Struct, frozen=True):
    """The requested resources, and their limits."""

    requests: Resources
    limits: Resources


class Scaling(msgspec.Struct, frozen=True, rename="camel"):
    """The number of instances; 0 means none or one."""

    min_instances: int


class Topic(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The topic to which inference logs are sent."""

    name: str
    num_of_replicas: int | None = None
    num_of_partitions: int | None = None


class BatchingDocument(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The settings of the inference batcher."""

    batching_enabled: bool
    max_batch_size: int | None = None
    max_latency: int | None = None
    timeout: int | None = None


class ConditionDocument(msgspec.Struct, frozen=True):
    """The progress of a deployment that starts or stops."""

    type: str
    status: bool | None
    reason: str


class SettingsDocument(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The settings of a version of a deployment."""

    version: int
    model_name: str
    model_version: int
    model_path: str
    model_framework: str
    model_server: str
    predictor_resources: Amounts
    predictor_scaling_config: Scaling
    created: str
    predictor: str | None = None
    config_file: str | None = None
    predictor_env_vars: list[str] | None = None
    predictor_environment: Named | None = None
    transformer: str | None = None
    transformer_resources: Amounts | None = None
    transformer_scaling_config: Scaling | None = None


class VersionDocument(SettingsDocument, frozen=True, kw_only=True, rename="camel"):
    """A version of a deployment."""

    active: bool
    created_by: str


class VersionPage(msgspec.Struct, frozen=True):
    """A page of versions of a deployment."""

    count: int
    items: list[VersionDocument]


class DeploymentDocument(SettingsDocument, frozen=True, kw_only=True, rename="camel"):
    """A deployment, and its current state."""

    id: str
    name: str
    creator: str
    artifact_version: int
    serving_tool: str
    api_protocol: str
    project_namespace: str
    requested_instances: int
    inference_logging: str
    batching_configuration: BatchingDocument
    status: str
    available_instances: int
    hopsworks_inference_path: str
    model_server_inference_path: str
    description: str | None = None
    environment_dto: Named | None = None
    requested_transformer_instances: int | None = None
    kafka_topic_dto: Topic | None = None
    available_transformer_instances: int | None = None
    internal_port: int | None = None
    revision: str | None = None
    deployed: datetime | None = None
    condition: ConditionDocument | None = None


class LogDocument(msgspec.Struct, frozen=True, rename="camel"):
    """The end of a component's log."""

    instance_name: str
    content: str


def deployment_document(
    sealed: Deployed, run: PredictorState, hosted: Hosted
) -> DeploymentDocument:
    """Return a deployment and its current state in the format for clients."""
    specification = sealed.current.specification
    transformer = specification.transformer
    resources, name = specification.predictor.resources, specification.name
    logger, environment = specification.inference_logger, specification.environment
    return DeploymentDocument(
        **_settings(specification, hosted),
        id=deployment_id(sealed, name),
        name=name,
        version=sealed.active,
        created=sealed.created,
        creator=sealed.creator,
        description=specification.description,
        artifact_version=specification.artifact.version,
        serving_tool=specification.serving_tool,
        api_protocol=specification.api_protocol,
        project_namespace=project_namespace(hosted),
        environment_dto=Named(environment) if environment else None,
        requested_instances=resources.num_instances,
        requested_transformer_instances=(
            transformer.resources.num_instances if transformer else None
        ),
        inference_logging=logger.mode if logger else "NONE",
        kafka_topic_dto=_topic(logger),
        batching_configuration=_batching(specification.inference_batcher),
        status=wire_status(run),
        available_instances=run.available_predictor_instances,
        available_transformer_instances=(
            run.available_transformer_instances if transformer else None
        ),
        deployed=run.started,
        hopsworks_inference_path=f"/project/{hosted.project_id}/inference/serving/{name}",
        model_server_inference_path=f"/v1/models/{name}",
        internal_port=run.internal_port,
        revision=run.revision,
        condition=_condition(run),
    )


def version_document(snapshot: DeploymentSnapshot, hosted: Hosted) -> VersionDocument:
    """Return a version of a deployment in the format for clients."""
    return VersionDocument(
        **_settings(snapshot.specification, hosted),
        version=snapshot.version,
        created=snapshot.created,
        active=snapshot.is_active,
        created_by=snapshot.creator,
    )


def shown(script: str | None) -> str | None:
    """Return the name a user gave a file that is sealed as ``<role>-<name>``."""
    return script.partition("-")[2] if script else None


def topic_name(logger: InferenceLogger) -> str:
    """Return the name of a logger's topic in the format for clients."""
    return logger.kafka_topic.name if logger.kafka_topic else NO_TOPIC


def _settings(it: Specification, hosted: Hosted) -> dict[str, Any]:
    transformer, name = it.transformer, it.model.name
    settings = {
        "model_name": name,
        "model_version": it.model.version,
        "model_path": layout.absolute(hosted.project.name, layout.model_dir(name)),
        "model_framework": it.model.framework,
        "model_server": it.model_server,
        "predictor": shown(it.predictor.script),
        "config_file": shown(it.config_file),
        "predictor_resources": _amounts(it.predictor.resources),
        "predictor_scaling_config": Scaling(it.predictor.resources.num_instances),
        "predictor_environment": Named(it.environment) if it.environment else None,
        "predictor_env_vars": (
            [f"{name}={value}" for name, value in it.env_vars.items()] or None
        ),
    }
    if transformer is None:
        return settings
    return {
        **settings,
        "transformer": shown(transformer.script),
        "transformer_resources": _amounts(transformer.resources),
        "transformer_scaling_config": Scaling(transformer.resources.num_instances),
    }


def _amounts(resources: ComponentResources) -> Amounts:
    return Amounts(resources.requests, resources.limits)


def _topic(logger: InferenceLogger | None) -> Topic | None:
    if logger is None:
        return None
    name = topic_name(logger)
    # Clients before 4.6 refuse the numbers for a named topic, and need them otherwise.
    return Topic(name, 1, 1) if name == NO_TOPIC else Topic(name)


def _batching(batcher: InferenceBatcher | None) -> BatchingDocument:
    if batcher is None:
        return BatchingDocument(batching_enabled=False)
    return BatchingDocument(
        batching_enabled=batcher.enabled,
        max_batch_size=batcher.max_batch_size,
        max_latency=batcher.max_latency,
        timeout=batcher.timeout,
    )


def wire_status(state: PredictorState) -> str:
    """Return the status by the name that clients wait for."""
    # Clients that wait for Running do not accept Idle, and would wait for ever.
    return "Running" if state.status == "Idle" else state.status


def _condition(state: PredictorState) -> ConditionDocument | None:
    said = state.condition
    if said is None:
        return None
    return ConditionDocument(said.type, said.status, said.reason or state.status)
