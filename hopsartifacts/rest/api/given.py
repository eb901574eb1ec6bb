"""What callers give about a deployment, and the predictor that it describes."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from hopsartifacts.deployments.artifact_files import InProject
from hopsartifacts.deployments.golden import GoldenRequest
from hopsartifacts.deployments.parts import (
    InferenceBatcher,
    InferenceLogger,
    Transformer,
)
from hopsartifacts.deployments.predictor import Predictor
from hopsartifacts.deployments.rules import ApiProtocol, ServingTool
from hopsartifacts.deployments.settings import SETTINGS, DeploymentSettings
from hopsartifacts.rest.operations import OperationCall


class GivenAmount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount of resources; memory in MB; what is left out is the default."""

    cores: float | UnsetType = UNSET
    memory: int | UnsetType = UNSET
    gpus: int | UnsetType = UNSET


class GivenResources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a component may use."""

    num_instances: int = 1
    requests: GivenAmount = GivenAmount()
    limits: GivenAmount | None = None


class GivenTransformer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A script of the project, and what it may use."""

    script_file: str
    resources: GivenResources | None = None


class GivenDeployment(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The settings of a deployment; what is left out is the default.

    Attributes:
        artifact_version: a number without files runs what that version holds.
        script_file: paths of files of the project (``Resources/predictor.py``), here
            and below.
        environment_lock: a lock file of the project.
        why: a word for those who read the history.
        ignore_environment: although other packages are installed here than it wants.
    """

    model: str
    model_version: int
    description: str | None = None
    artifact_version: int | Literal["CREATE", "MODEL-ONLY"] | None = None
    serving_tool: ServingTool | None = None
    api_protocol: ApiProtocol = "REST"
    script_file: str | None = None
    config_file: str | None = None
    files: tuple[str, ...] = ()
    resources: GivenResources | None = None
    transformer: GivenTransformer | None = None
    inference_logger: InferenceLogger | None = None
    inference_batcher: InferenceBatcher | None = None
    environment: str | None = None
    environment_lock: str | None = None
    env_vars: dict[str, str] = {}
    golden_request: GoldenRequest | None = None
    why: str = ""
    ignore_environment: bool = False


class NewDeployment(
    GivenDeployment, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The settings of a new deployment.

    Attributes:
        name: by default the model's, without what a deployment's cannot have.
    """

    name: str | None = None


def predictor_of(
    call: OperationCall, given: GivenDeployment, name: str | None
) -> Predictor:
    """Return what *given* describes; no path of it is one of this machine.

    Raises:
        ModelNotFoundError: there is no such model version.
        InvalidDeploymentError: the rules forbid the combination, or a setting makes no
            sense.
    """
    project = call.hosted.project
    model = project.get_model_registry().get_model(given.model, given.model_version)
    sent = {**msgspec.structs.asdict(given), "name": name}
    settings = {it: _PLAIN.get(it, _as_it_is)(sent[it]) for it in SETTINGS}
    described = DeploymentSettings.of(**settings)
    return project.get_model_serving().predictor_of(model, described)


def _as_it_is(given: Any) -> Any:
    return given


def _in_project(path: str | None) -> InProject | None:
    return InProject(path) if path else None


def _resources(given: GivenResources | None) -> dict[str, Any] | None:
    plain: dict[str, Any] | None = msgspec.to_builtins(given)
    return plain


def _transformer(given: GivenTransformer | None) -> Transformer | None:
    if given is None:
        return None
    return Transformer(InProject(given.script_file), _resources(given.resources))


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "script_file": _in_project,
    "config_file": _in_project,
    "environment_lock": _in_project,
    "files": lambda paths: [InProject(path) for path in paths],
    "resources": _resources,
    "transformer": _transformer,
}
"""What becomes of the settings that have a form of their own here."""
