"""Deployments: list them with their states, read one, delete one."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.rules import ApiProtocol, ModelServer, ServingTool
from hopsartifacts.deployments.versions import read_deployment, read_sound
from hopsartifacts.names import deployment_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.rest.api.conventions import Page, Paging, operations, page_of, shown
from hopsartifacts.rest.deployment_states import RunStatus, run_status
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder
from hopsartifacts.serving.contract import RunState, Status

DEPLOYMENT = "/deployments/{name}"


class DeploymentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment in a list.

    Attributes:
        id: unique, even after the deployment is deleted.
        version: number of the active version.
        created: when the deployment was first saved.
        updated: when the active version was saved.
        state: the state of its processes.
    """

    name: str
    id: str
    version: int
    description: str | None
    model: str
    model_version: int
    artifact_version: int
    framework: Framework
    model_server: ModelServer
    serving_tool: ServingTool
    api_protocol: ApiProtocol
    created: datetime
    creator: str
    updated: datetime
    state: RunStatus


class DeploymentDetail(DeploymentRow, frozen=True, kw_only=True):
    """A deployment with all details.

    Attributes:
        versions: numbers of the existing versions.
        specification: sealed settings of the active version.
    """

    versions: list[int]
    specification: Specification


class DeploymentFilter(Paging, frozen=True, kw_only=True):
    """Query parameters of the list of deployments.

    Attributes:
        name: a part of the name; case is ignored.
        model: the exact name of the model.
        model_version: number of the model version.
        framework: framework of the model.
        serving_tool: the serving tool.
        status: the current status.
    """

    name: str = ""
    model: str = ""
    model_version: int | None = None
    framework: Framework | None = None
    serving_tool: ServingTool | None = None
    status: Status | None = None


class Deletion(msgspec.Struct, frozen=True):
    """Query parameters of a deletion; *force* stops a running deployment first."""

    force: bool = False


class _Known(msgspec.Struct, frozen=True):
    name: str
    sealed: Deployed
    specification: Specification


def _known(sealed: Deployed) -> _Known:
    return _Known(sealed.name, sealed, sealed.current.specification)


def _list(call: OperationCall) -> Page[DeploymentRow]:
    wanted: DeploymentFilter = call.query
    serving = call.hosted.project.get_model_serving()
    sound, damaged = read_sound(call.hosted.storage, _known)
    known = [it for it in sound.values() if _fits(it.specification, wanted)]
    states: dict[str, RunState] = {}

    def state(item: _Known) -> RunState:
        if item.name not in states:
            states[item.name] = serving.state_of(item.sealed)
        return states[item.name]

    if wanted.status:
        known = [it for it in known if state(it).status == wanted.status]
    order: SortOrder[_Known] = SortOrder(
        identity=lambda it: (it.name,),
        fields={
            "name": lambda it: it.name,
            "model": lambda it: it.specification.model.name,
            "framework": lambda it: it.specification.model.framework,
            "created": lambda it: it.sealed.created,
            "updated": lambda it: it.sealed.current.created,
            "version": lambda it: it.sealed.active,
            "status": lambda it: state(it).status,
        },
        default="name",
    )
    page = page_of(known, wanted, order)
    rows = [_row(it.name, it.sealed, state(it)) for it in page.items]
    return replace(shown(page, rows), damaged=[*damaged])


def _fits(specification: Specification, wanted: DeploymentFilter) -> bool:
    model = specification.model
    return (
        wanted.name.lower() in specification.name.lower()
        and wanted.model in {"", model.name}
        and wanted.model_version in {None, model.version}
        and wanted.framework in {None, model.framework}
        and wanted.serving_tool in {None, specification.serving_tool}
    )


def _row(name: str, sealed: Deployed, state: RunState) -> DeploymentRow:
    return DeploymentRow(**_fields(name, sealed, state))


def _fields(name: str, sealed: Deployed, state: RunState) -> dict[str, Any]:
    active = sealed.current
    specification = active.specification
    return {
        "name": name,
        "id": sealed.id,
        "version": active.version,
        "description": specification.description,
        "model": specification.model.name,
        "model_version": specification.model.version,
        "artifact_version": specification.artifact.version,
        "framework": specification.model.framework,
        "model_server": specification.model_server,
        "serving_tool": specification.serving_tool,
        "api_protocol": specification.api_protocol,
        "created": datetime.fromisoformat(sealed.created),
        "creator": sealed.creator,
        "updated": datetime.fromisoformat(active.created),
        "state": run_status(name, state),
    }


def detail(call: OperationCall, name: str) -> DeploymentDetail:
    """Return a deployment with all details; raises as ``read_deployment``."""
    sealed = read_deployment(call.hosted.storage, name)
    state = call.hosted.project.get_model_serving().state_of(sealed)
    return DeploymentDetail(
        **_fields(name, sealed, state),
        versions=sorted(sealed.versions),
        specification=sealed.current.specification,
    )


def _get(call: OperationCall) -> DeploymentDetail:
    return detail(call, name_of(call))


def _state(call: OperationCall) -> RunStatus:
    name = name_of(call)
    sealed = read_deployment(call.hosted.storage, name)
    state = call.hosted.project.get_model_serving().state_of(sealed)
    return run_status(name, state)


def _delete(call: OperationCall) -> None:
    deployment(call).delete(force=call.query.force)


def deployment(call: OperationCall) -> Deployment:
    """Return the deployment in the path; raises as ``get_deployment``."""
    found: Deployment = call.hosted.project.get_model_serving().get_deployment(
        name_of(call)
    )
    return found


def name_of(call: OperationCall) -> str:
    """Return the deployment name in the path.

    Raises:
        InvalidNameError: a deployment cannot have this name.
    """
    return deployment_name(call.path["name"])


_operation = operations("deployments", "deploy")

OPERATIONS = (
    _operation(
        "GET",
        "/deployments",
        _list,
        "Deployments with their states: a page, filtered and sorted",
        query=DeploymentFilter,
        answer=Page[DeploymentRow],
    ),
    _operation("GET", DEPLOYMENT, _get, "A deployment", answer=DeploymentDetail),
    _operation(
        "DELETE",
        DEPLOYMENT,
        _delete,
        "Delete a deployment; model and artifact stay",
        query=Deletion,
        status=204,
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/state",
        _state,
        "State of its processes",
        answer=RunStatus,
    ),
)
