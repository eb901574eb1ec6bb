"""Deployments: list them with their states, read one, delete one."""

import time
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
from hopsartifacts.serving.traffic import HOUR_S, MINUTE_S, Period, total

DEPLOYMENT = "/deployments/{name}"


class LastHour(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of the last hour.

    Attributes:
        requests: how many were answered in each minute, oldest first, the last one
            being the present minute. Minutes before the first count are left out.
        errors: how many had status 400 or higher.
        p95_ms: the time in which 95 of 100 were answered; null if there were none.
    """

    requests: list[int]
    errors: int
    p95_ms: float | None


class DeploymentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment in a list.

    Attributes:
        id: unique, even after the deployment is deleted.
        version: number of the active version.
        created: when the deployment was first saved.
        updated: when the active version was saved.
        state: the state of its processes.
        last_hour: its requests; null if it never ran on this machine.
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
    last_hour: LastHour | None = None


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
        has_error: whether its newest run had an error: true, or false.
    """

    name: str = ""
    model: str = ""
    model_version: int | None = None
    framework: Framework | None = None
    serving_tool: ServingTool | None = None
    status: Status | None = None
    has_error: bool | None = None


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
    if wanted.has_error is not None:
        known = [
            it for it in known if (state(it).last_error is not None) == wanted.has_error
        ]
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
    rows = [
        DeploymentRow(**_fields(call, it.name, it.sealed, state(it)))
        for it in page.items
    ]
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


def _fields(
    call: OperationCall, name: str, sealed: Deployed, state: RunState
) -> dict[str, Any]:
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
        "last_hour": _last_hour(call, sealed),
    }


def _last_hour(call: OperationCall, sealed: Deployed) -> LastHour | None:
    end_s = (int(time.time()) // MINUTE_S + 1) * MINUTE_S
    period = Period(start_s=end_s - HOUR_S, end_s=end_s, step_s=MINUTE_S)
    traffic = call.hosted.project.get_model_serving().traffic_of(sealed, period)
    if traffic.since_s is None:
        return None
    counts = total(it.counts for it in traffic.steps)
    return LastHour(
        requests=[it.counts.requests for it in traffic.steps],
        errors=counts.errors,
        p95_ms=counts.percentile_ms(0.95),
    )


def detail(call: OperationCall, name: str) -> DeploymentDetail:
    """Return a deployment with all details; raises as ``read_deployment``."""
    sealed = read_deployment(call.hosted.storage, name)
    state = call.hosted.project.get_model_serving().state_of(sealed)
    return DeploymentDetail(
        **_fields(call, name, sealed, state),
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
