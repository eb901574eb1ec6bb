"""Finding the deployment of a request: by name, or by an id that is never reused."""

from contextlib import suppress

from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.errors import DeploymentNotFoundError, InvalidNameError
from hopsartifacts.names import default_deployment_name
from hopsartifacts.rest.hopsworks.ids import parse_deployment_id
from hopsartifacts.rest.hopsworks.login import check_project
from hopsartifacts.rest.operations import OperationCall


def named(call: OperationCall, name: str) -> Deployed:
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


def is_of_model(state: Deployed, name: str) -> bool:
    """Return whether it runs the model *name*, or one with this deployment name.

    Releases from 4.2 on ask for a model's deployments by their default name.
    """
    model = state.current.specification.model.name
    if name == model:
        return True
    with suppress(InvalidNameError):
        return name == default_deployment_name(model)
    return False


def meant(call: OperationCall, given: str | None = None) -> Deployed:
    """Return the sealed state of the deployment with the id *given* or in the path.

    Raises:
        DeploymentNotFoundError: it does not exist, or a new one has its name.
    """
    check_project(call)
    name, token = _parsed(given or call.path["id"])
    state = named(call, name)
    _check(state.id, name, token)
    return state


def held(call: OperationCall, given: str | None = None) -> Deployment:
    """Return the handle of that deployment; raises as ``meant``."""
    check_project(call)
    name, token = _parsed(given or call.path["id"])
    deployment = call.hosted.project.get_model_serving().get_deployment(name)
    _check(deployment.id, name, token)
    return deployment


def _parsed(given: str) -> tuple[str, str]:
    try:
        return parse_deployment_id(given)
    except InvalidNameError as error:
        raise DeploymentNotFoundError(
            f"there is no deployment with the id {given!r}"
        ) from error


def _check(found: str | None, name: str, token: str) -> None:
    if found != token:
        raise DeploymentNotFoundError(
            f"this deployment {name!r} was deleted, and another one has its name now: "
            "get it again"
        )
