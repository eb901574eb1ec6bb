"""Deployments in requests: their settings, in the form that each has in JSON."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from hopsartifacts.deployments.artifact_files import ProjectPath
from hopsartifacts.deployments.parts import LoggerMode
from hopsartifacts.deployments.predictor import Predictor
from hopsartifacts.deployments.requests import GoldenRequest
from hopsartifacts.deployments.settings import (
    SETTINGS,
    DeploymentSettings,
    PlainSettings,
)
from hopsartifacts.errors import InvalidInputError, NotFoundError
from hopsartifacts.rest.operations import OperationCall


class GivenAmount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount of resources, with memory in MB; a missing member has its default."""

    cores: float | UnsetType = UNSET
    memory: int | UnsetType = UNSET
    gpus: int | UnsetType = UNSET


class GivenResources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The resources of a component."""

    num_instances: int = 1
    requests: GivenAmount = GivenAmount()
    limits: GivenAmount | None = None


class GivenTransformer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A transformer: a script in the project, and its resources."""

    script_file: str = ""
    resources: GivenResources | None = None


class GivenTopic(msgspec.Struct, frozen=True):
    """An existing Kafka topic, and the addresses of its cluster."""

    name: str
    num_replicas: int | None = None
    num_partitions: int | None = None
    servers: str | None = None


class GivenLogger(msgspec.Struct, frozen=True):
    """Which requests and predictions are logged; by default into the project."""

    mode: LoggerMode = "ALL"
    kafka_topic: GivenTopic | None = None


class GivenBatcher(msgspec.Struct, frozen=True):
    """Whether and how requests are combined into batches.

    Attributes:
        max_batch_size: the most rows in a batch.
        max_latency: the longest wait for a batch to fill, in milliseconds.
        timeout: the longest time that a request may wait, in seconds.
    """

    enabled: bool = False
    max_batch_size: int | None = None
    max_latency: int | None = None
    timeout: int | None = None


class GivenSettings(
    PlainSettings, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The settings of a deployment; a setting that is missing has its default.

    Plain settings are inherited. Here are those with a form of their own in JSON.

    Attributes:
        artifact_version: with a number and without files, the files of that version.
        script_file: path of a file in the project (``Resources/predictor.py``), as are
            the other files.
        environment_lock: path of a lock file in the project.
        why: a reason, which the history shows.
        ignore_environment: save it even if the packages that are installed here differ
            from its lock.
    """

    artifact_version: int | Literal["CREATE", "MODEL-ONLY"] | None = None
    script_file: str | None = None
    config_file: str | None = None
    files: tuple[str, ...] = ()
    resources: GivenResources | None = None
    transformer: GivenTransformer | None = None
    inference_logger: GivenLogger | None = None
    inference_batcher: GivenBatcher | None = None
    environment_lock: str | None = None
    env_vars: dict[str, str] = {}  # noqa: RUF012 - a struct copies it
    golden_request: GoldenRequest | None = None
    why: str = ""
    ignore_environment: bool = False


class GivenDeployment(
    GivenSettings, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The model version that a deployment runs, and its settings."""

    model: str
    model_version: int


class NewDeployment(
    GivenDeployment, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The settings of a new deployment.

    Attributes:
        name: by default the model's name, without the characters that a deployment's
            name cannot have.
    """

    name: str | None = None


class DeploymentToCheck(
    GivenSettings, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The settings of a new deployment, of which any may still be missing.

    Attributes:
        model: null if it is not known yet, as is the version.
        name: as for a new deployment.
    """

    model: str | None = None
    model_version: int | None = None
    name: str | None = None


def settings_of(given: GivenSettings, name: str | None) -> dict[str, Any]:
    """Return what *given* says as the arguments of ``DeploymentSettings.of``."""
    sent = {**msgspec.structs.asdict(given), "name": name}
    return {
        setting: _FORMS[setting](sent[setting]) if setting in _FORMS else sent[setting]
        for setting in SETTINGS
    }


def predictor_of(
    call: OperationCall, given: GivenDeployment, name: str | None
) -> Predictor:
    """Return the predictor with the settings *given*; their paths are in the project.

    Raises:
        ModelNotFoundError: the model version does not exist.
        InvalidDeploymentError: a setting makes no sense.
    """
    project = call.hosted.project
    try:
        model = project.get_model_registry().get_model(given.model, given.model_version)
    except (InvalidInputError, NotFoundError) as error:
        raise error.at("model")  # noqa: B904 - the same error
    described = DeploymentSettings.of(**settings_of(given, name))
    return project.get_model_serving().predictor_of(model, described)


def _in_project(path: str | None) -> ProjectPath | None:
    return ProjectPath(path) if path else None


def _plain(given: Any) -> dict[str, Any] | None:
    plain: dict[str, Any] | None = msgspec.to_builtins(given)
    return plain


def _transformer(given: GivenTransformer | None) -> dict[str, Any] | None:
    if given is None:
        return None
    script, resources = _in_project(given.script_file), _plain(given.resources)
    return {"script_file": script, "resources": resources}


_FORMS: dict[str, Callable[[Any], Any]] = {
    "script_file": _in_project,
    "config_file": _in_project,
    "environment_lock": _in_project,
    "files": lambda paths: [ProjectPath(path) for path in paths],
    "resources": _plain,
    "inference_logger": _plain,
    "inference_batcher": _plain,
    "transformer": _transformer,
}
"""The conversion of each setting that has another form in requests."""
