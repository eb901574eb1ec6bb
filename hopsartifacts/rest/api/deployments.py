"""Deployments: list them with their states, read one, delete one."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.rules import ApiProtocol, ModelServer, ServingTool
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.names import deployment_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.registry.versions import model_state
from hopsartifacts.rest.api.conventions import Page, Paging, operations, page_of, shown
from hopsartifacts.rest.deployment_rows import SealedRow, sealed_row
from hopsartifacts.rest.deployment_states import RunStatus, has_error, run_status
from hopsartifacts.rest.facets import Facets, facets_of
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder
from hopsartifacts.serving.contract import DeploymentKey, RunState, Status
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
        model_aliases: the aliases that point at the model version now.
        created: when the deployment was first saved.
        updated: when the active version became active.
        instances: the requested number of predictors.
        state: the state of its processes.
        last_hour: its requests; null if it never ran on this machine.
    """

    name: str
    id: str
    version: int
    description: str | None
    model: str
    model_version: int
    model_aliases: list[str]
    artifact_version: int
    framework: Framework
    model_server: ModelServer
    serving_tool: ServingTool
    api_protocol: ApiProtocol
    created: datetime
    creator: str
    updated: datetime
    instances: int
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
        creator: the exact name of the creator.
        has_errors: only deployments whose newest run had an error; or only the others.
        facets: also count the deployments of each framework, serving tool, status and
            creator.
    """

    name: str = ""
    model: str = ""
    model_version: int | None = None
    framework: Framework | None = None
    serving_tool: ServingTool | None = None
    status: Status | None = None
    creator: str = ""
    has_errors: bool | None = None
    facets: bool = False


class Deletion(msgspec.Struct, frozen=True):
    """Query parameters of a deletion; *force* stops a running deployment first."""

    force: bool = False


class _States:
    """The states of deployments, each read once."""

    def __init__(self, call: OperationCall) -> None:
        self._serving = call.hosted.project.get_model_serving()
        self._known: dict[str, RunState] = {}

    def of(self, row: SealedRow) -> RunState:
        """Return the state of a deployment."""
        if row.name not in self._known:
            self._known[row.name] = self._serving.state_of(row)
        return self._known[row.name]

    def status(self, row: SealedRow) -> Status:
        """Return the status of a deployment."""
        return self.of(row).status


def _list(call: OperationCall) -> Page[DeploymentRow]:
    wanted: DeploymentFilter = call.query
    rows, states = call.hosted.rows, _States(call)
    found, damaged = rows.deployments(), rows.damaged_deployments()
    checks = dict(_checks(wanted, states))
    order: SortOrder[SealedRow] = SortOrder(
        identity=lambda it: (it.name,),
        fields={
            "name": lambda it: it.name,
            "model": lambda it: it.model,
            "framework": lambda it: it.framework,
            "creator": lambda it: it.creator,
            "created": lambda it: it.created.timestamp(),
            "updated": lambda it: it.updated.timestamp(),
            "version": lambda it: it.version,
            "artifact_version": lambda it: it.artifact_version,
            "status": states.status,
        },
        default="name",
    )
    fitting = [it for it in found if all(check(it) for check in checks.values())]
    page = page_of(fitting, wanted, order)
    shown_rows = [
        _row(call, it, states.of(it), rows.aliases_of(it.model)) for it in page.items
    ]
    facets: Facets = {}
    if wanted.facets:
        facets = facets_of(found, checks, {**_FACETS, "status": states.status})
    return replace(shown(page, shown_rows), damaged=[*damaged], facets=facets)


_FACETS: dict[str, Callable[[SealedRow], str]] = {
    "framework": lambda it: it.framework,
    "serving_tool": lambda it: it.serving_tool,
    "creator": lambda it: it.creator,
}


def _checks(
    wanted: DeploymentFilter, states: _States
) -> Iterator[tuple[str, Callable[[SealedRow], bool]]]:
    """Yield only the checks that were requested; those that need a state are last."""
    if part := wanted.name.lower():
        yield "name", lambda it: part in it.name.lower()
    if wanted.model:
        yield "model", lambda it: it.model == wanted.model
    if wanted.model_version is not None:
        yield "model_version", lambda it: it.model_version == wanted.model_version
    if wanted.framework:
        yield "framework", lambda it: it.framework == wanted.framework
    if wanted.serving_tool:
        yield "serving_tool", lambda it: it.serving_tool == wanted.serving_tool
    if wanted.creator:
        yield "creator", lambda it: it.creator == wanted.creator
    if wanted.status:
        yield "status", lambda it: states.status(it) == wanted.status
    if wanted.has_errors is not None:
        yield "has_errors", lambda it: has_error(states.of(it)) is wanted.has_errors


def _row(
    call: OperationCall, sealed: SealedRow, state: RunState, aliases: Mapping[str, int]
) -> DeploymentRow:
    return DeploymentRow(**_fields(call, sealed, state, aliases))


def _fields(
    call: OperationCall, sealed: SealedRow, state: RunState, aliases: Mapping[str, int]
) -> dict[str, Any]:
    shown = {*sealed.__struct_fields__} & {*DeploymentRow.__struct_fields__}
    fields = {it: getattr(sealed, it) for it in shown}
    pointing = [
        it for it, version in aliases.items() if version == sealed.model_version
    ]
    return {
        **fields,
        "model_aliases": pointing,
        "state": run_status(sealed.name, state),
        "last_hour": _last_hour(call, sealed.key),
    }


def _last_hour(call: OperationCall, key: DeploymentKey) -> LastHour | None:
    end_s = (int(time.time()) // MINUTE_S + 1) * MINUTE_S
    period = Period(start_s=end_s - HOUR_S, end_s=end_s, step_s=MINUTE_S)
    traffic = call.hosted.project.get_model_serving().traffic_of(key, period)
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
    row = sealed_row(sealed)
    aliases = model_state(call.hosted.storage, row.model).live_aliases
    return DeploymentDetail(
        **_fields(call, row, state, aliases),
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
