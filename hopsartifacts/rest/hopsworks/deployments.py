"""The serving API of Hopsworks: deployments, and predictions through this server."""

from os import PathLike
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace
from starlette.responses import Response

from hopsartifacts import layout
from hopsartifacts.deployments.artifact_files import InlineFile, ProjectPath
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.deployment import Deployment
from hopsartifacts.deployments.handle import ModelServing
from hopsartifacts.deployments.history import snapshots_of
from hopsartifacts.deployments.state import PredictorState
from hopsartifacts.deployments.versions import find_deployment, read_sound
from hopsartifacts.errors import (
    AlreadyExistsError,
    InvalidDeploymentError,
    InvalidNameError,
)
from hopsartifacts.names import default_deployment_name
from hopsartifacts.rest.errors import SERVING_EXISTS, RefusedError
from hopsartifacts.rest.hopsworks.deployment_changes import change, check_new, created
from hopsartifacts.rest.hopsworks.deployment_documents import (
    DeploymentDocument,
    LogDocument,
    VersionPage,
    deployment_document,
    version_document,
)
from hopsartifacts.rest.hopsworks.deployment_requests import DeploymentRequest
from hopsartifacts.rest.hopsworks.ids import (
    deployed_of,
    deployment_named,
    deployment_of,
    runs_model,
)
from hopsartifacts.rest.hopsworks.installation import INFERENCE, PROJECT, check_project
from hopsartifacts.rest.hopsworks.tags import sent_tags, tag_operations
from hopsartifacts.rest.operations import Operation, OperationCall, Operations
from hopsartifacts.rest.predictions import predicted
from hopsartifacts.serving.contract import Component
from hopsartifacts.store.damage import log_damage

_SERVINGS = f"{PROJECT}/serving"
_SERVING = f"{_SERVINGS}/{{id}}"
_SCHEMA_NOT_FOUND = 240037
_AWAIT_STOPPED_S = 30
_MANY = 1_000_000
_MOST_LINES = 10_000
_LINES = 1000
"""Default length of a log, also for clients that ask for lines since some time."""


class _Listing(msgspec.Struct, frozen=True):
    name: str | None = None
    model: str | None = None
    status: str | None = None


class _Action(msgspec.Struct, frozen=True):
    action: Literal["START", "STOP"]


class _LogQuery(msgspec.Struct, frozen=True):
    component: Component = "predictor"
    tail: Annotated[int, msgspec.Meta(ge=0)] | None = None
    pod: str | None = None


class _Page(msgspec.Struct, frozen=True):
    offset: Annotated[int, msgspec.Meta(ge=0, le=_MANY)] = 0
    limit: Annotated[int, msgspec.Meta(ge=0, le=_MANY)] = 100


class _Rollback(msgspec.Struct, frozen=True):
    version: int


def _put(call: OperationCall) -> DeploymentDocument:
    """Create or change a deployment; each change makes a new version."""
    check_project(call)
    new: DeploymentRequest = call.body
    check_new(new)
    wanted_tags = sent_tags(new.tags)
    deployment = _create(call, new) if new.id is None else _change(call, new)
    for name, value in wanted_tags.items():
        deployment.add_tag(name, value)
    return _document(call, deployment_named(call, deployment.name))


def _create(call: OperationCall, new: DeploymentRequest) -> Deployment:
    project = call.hosted.project
    registry, serving = project.get_model_registry(), project.get_model_serving()
    model = registry.get_model(new.model_name or "", new.model_version)
    if new.name == model.name:
        # Releases before 4.2 send this if no name is given.
        new = replace(new, name=default_deployment_name(model.name))
    deployment = created(serving, model, new, _finder(call))
    name = deployment.name
    there = find_deployment(call.hosted.storage, name)
    if there and there.current.specification.model.name == model.name:
        # It is deployed again: add a version with the new settings. If this were
        # refused, clients would use the old version, and lose the new settings.
        known = serving.get_deployment(name)
        known.predictor = deployment.predictor
        deployment = known
    try:
        deployment.save(0, adopt=False)
    except AlreadyExistsError as error:
        if find_deployment(call.hosted.storage, name) is None:
            # The name differs only in case: clients would not find it under this name.
            raise InvalidDeploymentError(str(error)) from error
        raise RefusedError(str(error), 400, SERVING_EXISTS) from error
    return deployment


def _change(call: OperationCall, new: DeploymentRequest) -> Deployment:
    deployment = deployment_of(call, str(new.id))
    change(_serving(call), deployment, new, _finder(call))
    deployment.save(0)
    return deployment


def _finder(call: OperationCall) -> Any:
    """Return a function that finds the file at a client's path, never on local disk.

    Clients upload files that are to be deployed to the deployment's folder. As that
    folder is managed, the uploads are in the server's own folder.
    """
    project, uploads = call.hosted.project.name, call.hosted.uploads

    def find(path: str) -> PathLike[str]:
        try:
            inside = layout.relative(project, path)
        except InvalidNameError:
            return ProjectPath(path)
        if uploads is not None and inside.startswith(f"{layout.DEPLOYMENTS}/"):
            local = uploads.local_file(inside, call.caller.id)
            if local is not None:
                return InlineFile(inside.rpartition("/")[2], local.read_bytes())
        return ProjectPath(path)

    return find


def _list(call: OperationCall) -> DeploymentDocument | list[DeploymentDocument]:
    check_project(call)
    query: _Listing = call.query
    if query.name is not None:
        return _document(call, deployment_named(call, query.name))
    sound, damaged = read_sound(call.hosted.storage, _with_specification)
    log_damage("deployment", damaged)
    found = [
        _document(call, state)
        for state in sound.values()
        if query.model is None or runs_model(state, query.model)
    ]
    if query.status is None:
        return found
    return [it for it in found if it.status.lower() == query.status.lower()]


def _with_specification(state: Deployed) -> Deployed:
    """Read the specification of the active version now, as it may be damaged."""
    state.version(state.active)
    return state


def _get(call: OperationCall) -> DeploymentDocument:
    return _document(call, deployed_of(call))


def _act(call: OperationCall) -> None:
    deployment = deployment_of(call)
    if call.query.action == "STOP":
        deployment.stop(_AWAIT_STOPPED_S, progress=False)
        return
    # A deployment in storage that is not shared cannot outlive this process.
    detach = call.hosted.storage.capabilities.is_shared
    deployment.start(0, detach=detach, progress=False)


def _delete(call: OperationCall) -> None:
    """Stop and delete a deployment; clients have checked before whether it runs."""
    deployment_of(call).delete(force=True)


def _logs(call: OperationCall) -> list[LogDocument]:
    deployment, query = deployment_of(call), call.query
    instance = f"{deployment.name}-{query.component}"
    if query.pod not in {None, instance}:
        return []
    if query.component == "transformer" and deployment.transformer is None:
        return []
    tail = _LINES if query.tail is None else min(query.tail, _MOST_LINES)
    content = deployment.read_logs(query.component, tail)
    return [LogDocument(instance, content)] if content else []


def _versions(call: OperationCall) -> VersionPage:
    page: _Page = call.query
    state = deployed_of(call)
    found = snapshots_of(state)
    shown = found[page.offset : page.offset + page.limit]
    return VersionPage(len(found), [version_document(it, call.hosted) for it in shown])


def _rollback(call: OperationCall) -> DeploymentDocument:
    deployment = deployment_of(call)
    deployment.rollback(call.body.version, 0)
    return _document(call, deployment_named(call, deployment.name))


def _schema(call: OperationCall) -> None:
    name = deployed_of(call).current.specification.name
    raise RefusedError(
        f"deployment {name!r} has no schema: this server stores none",
        404,
        _SCHEMA_NOT_FOUND,
    )


def _serving(call: OperationCall) -> ModelServing:
    return call.hosted.project.get_model_serving()


def _document(call: OperationCall, state: Deployed) -> DeploymentDocument:
    name = state.current.specification.name
    run = PredictorState(name, _serving(call).state_of(state))
    return deployment_document(state, run, call.hosted)


async def _predict(call: OperationCall) -> Response:
    check_project(call)
    return await predicted(call)


_operation = Operations("serving", "deploy", refusals=(409, 422))

OPERATIONS = (
    _operation(
        "PUT",
        _SERVINGS,
        _put,
        "Create a deployment, or change one",
        body=DeploymentRequest,
        answer=DeploymentDocument,
    ),
    _operation(
        "GET",
        _SERVINGS,
        _list,
        "The deployment with a name; or all, or those of one model or status",
        query=_Listing,
        answer=DeploymentDocument | list[DeploymentDocument],
    ),
    _operation("GET", _SERVING, _get, "A deployment", answer=DeploymentDocument),
    _operation("POST", _SERVING, _act, "Start or stop", query=_Action),
    _operation("DELETE", _SERVING, _delete, "Stop and delete", status=204),
    _operation(
        "GET",
        f"{_SERVING}/logs",
        _logs,
        "The end of a component's log",
        query=_LogQuery,
        answer=list[LogDocument],
    ),
    _operation(
        "GET",
        f"{_SERVING}/versions",
        _versions,
        "Versions, the newest first",
        query=_Page,
        answer=VersionPage,
    ),
    _operation(
        "POST",
        f"{_SERVING}/rollback",
        _rollback,
        "Make another version the active one",
        body=_Rollback,
        answer=DeploymentDocument,
    ),
    _operation("GET", f"{_SERVING}/schema", _schema, "Schema: always 404"),
    *tag_operations(
        Operations("serving", "deploy", refusals=()),
        _SERVING,
        "a deployment",
        deployment_of,
    ),
    *(
        Operation(
            method="POST",
            path=f"{INFERENCE}/{path}",
            handle=_predict,
            summary="Get predictions from a running deployment",
            body=dict[str, Any],
            answer=Any,
            takes="bytes",
            errors=(404, 413, 422, 502, 504),
            tag="inference",
        )
        # Clients send requests to the first; the second is the path that they print.
        for path in ("models/{name}:predict", "serving/{name}")
    ),
)
