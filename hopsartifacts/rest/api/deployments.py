"""Deployments: lists with their states, details, versions, logs, and moving on."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.difference import DeploymentDifference
from hopsartifacts.deployments.documents import DeploymentState, Specification
from hopsartifacts.deployments.golden import GoldenRequest
from hopsartifacts.deployments.history import Activation
from hopsartifacts.deployments.rules import ApiProtocol, ModelServer, ServingTool
from hopsartifacts.deployments.versions import (
    pick_version,
    read_deployment,
)
from hopsartifacts.errors import NotFoundError
from hopsartifacts.names import deployment_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.rest.api.artifacts import Explanation, explanation
from hopsartifacts.rest.api.paging import Order, Page, Paging, page_of, shown
from hopsartifacts.rest.api.table import Operations, number
from hopsartifacts.rest.operations import Call
from hopsartifacts.rest.states import RunStatus, run_status
from hopsartifacts.serving.contract import Component, RunState, Status

DEPLOYMENT = "/deployments/{name}"
MAX_LINES = 10_000


class DeploymentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment in a list.

    Attributes:
        id: unique for ever, also when it is deleted.
        version: the active one.
        created: when it was first saved.
        updated: when the active version was.
        state: what runs now.
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
    """All there is to a deployment.

    Attributes:
        versions: the numbers of those that are there.
        specification: of the active version, as it is sealed.
    """

    versions: list[int]
    specification: Specification


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a deployment."""

    version: int
    created: datetime
    creator: str
    is_active: bool
    specification: Specification


class Logs(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a component's log."""

    component: Component
    lines: list[str]


class DeploymentFilter(Paging, frozen=True, kw_only=True):
    """Which deployments, and a page of them.

    Attributes:
        name: part of the name, in any case.
        model: exactly this model.
        model_version: and, this version of it.
        framework: exactly this.
        serving_tool: exactly this.
        status: exactly this, now.
    """

    name: str = ""
    model: str = ""
    model_version: int | None = None
    framework: Framework | None = None
    serving_tool: ServingTool | None = None
    status: Status | None = None


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """Which log, and how much of its end."""

    component: Component = "predictor"
    tail: Annotated[int, msgspec.Meta(ge=0, le=MAX_LINES)] = 100


class Deletion(msgspec.Struct, frozen=True):
    """Whether what runs is stopped first."""

    force: bool = False


class _Known(msgspec.Struct, frozen=True):
    name: str
    sealed: DeploymentState


def _list(call: Call) -> Page[DeploymentRow]:
    wanted: DeploymentFilter = call.query
    serving = call.hosted.project.get_model_serving()
    known = [_Known(*it) for it in serving.list_deployments().items()]
    known = [it for it in known if _fits(it.sealed.current.specification, wanted)]
    states: dict[str, RunState] = {}

    def state(item: _Known) -> RunState:
        if item.name not in states:
            states[item.name] = serving.run_state(item.name)
        return states[item.name]

    if wanted.status:
        known = [it for it in known if state(it).status == wanted.status]
    order: Order[_Known] = Order(
        identity=lambda it: (it.name,),
        fields={
            "name": lambda it: it.name,
            "model": lambda it: it.sealed.current.specification.model.name,
            "framework": lambda it: it.sealed.current.specification.model.framework,
            "created": lambda it: it.sealed.created,
            "updated": lambda it: it.sealed.current.created,
            "version": lambda it: it.sealed.active,
            "status": lambda it: state(it).status,
        },
        default="name",
    )
    page = page_of(known, wanted, order)
    return shown(page, [_row(it.name, it.sealed, state(it)) for it in page.items])


def _fits(specification: Specification, wanted: DeploymentFilter) -> bool:
    model = specification.model
    return (
        wanted.name.lower() in specification.name.lower()
        and wanted.model in {"", model.name}
        and wanted.model_version in {None, model.version}
        and wanted.framework in {None, model.framework}
        and wanted.serving_tool in {None, specification.serving_tool}
    )


def _row(name: str, sealed: DeploymentState, state: RunState) -> DeploymentRow:
    return DeploymentRow(**_fields(name, sealed, state))


def _fields(name: str, sealed: DeploymentState, state: RunState) -> dict[str, Any]:
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


def detail(call: Call, name: str) -> DeploymentDetail:
    """Return all there is to a deployment; raises as ``read_deployment``."""
    sealed = read_deployment(call.hosted.storage, name)
    state = call.hosted.project.get_model_serving().run_state(name)
    return DeploymentDetail(
        **_fields(name, sealed, state),
        versions=sorted(sealed.versions),
        specification=sealed.current.specification,
    )


def _get(call: Call) -> DeploymentDetail:
    return detail(call, _name(call))


def _state(call: Call) -> RunStatus:
    name = _name(call)
    read_deployment(call.hosted.storage, name)
    state = call.hosted.project.get_model_serving().run_state(name)
    return run_status(name, state)


def _delete(call: Call) -> None:
    deployment(call).delete(force=call.query.force)


def _versions(call: Call) -> Page[Snapshot]:
    sealed = read_deployment(call.hosted.storage, _name(call))
    order: Order[int] = Order(
        identity=lambda it: (it,), fields={"version": lambda it: it}, default="-version"
    )
    page = page_of(sealed.versions, call.query, order)
    return shown(page, [_snapshot(call, sealed, it) for it in page.items])


def _version(call: Call) -> Snapshot:
    sealed = read_deployment(call.hosted.storage, _name(call))
    return _snapshot(call, sealed, number(call, "version"))


def _snapshot(call: Call, sealed: DeploymentState, wanted: int) -> Snapshot:
    version = pick_version(sealed, _name(call), wanted)
    return Snapshot(
        version=wanted,
        created=datetime.fromisoformat(version.created),
        creator=version.creator,
        is_active=wanted == sealed.active,
        specification=version.specification,
    )


def _delete_version(call: Call) -> None:
    deployment(call).delete_version(number(call, "version"))


def _history(call: Call) -> Page[Activation]:
    listed = list(enumerate(reversed(deployment(call).get_history())))
    order: Order[tuple[int, Activation]] = Order(
        identity=lambda it: (it[0],), fields={"when": lambda it: it[0]}, default="-when"
    )
    page = page_of(listed, call.query, order)
    return shown(page, [it for _, it in page.items])


def _diff(call: Call) -> DeploymentDifference:
    return deployment(call).diff(number(call, "version"), number(call, "other"))


def _explain(call: Call) -> Explanation:
    """Compare the seals anew, as if the files were given for the first time."""
    predictor = deployment(call).predictor
    predictor.artifact_version = None
    return explanation(predictor.explain())


def _logs(call: Call) -> Logs:
    tail: Tail = call.query
    text = deployment(call).read_logs(tail.component, tail.tail)
    return Logs(component=tail.component, lines=text.splitlines())


def _golden(call: Call) -> GoldenRequest:
    name = _name(call)
    specification = read_deployment(call.hosted.storage, name).current.specification
    if specification.golden_request is None:
        raise NotFoundError(
            f"deployment {name!r} has no golden request: POST one to record its answer"
        )
    return specification.golden_request


def deployment(call: Call) -> Deployment:
    """Return the deployment that the path names; raises as ``get_deployment``."""
    found: Deployment = call.hosted.project.get_model_serving().get_deployment(
        _name(call)
    )
    return found


def _name(call: Call) -> str:
    return deployment_name(call.path["name"])


_operation = Operations("deployments", "deploy")

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
    _operation("GET", f"{DEPLOYMENT}/state", _state, "What runs now", answer=RunStatus),
    _operation(
        "GET",
        f"{DEPLOYMENT}/versions",
        _versions,
        "Versions of a deployment",
        query=Paging,
        answer=Page[Snapshot],
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/versions/{{version}}",
        _version,
        "A version of a deployment",
        answer=Snapshot,
    ),
    _operation(
        "DELETE",
        f"{DEPLOYMENT}/versions/{{version}}",
        _delete_version,
        "Give an old version up for good",
        status=204,
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/versions/{{version}}/diff/{{other}}",
        _diff,
        "Which settings and files of the other version differ",
        answer=DeploymentDifference,
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/history",
        _history,
        "Which version was made active when, by whom and why",
        query=Paging,
        answer=Page[Activation],
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/explanation",
        _explain,
        "Which artifact version its files are found in, and which seals were compared",
        answer=Explanation,
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/logs",
        _logs,
        "The end of a component's log",
        query=Tail,
        answer=Logs,
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/golden-request",
        _golden,
        "The request whose answer is checked before a version serves",
        answer=GoldenRequest,
    ),
)
