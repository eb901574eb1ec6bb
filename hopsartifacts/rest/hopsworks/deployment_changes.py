"""Creating and changing deployments from requests, which contain all settings."""

from collections.abc import Callable
from os import PathLike
from typing import Any

from hopsartifacts import layout
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.handle import ModelServing
from hopsartifacts.deployments.parts import Transformer
from hopsartifacts.deployments.rules import MODEL_SERVERS
from hopsartifacts.deployments.settings import DeploymentSettings
from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.names import deployment_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.registry.model import Model
from hopsartifacts.rest.hopsworks import deployment_requests as requests
from hopsartifacts.rest.hopsworks.deployment_requests import DeploymentRequest

FindFile = Callable[[str], PathLike[str]]
"""Returns the file at a path that a client names."""

_PLAIN_VLLM = "VLLM"
_SHARED = "the transformer runs in the predictor's process here: "


def created(
    serving: ModelServing, model: Model, new: DeploymentRequest, find: FindFile
) -> Deployment:
    """Return the deployment that *new* describes; it is not saved.

    Raises:
        InvalidDeploymentError: the rules forbid it, or it has a setting that is not
            possible here.
        InvalidNameError: the name is outside its rule.
    """
    _check_model(serving, model.name, model.framework, new)
    settings = DeploymentSettings.of(
        name=new.name,
        script_file=find(new.predictor) if new.predictor else None,
        config_file=find(new.config_file) if new.config_file else None,
        transformer=_transformer(None, new, find),
        artifact_version=requests.artifact_version(new),
        **_settings(None, new),
    )
    return serving.create_deployment(serving.predictor_of(model, settings))


def change(
    serving: ModelServing,
    deployment: Deployment,
    new: DeploymentRequest,
    find: FindFile,
) -> None:
    """Set all settings of *new* on *deployment*; nothing is saved.

    Clients send back the settings that they were given. A setting that is still the
    same is kept: the bare name of a script stands for the sealed script.

    Raises:
        InvalidDeploymentError: see ``created``; or it asks for another name or model.
        ModelNotFoundError: the version of the model does not exist.
    """
    if new.name is not None and deployment_name(new.name) != deployment.name:
        raise InvalidDeploymentError(
            f"the name of deployment {deployment.name!r} cannot change to "
            f"{new.name!r}: create another one"
        )
    if new.model_name != deployment.model_name:
        raise InvalidDeploymentError(
            f"deployment {deployment.name!r} runs model {deployment.model_name!r}, not "
            f"{new.model_name!r}: create another one for that"
        )
    number = deployment.artifact_version
    if new.model_version is not None:
        deployment.predictor.model_version = new.model_version
    model = deployment.predictor
    _check_model(serving, model.model_name, model.model_framework, new)
    if (new.predictor or None) != deployment.script_file:
        deployment.script_file = _found(new.predictor, find)
    if (new.config_file or None) != deployment.config_file:
        deployment.config_file = _found(new.config_file, find)
    _change_transformer(deployment, new, find)
    asked = requests.artifact_version(new)
    if asked is not None and str(asked) != str(number):
        deployment.artifact_version = asked
    deployment.change(**_settings(deployment, new))


def _settings(before: Deployment | None, new: DeploymentRequest) -> dict[str, Any]:
    """Return all settings except the name and the files.

    Args:
        before: the deployment to change; None for a new one.
        new: what was sent.
    """
    instances = before.resources.num_instances if before else None
    return {
        "description": new.description,
        "serving_tool": new.serving_tool or (before and before.serving_tool),
        "api_protocol": new.api_protocol or (before and before.api_protocol),
        "resources": requests.predictor_resources(new, instances),
        "inference_logger": requests.logger(
            new, before.inference_logger if before else None
        ),
        "inference_batcher": requests.batcher(new),
        "environment": requests.environment(new),
        "env_vars": requests.env_vars(new, before.env_vars if before else {}),
    }


def _found(path: str | None, find: FindFile) -> Any:
    return find(path) if path else None


def _change_transformer(
    deployment: Deployment, new: DeploymentRequest, find: FindFile
) -> None:
    before = deployment.transformer
    if new.transformer and before and new.transformer == before.script_file:
        instances = before.resources.num_instances
        before.resources = requests.transformer_resources(new, instances)
    else:
        deployment.transformer = _transformer(before, new, find)


def _transformer(
    before: Transformer | None, new: DeploymentRequest, find: FindFile
) -> Transformer | None:
    if not new.transformer:
        return None
    instances = before.resources.num_instances if before else None
    resources = requests.transformer_resources(new, instances)
    return Transformer(find(new.transformer), resources)


def check_new(new: DeploymentRequest) -> None:
    """Refuse settings that this server does not have, instead of ignoring them.

    Raises:
        InvalidDeploymentError: there is such a setting.
    """
    if new.model_name is None or new.model_version is None:
        raise InvalidDeploymentError(
            "modelName or modelVersion is missing: this server can only deploy a saved "
            "model version"
        )
    # Releases from 4.8 on send the plain vLLM even if their user named none.
    variant = None if new.vllm_variant == _PLAIN_VLLM else new.vllm_variant
    unknown = {
        "gitUrl": (new.git_url, "upload the script and give its path"),
        "tracing": (_enabled(new.tracing), "leave it out"),
        "featureLogging": (_enabled(new.feature_logging), "use an inference logger"),
        "vllm_variant": (variant, "install the right vLLM, and leave it out"),
        "vllm_image_tag": (
            new.vllm_image_tag,
            "install the right vLLM, and leave it out",
        ),
    }
    for name, (value, way) in unknown.items():
        if value is not None:
            raise InvalidDeploymentError(f"{name} is not possible here: {way}")
    _check_shared(new)


def _check_shared(new: DeploymentRequest) -> None:
    """Refuse settings for the transformer alone, as it has no process of its own."""
    own = set(new.transformer_env_vars or ())
    if own - set(new.predictor_env_vars or ()):
        raise InvalidDeploymentError(
            f"{_SHARED}give its environment variables to the predictor, too"
        )
    if new.transformer_environment:
        wanted = new.transformer_environment.name
        if wanted != requests.environment(new):
            raise InvalidDeploymentError(
                f"{_SHARED}give the predictor the environment {wanted!r}, too"
            )


def _enabled(given: Any) -> Any:
    is_off = isinstance(given, dict) and given.get("enabled") is False
    return None if is_off else given


def _check_model(
    serving: ModelServing, name: str, framework: Framework, new: DeploymentRequest
) -> None:
    """Refuse a model of another project, and a server that cannot run the model."""
    folder = layout.absolute(serving.project_name, layout.model_dir(name))
    if new.model_path is not None and new.model_path != folder:
        raise InvalidDeploymentError(
            f"model path {new.model_path!r} is not the path of model {name!r} in this "
            f"project: give {folder!r}, or leave it out"
        )
    server = MODEL_SERVERS[framework]
    if new.model_server is not None and new.model_server != server:
        raise InvalidDeploymentError(
            f"model server {new.model_server!r} cannot run model {name!r}, which was "
            f"saved as {framework}: use {server}"
        )
