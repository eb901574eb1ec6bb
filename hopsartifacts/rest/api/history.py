"""The past and present of a deployment: versions, history, differences, logs."""

from datetime import datetime
from typing import Annotated

import msgspec

from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import Specification
from hopsartifacts.deployments.history import Activation, DeploymentDifference
from hopsartifacts.deployments.requests import GoldenRequest
from hopsartifacts.deployments.versions import pick_version, read_deployment
from hopsartifacts.errors import NotFoundError
from hopsartifacts.rest.api.artifacts import Explanation, explanation
from hopsartifacts.rest.api.conventions import (
    Page,
    Paging,
    number,
    operations,
    page_of,
    shown,
)
from hopsartifacts.rest.api.deployments import DEPLOYMENT, deployment, name_of
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder
from hopsartifacts.serving.contract import Component

MAX_LINES = 10_000


class DeploymentVersionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a deployment.

    Attributes:
        why: the reason that was given when it was saved; empty if none.
    """

    version: int
    created: datetime
    creator: str
    why: str
    is_active: bool
    specification: Specification


class LogTail(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a component's log."""

    component: Component
    lines: list[str]


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters: the component, and how many lines from the end of its log."""

    component: Component = "predictor"
    tail: Annotated[int, msgspec.Meta(ge=0, le=MAX_LINES)] = 100


def _versions(call: OperationCall) -> Page[DeploymentVersionDetail]:
    sealed = read_deployment(call.hosted.storage, name_of(call))
    order: SortOrder[int] = SortOrder(
        identity=lambda it: (it,), fields={"version": lambda it: it}, default="-version"
    )
    page = page_of(sealed.versions, call.query, order)
    return shown(page, [_snapshot(sealed, it) for it in page.items])


def _version(call: OperationCall) -> DeploymentVersionDetail:
    sealed = read_deployment(call.hosted.storage, name_of(call))
    return _snapshot(sealed, number(call, "version"))


def _snapshot(sealed: Deployed, wanted: int) -> DeploymentVersionDetail:
    version = pick_version(sealed, wanted)
    return DeploymentVersionDetail(
        version=wanted,
        created=datetime.fromisoformat(version.created),
        creator=version.creator,
        why=sealed.why(wanted),
        is_active=wanted == sealed.active,
        specification=version.specification,
    )


def _delete_version(call: OperationCall) -> None:
    deployment(call).delete_version(number(call, "version"))


def _history(call: OperationCall) -> Page[Activation]:
    listed = list(enumerate(reversed(deployment(call).get_history())))
    order: SortOrder[tuple[int, Activation]] = SortOrder(
        identity=lambda it: (it[0],), fields={"when": lambda it: it[0]}, default="-when"
    )
    page = page_of(listed, call.query, order)
    return shown(page, [it for _, it in page.items])


def _diff(call: OperationCall) -> DeploymentDifference:
    return deployment(call).diff(number(call, "version"), number(call, "other"))


def _explain(call: OperationCall) -> Explanation:
    """Look for the artifact version as if the files were given for the first time."""
    predictor = deployment(call).predictor
    predictor.artifact_version = None
    return explanation(predictor.explain())


def _logs(call: OperationCall) -> LogTail:
    tail: Tail = call.query
    text = deployment(call).read_logs(tail.component, tail.tail)
    return LogTail(component=tail.component, lines=text.splitlines())


def _golden(call: OperationCall) -> GoldenRequest:
    name = name_of(call)
    specification = read_deployment(call.hosted.storage, name).current.specification
    if specification.golden_request is None:
        raise NotFoundError(
            f"deployment {name!r} has no golden request: POST one to record its answer"
        )
    return specification.golden_request


_operation = operations("deployments", "deploy")

OPERATIONS = (
    _operation(
        "GET",
        f"{DEPLOYMENT}/versions",
        _versions,
        "Versions of a deployment",
        query=Paging,
        answer=Page[DeploymentVersionDetail],
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/versions/{{version}}",
        _version,
        "A version of a deployment",
        answer=DeploymentVersionDetail,
    ),
    _operation(
        "DELETE",
        f"{DEPLOYMENT}/versions/{{version}}",
        _delete_version,
        "Delete an old version",
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
        "The artifact version that has its files, and which versions were compared",
        answer=Explanation,
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/logs",
        _logs,
        "The end of a component's log",
        query=Tail,
        answer=LogTail,
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/golden-request",
        _golden,
        "The request whose answer is checked before a version serves",
        answer=GoldenRequest,
    ),
)
