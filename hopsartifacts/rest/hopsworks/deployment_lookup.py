"""Which deployment a request means: by its name, or by an id that never comes again."""

from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.documents import DeploymentState
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.errors import DeploymentNotFoundError, InvalidNameError
from hopsartifacts.names import deployment_name
from hopsartifacts.rest.hopsworks.ids import parse_deployment_id
from hopsartifacts.rest.hopsworks.login import check_project
from hopsartifacts.rest.operations import Call


def named(call: Call, name: str) -> DeploymentState:
    """Return what is sealed of the deployment *name*.

    Raises:
        DeploymentNotFoundError: there is none.
    """
    try:
        return read_deployment(call.hosted.storage, deployment_name(name))
    except InvalidNameError as error:
        raise DeploymentNotFoundError(f"there is no deployment {name!r}") from error


def meant(call: Call, given: str | None = None) -> DeploymentState:
    """Return what is sealed of the deployment with the id *given*, or of the path.

    Raises:
        DeploymentNotFoundError: there is none, or another one has its name.
    """
    check_project(call)
    name, token = _parsed(given or call.path["id"])
    state = named(call, name)
    _check(state.id, name, token)
    return state


def held(call: Call, given: str | None = None) -> Deployment:
    """Return the deployment of that id itself; raises as ``meant``."""
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
            f"this deployment {name!r} was deleted, and another one has its name: get "
            "it anew"
        )
