"""Models and their versions: lists with filters."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import model_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.rest.api.page_cursor import Page, Paging, SortOrder, Value, page_of
from hopsartifacts.rest.api.table import operations
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.rows import ModelRow, VersionRow

Row = TypeVar("Row", ModelRow, VersionRow)

_VERSIONS = "/models/{model}/versions"


class VersionFilter(Paging, frozen=True, kw_only=True):
    """Query parameters of lists of model versions.

    Attributes:
        name: a part of the model's name; case is ignored.
        framework: the framework.
        creator: the exact name of the creator.
        alias: only versions that this alias points at.
        tag: only versions with this tag.
        tag_value: value of *tag*: text, or JSON.
        metric: only versions with this metric; ``sort=metric`` sorts by it.
        metric_min: least value of *metric*.
        metric_max: greatest value of *metric*.
        deployed: only versions that a deployment runs, or only those that none runs.
    """

    name: str = ""
    framework: Framework | None = None
    creator: str = ""
    alias: str = ""
    tag: str = ""
    tag_value: str | None = None
    metric: str = ""
    metric_min: float | None = None
    metric_max: float | None = None
    deployed: bool | None = None


class ModelFilter(Paging, frozen=True, kw_only=True):
    """Query parameters of the list of models.

    Attributes:
        name: a part of the name; case is ignored.
        framework: framework of the newest version.
        deployed: only models that a deployment runs, or only those that none runs.
    """

    name: str = ""
    framework: Framework | None = None
    deployed: bool | None = None


_MODELS: SortOrder[ModelRow] = SortOrder(
    identity=lambda row: (row.name,),
    fields={
        "name": lambda row: row.name,
        "versions": lambda row: row.versions,
        "framework": lambda row: row.framework,
        "created": lambda row: row.created.timestamp(),
        "updated": lambda row: row.updated.timestamp(),
        "size_bytes": lambda row: row.size_bytes,
    },
    default="name",
)


def _list(call: OperationCall) -> Page[ModelRow]:
    wanted: ModelFilter = call.query
    checks: list[Callable[[ModelRow], bool]] = []
    if part := wanted.name.lower():
        checks.append(lambda row: part in row.name.lower())
    if wanted.framework:
        checks.append(lambda row: row.framework == wanted.framework)
    if wanted.deployed is not None:
        checks.append(lambda row: bool(row.deployments) is wanted.deployed)
    return page_of(_fitting(call.hosted.rows.models(), checks), wanted, _MODELS)


def _get(call: OperationCall) -> ModelRow:
    return call.hosted.rows.model(model_name(call.path["model"]))


def _all_versions(call: OperationCall) -> Page[VersionRow]:
    return _versions_page(call.query, call.hosted.rows.versions())


def _versions(call: OperationCall) -> Page[VersionRow]:
    name = model_name(call.path["model"])
    return _versions_page(call.query, call.hosted.rows.versions_of(name))


def _versions_page(wanted: VersionFilter, rows: list[VersionRow]) -> Page[VersionRow]:
    if not wanted.metric and (wanted.metric_min, wanted.metric_max) != (None, None):
        raise InvalidInputError("metric_min and metric_max: name the metric, too")
    if not wanted.tag and wanted.tag_value is not None:
        raise InvalidInputError("tag_value: name the tag, too")

    def metric(row: VersionRow) -> Value:
        return row.metrics.get(wanted.metric)

    order: SortOrder[VersionRow] = SortOrder(
        identity=lambda row: (row.model, row.version),
        fields={
            "model": lambda row: row.model,
            "version": lambda row: row.version,
            "framework": lambda row: row.framework,
            "creator": lambda row: row.creator,
            "created": lambda row: row.created.timestamp(),
            "files": lambda row: row.files,
            "size_bytes": lambda row: row.size_bytes,
            **({"metric": metric} if wanted.metric else {}),
        },
        default="-created",
    )
    return page_of(_fitting(rows, _checks(wanted)), wanted, order)


def _fitting(rows: list[Row], checks: Iterable[Callable[[Row], bool]]) -> list[Row]:
    for check in checks:
        rows = [row for row in rows if check(row)]
    return rows


def _checks(wanted: VersionFilter) -> Iterable[Callable[[VersionRow], bool]]:
    """Yield only the checks that were asked for, as there may be very many rows."""
    if part := wanted.name.lower():
        yield lambda row: part in row.model.lower()
    if wanted.framework:
        yield lambda row: row.framework == wanted.framework
    if wanted.creator:
        yield lambda row: row.creator == wanted.creator
    if wanted.deployed is not None:
        yield lambda row: bool(row.deployments) is wanted.deployed
    if wanted.alias:
        yield lambda row: wanted.alias in row.aliases
    if wanted.tag:
        yield lambda row: _has_tag(row, wanted)
    if wanted.metric:
        yield lambda row: _has_metric(row, wanted)


def _has_tag(row: VersionRow, wanted: VersionFilter) -> bool:
    if wanted.tag not in row.tags:
        return False
    value = row.tags[wanted.tag]
    if wanted.tag_value is None or value == wanted.tag_value:
        return True
    try:
        return bool(msgspec.json.decode(wanted.tag_value) == value)
    except (msgspec.MsgspecError, RecursionError):
        return False


def _has_metric(row: VersionRow, wanted: VersionFilter) -> bool:
    value = row.metrics.get(wanted.metric)
    if wanted.metric_min is None and wanted.metric_max is None:
        return wanted.metric in row.metrics
    return (
        value is not None
        and (wanted.metric_min is None or value >= wanted.metric_min)
        and (wanted.metric_max is None or value <= wanted.metric_max)
    )


_operation = operations("models")

OPERATIONS = (
    _operation(
        "GET",
        "/models",
        _list,
        "Models: a page, filtered and sorted",
        query=ModelFilter,
        answer=Page[ModelRow],
    ),
    _operation("GET", "/models/{model}", _get, "A model", answer=ModelRow),
    _operation(
        "GET",
        "/model-versions",
        _all_versions,
        "Versions of all models: a page, filtered and sorted",
        query=VersionFilter,
        answer=Page[VersionRow],
    ),
    _operation(
        "GET",
        _VERSIONS,
        _versions,
        "Versions of one model: a page, filtered and sorted",
        query=VersionFilter,
        answer=Page[VersionRow],
    ),
)
