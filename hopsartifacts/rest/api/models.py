"""Models and their versions: lists, details, what may be edited, files."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import model_name
from hopsartifacts.registry.documents import Framework
from hopsartifacts.rest.api.paging import Order, Page, Paging, Value, page_of
from hopsartifacts.rest.api.table import operations
from hopsartifacts.rest.operations import Call
from hopsartifacts.rest.rows import VersionRow

_VERSIONS = "/models/{model}/versions"


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model in a list.

    Attributes:
        versions: how many there are.
        latest: the newest; framework, description and metrics are its.
        created: when the oldest that is there was saved.
        updated: when the newest was.
        size_bytes: of all versions' files.
        aliases: which version each points at.
        deployments: names of those that run any of the versions.
    """

    name: str
    versions: int
    latest: int
    framework: Framework
    description: str
    created: datetime
    updated: datetime
    size_bytes: int
    metrics: dict[str, float | None]
    aliases: dict[str, int]
    deployments: list[str]


class VersionFilter(Paging, frozen=True, kw_only=True):
    """Which versions, and a page of them.

    Attributes:
        name: part of the model's name, in any case.
        framework: exactly this.
        creator: exactly this.
        alias: only what this points at.
        tag: only what has it.
        tag_value: and, with this value: a text, or JSON.
        metric: only what has it; ``sort=metric`` sorts by it.
        metric_min: and, not less than this.
        metric_max: and, not more than this.
        deployed: only what a deployment runs, or only what none does.
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
    """Which models, and a page of them.

    Attributes:
        name: part of the name, in any case.
        framework: that of the newest version.
        deployed: only what a deployment runs, or only what none does.
    """

    name: str = ""
    framework: Framework | None = None
    deployed: bool | None = None


_MODELS: Order[ModelRow] = Order(
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


def _list(call: Call) -> Page[ModelRow]:
    wanted: ModelFilter = call.query
    rows = [
        row
        for row in _models(call.hosted.rows.all())
        if wanted.name.lower() in row.name.lower()
        and wanted.framework in {None, row.framework}
        and wanted.deployed in {None, bool(row.deployments)}
    ]
    return page_of(rows, wanted, _MODELS)


def _get(call: Call) -> ModelRow:
    return _model(call.hosted.rows.of(model_name(call.path["model"])))


def _models(rows: Iterable[VersionRow]) -> list[ModelRow]:
    found: dict[str, list[VersionRow]] = {}
    for row in rows:
        found.setdefault(row.model, []).append(row)
    return [_model(versions) for versions in found.values()]


def _model(versions: list[VersionRow]) -> ModelRow:
    latest = max(versions, key=lambda row: row.version)
    return ModelRow(
        name=latest.model,
        versions=len(versions),
        latest=latest.version,
        framework=latest.framework,
        description=latest.description,
        created=min(row.created for row in versions),
        updated=latest.created,
        size_bytes=sum(row.size_bytes for row in versions),
        metrics=latest.metrics,
        aliases={alias: row.version for row in versions for alias in row.aliases},
        deployments=sorted({name for row in versions for name in row.deployments}),
    )


def _all_versions(call: Call) -> Page[VersionRow]:
    return _versions_page(call.query, call.hosted.rows.all())


def _versions(call: Call) -> Page[VersionRow]:
    return _versions_page(
        call.query, call.hosted.rows.of(model_name(call.path["model"]))
    )


def _versions_page(
    wanted: VersionFilter, rows: Iterable[VersionRow]
) -> Page[VersionRow]:
    if not wanted.metric and (wanted.metric_min, wanted.metric_max) != (None, None):
        raise InvalidInputError("metric_min and metric_max: say of which metric, too")
    if not wanted.tag and wanted.tag_value is not None:
        raise InvalidInputError("tag_value: say of which tag, too")

    def metric(row: VersionRow) -> Value:
        return row.metrics.get(wanted.metric)

    order: Order[VersionRow] = Order(
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
    return page_of([row for row in rows if _fits(row, wanted)], wanted, order)


def _fits(row: VersionRow, wanted: VersionFilter) -> bool:
    return (
        wanted.name.lower() in row.model.lower()
        and wanted.framework in {None, row.framework}
        and wanted.creator in {"", row.creator}
        and wanted.deployed in {None, bool(row.deployments)}
        and (not wanted.alias or wanted.alias in row.aliases)
        and _has_tag(row, wanted)
        and _has_metric(row, wanted)
    )


def _has_tag(row: VersionRow, wanted: VersionFilter) -> bool:
    if not wanted.tag:
        return True
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
    if not wanted.metric:
        return True
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
