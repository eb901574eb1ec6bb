"""Ids for clients, and the model versions and deployments that they mean.

An id contains a name, and is never reused.

Clients store files under a model's id. If an id were reused after a deletion, they
would find the deleted files again.
"""

import re
from contextlib import suppress

from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.errors import (
    DeploymentNotFoundError,
    InvalidNameError,
    ModelNotFoundError,
)
from hopsartifacts.names import (
    default_deployment_name,
    deployment_name,
    model_name,
    version_number,
)
from hopsartifacts.registry.model import Model
from hopsartifacts.rest.hopsworks.installation import check_project
from hopsartifacts.rest.operations import OperationCall

_TOKEN = re.compile(r"(.+)-([0-9a-f]{32})")


def model_id(name: str, version: int, token: str) -> str:
    """Return the id of a model version with *token* in its manifest."""
    return f"{name}_{version}-{token}"


def parse_model_id(text: str) -> tuple[str, int, str | None]:
    """Return name, version and token of ``<name>_<version>[-<token>]``.

    Raises:
        InvalidNameError: *text* has neither form.
    """
    found = _TOKEN.fullmatch(text)
    whole, token = (found[1], found[2]) if found else (text, None)
    name, _, version = whole.rpartition("_")
    if not version.isascii() or not version.isdecimal():
        raise InvalidNameError(
            f"{text!r} is not a model id: give <name>_<version>, like 'my_model_1'"
        )
    return model_name(name), version_number(version), token


def deployment_id(state: Deployed, name: str) -> str:
    """Return the id of a deployment; it is unique even if its name is reused."""
    return f"{name}-{state.id}"


def parse_deployment_id(text: str) -> tuple[str, str]:
    """Return name and token of a deployment's id.

    Raises:
        InvalidNameError: *text* is not such an id.
    """
    found = _TOKEN.fullmatch(text)
    if not found:
        raise InvalidNameError(
            f"{text!r} is not a deployment id: give an id from an answer of this server"
        )
    return deployment_name(found[1]), found[2]


def check_registry(call: OperationCall) -> None:
    """Check that the path names the project of this server, and its model registry.

    Raises:
        RefusedError: it names another project.
        ModelNotFoundError: it names another registry.
    """
    check_project(call)
    given = call.path["registry_id"]
    if given != str(call.hosted.project_id):
        raise ModelNotFoundError(
            f"there is no model registry {given!r} here: get it with "
            "project.get_model_registry()"
        )


def model_of(call: OperationCall) -> Model:
    """Return the model version with the id in the path.

    Raises:
        ModelNotFoundError: it does not exist, or a new one has its number.
    """
    check_registry(call)
    name, version, token = parse_model_id(call.path["id"])
    model = call.hosted.project.get_model_registry().get_model(name, version)
    if token not in {None, model.id}:
        raise ModelNotFoundError(
            f"this version {version} of model {name!r} was deleted, and another one "
            "has its number now: get it again"
        )
    return model


def deployment_named(call: OperationCall, name: str) -> Deployed:
    """Return the sealed state of the deployment *name*.

    Releases before 4.2 ask for a deployment by the name of its model, even if a
    deployment cannot have that name. Then the deployment of this model with the default
    name is returned.

    Raises:
        DeploymentNotFoundError: it does not exist.
    """
    try:
        found = read_deployment(call.hosted.storage, default_deployment_name(name))
    except InvalidNameError as error:
        raise DeploymentNotFoundError(f"there is no deployment {name!r}") from error
    specification = found.current.specification
    if name not in {specification.name, specification.model.name}:
        raise DeploymentNotFoundError(f"there is no deployment {name!r}")
    return found


def runs_model(state: Deployed, name: str) -> bool:
    """Return whether it runs the model *name*, or one with this deployment name.

    Releases from 4.2 on ask for a model's deployments by their default name.
    """
    model = state.current.specification.model.name
    if name == model:
        return True
    with suppress(InvalidNameError):
        return name == default_deployment_name(model)
    return False


def deployed_of(call: OperationCall) -> Deployed:
    """Return the sealed state of the deployment with the id in the path.

    Raises:
        DeploymentNotFoundError: it does not exist, or a new one has its name.
    """
    check_project(call)
    name, token = _parsed(call.path["id"])
    state = deployment_named(call, name)
    _check_same(state.id, name, token)
    return state


def deployment_of(call: OperationCall, given: str | None = None) -> Deployment:
    """Return the handle of the deployment with the id *given*, or in the path.

    Raises:
        DeploymentNotFoundError: it does not exist, or a new one has its name.
    """
    check_project(call)
    name, token = _parsed(given or call.path["id"])
    deployment = call.hosted.project.get_model_serving().get_deployment(name)
    _check_same(deployment.id, name, token)
    return deployment


def _parsed(given: str) -> tuple[str, str]:
    try:
        return parse_deployment_id(given)
    except InvalidNameError as error:
        raise DeploymentNotFoundError(
            f"there is no deployment with the id {given!r}"
        ) from error


def _check_same(found: str | None, name: str, token: str) -> None:
    if found != token:
        raise DeploymentNotFoundError(
            f"this deployment {name!r} was deleted, and another one has its name now: "
            "get it again"
        )
