"""The logs of runs that are kept: a list, any part of one, and its bytes.

They are kept after the run, and even after the deployment, has gone.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from starlette.responses import Response

from hopsartifacts.deployments.versions import find_deployment, read_deployment
from hopsartifacts.rest.api.conventions import (
    Page,
    Paging,
    operations,
    page_of,
    shown,
)
from hopsartifacts.rest.api.deployments import DEPLOYMENT, name_of
from hopsartifacts.rest.api.history import MAX_LINES
from hopsartifacts.rest.files.content import Content, answer
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder
from hopsartifacts.serving.contract import (
    COMPONENTS,
    Component,
    LogArchive,
    LogLines,
    StoredLog,
)

_ARCHIVES = f"{DEPLOYMENT}/logs/archives"
_ARCHIVE = f"{_ARCHIVES}/{{archive}}"


class ComponentLog(msgspec.Struct, frozen=True):
    """The log of one component."""

    component: Component
    size_bytes: int


class LogArchiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """The logs of one run of a deployment.

    Attributes:
        id: the name in paths.
        deployment_id: the deployment; earlier ones may have had the same name.
        is_earlier: whether it is of another deployment than the one that has the name
            now.
        started: when the run began.
        is_written: whether the run may still write to it.
        logs: the log of each component that has one of its own.
    """

    id: str
    deployment_id: str
    is_earlier: bool
    started: datetime
    is_written: bool
    logs: list[ComponentLog]


class ArchiveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters: the component whose log to read."""

    component: Component = "predictor"


class LinesQuery(ArchiveQuery, frozen=True, kw_only=True):
    """Query parameters: which part of a log to read; by default its end.

    Attributes:
        before: the lines up to this position: of a line, or ``earlier`` of an answer.
        after: the lines from this position on: of a line, or ``later`` of an answer.
        limit: the most lines.
    """

    before: str = ""
    after: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LINES)] = 1000


def _archives(call: OperationCall) -> Page[LogArchiveRow]:
    name = name_of(call)
    found = call.hosted.project.get_model_serving().log_archives(name)
    if not found:
        # Whether there is such a deployment matters only if there are no logs.
        read_deployment(call.hosted.storage, name)
    sealed = find_deployment(call.hosted.storage, name)
    order: SortOrder[LogArchive] = SortOrder(
        identity=lambda it: (it.id,),
        fields={"started": lambda it: it.started.isoformat()},
        default="-started",
    )
    page = page_of(found, call.query, order)
    own_id = sealed.id if sealed else None
    return shown(page, [_row(it, own_id) for it in page.items])


def _row(archive: LogArchive, own_id: str | None) -> LogArchiveRow:
    return LogArchiveRow(
        id=archive.id,
        deployment_id=archive.deployment_id,
        is_earlier=archive.deployment_id != own_id,
        started=archive.started,
        is_written=archive.is_written,
        logs=[
            ComponentLog(it, archive.components[it])
            for it in COMPONENTS
            if it in archive.components
        ],
    )


def _lines(call: OperationCall) -> LogLines:
    wanted: LinesQuery = call.query
    return _log(call).lines(wanted.limit, before=wanted.before, after=wanted.after)


def _content(call: OperationCall) -> Response:
    log = _log(call)
    content = Content(size_bytes=log.size_bytes, chunks=log.chunks)
    return answer(content, call.request)


def _log(call: OperationCall) -> StoredLog:
    serving = call.hosted.project.get_model_serving()
    return serving.stored_log(name_of(call), call.path["archive"], call.query.component)


_operation = operations("deployments", "deploy")

OPERATIONS = (
    _operation(
        "GET",
        _ARCHIVES,
        _archives,
        "The logs of all runs that are kept, also of deployments that are deleted",
        query=Paging,
        answer=Page[LogArchiveRow],
    ),
    _operation(
        "GET",
        f"{_ARCHIVE}/lines",
        _lines,
        "Lines of the log of one run, from its end or from any position",
        query=LinesQuery,
        answer=LogLines,
    ),
    _operation(
        "GET",
        f"{_ARCHIVE}/content",
        _content,
        "The log of one run as a file",
        query=ArchiveQuery,
        gives="application/octet-stream",
        minds=("Range",),
    ),
)
