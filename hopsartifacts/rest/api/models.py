"""Models and their versions: lists with filters."""

from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import model_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.rest.api.page_cursor import Page, Paging, page_by, page_of
from hopsartifacts.rest.api.table import operations
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.rows import MODELS, VERSIONS, ModelRow, VersionRow
from hopsartifacts.rest.sorted_lists import SortOrder, Value

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


def _list(call: OperationCall) -> Page[ModelRow]:
    wanted: ModelFilter = call.query
    checks: list[Callable[[ModelRow], bool]] = []
    if part := wanted.name.lower():
        checks.append(lambda row: part in row.name.lower())
    if wanted.framework:
        checks.append(lambda row: row.framework == wanted.framework)
    if wanted.deployed is not None:
        checks.append(lambda row: bool(row.deployments) is wanted.deployed)
    rows = call.hosted.rows
    return page_by(lambda field: rows.models_by(field).where(checks), wanted, MODELS)


def _get(call: OperationCall) -> ModelRow:
    return call.hosted.rows.model(model_name(call.path["model"]))


def _all_versions(call: OperationCall) -> Page[VersionRow]:
    wanted: VersionFilter = call.query
    rows, checks = call.hosted.rows, _checks(wanted)
    if wanted.metric:
        return page_of(_fitting(rows.versions(), checks), wanted, _order(wanted))
    return page_by(
        lambda field: rows.versions_by(field).where(checks), wanted, VERSIONS
    )


def _versions(call: OperationCall) -> Page[VersionRow]:
    wanted: VersionFilter = call.query
    rows = call.hosted.rows.versions_of(model_name(call.path["model"]))
    return page_of(_fitting(rows, _checks(wanted)), wanted, _order(wanted))


def _fitting(
    rows: list[VersionRow], checks: Iterable[Callable[[VersionRow], bool]]
) -> list[VersionRow]:
    for check in checks:
        rows = [row for row in rows if check(row)]
    return rows


def _order(wanted: VersionFilter) -> SortOrder[VersionRow]:
    """Return how versions can be sorted: also by the metric, if one is named."""
    if not wanted.metric:
        return VERSIONS

    def metric(row: VersionRow) -> Value:
        return row.metrics.get(wanted.metric)

    return replace(VERSIONS, fields={**VERSIONS.fields, "metric": metric})


def _checks(wanted: VersionFilter) -> list[Callable[[VersionRow], bool]]:
    """Return the checks that were asked for, and no others: there may be many rows.

    Raises:
        InvalidInputError: a limit has no metric, or a value has no tag.
    """
    if not wanted.metric and (wanted.metric_min, wanted.metric_max) != (None, None):
        raise InvalidInputError("metric_min and metric_max: name the metric, too")
    if not wanted.tag and wanted.tag_value is not None:
        raise InvalidInputError("tag_value: name the tag, too")
    return list(_wanted_checks(wanted))


def _wanted_checks(wanted: VersionFilter) -> Iterable[Callable[[VersionRow], bool]]:
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
