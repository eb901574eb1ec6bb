"""Models and their versions: lists with filters; one version, described or deleted."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.documents import PinnedModel
from hopsartifacts.deployments.versions import read_sound
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import model_name
from hopsartifacts.registry.difference import ModelDifference
from hopsartifacts.registry.documents import FileRecord, Framework
from hopsartifacts.registry.given import checked_description
from hopsartifacts.registry.history import ModelChange, change_numbers, changes
from hopsartifacts.registry.versions import (
    describe,
    live_version,
    model_log,
    model_state,
    pick_live,
    sealed_manifest,
)
from hopsartifacts.rest.api.conventions import (
    Page,
    Paging,
    check_match,
    number,
    operations,
    page_by,
    page_of,
    shown,
    tagged,
)
from hopsartifacts.rest.facets import Checks, Facets, facets_of
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.rows import MODELS, VERSIONS, ModelRow, VersionRow
from hopsartifacts.rest.sorted_lists import SortedList, SortOrder, Value
from hopsartifacts.storage.contract import Storage

_VERSIONS = "/models/{model}/versions"
VERSION = "/models/{model}/versions/{version}"


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
        facets: also count the models of each framework.
    """

    name: str = ""
    framework: Framework | None = None
    deployed: bool | None = None
    facets: bool = False


_MODEL_FACETS: dict[str, Callable[[ModelRow], str]] = {
    "framework": lambda row: row.framework
}


def _list(call: OperationCall) -> Page[ModelRow]:
    wanted: ModelFilter = call.query
    checks: Checks[ModelRow] = {}
    if part := wanted.name.lower():
        checks["name"] = lambda row: part in row.name.lower()
    if wanted.framework:
        checks["framework"] = lambda row: row.framework == wanted.framework
    if wanted.deployed is not None:
        checks["deployed"] = lambda row: bool(row.deployments) is wanted.deployed
    rows = call.hosted.rows
    page = page_by(
        lambda field: rows.models_by(field).where(checks.values()), wanted, MODELS
    )
    facets: Facets = {}
    if wanted.facets:
        facets = facets_of(rows.models(), checks, _MODEL_FACETS)
    return replace(page, damaged=rows.damaged(), facets=facets)


def _get(call: OperationCall) -> ModelRow:
    return call.hosted.rows.model(model_name(call.path["model"]))


def _history(call: OperationCall) -> Page[ModelChange]:
    name = model_name(call.path["model"])
    log = model_log(call.hosted.storage, name)
    order: SortOrder[int] = SortOrder(
        identity=lambda it: (it,), fields={"entry": lambda it: it}, default="-entry"
    )
    page = page_of(change_numbers(log, name), call.query, order)
    return shown(page, list(changes(log, page.items)))


def _all_versions(call: OperationCall) -> Page[VersionRow]:
    wanted: VersionFilter = call.query
    rows, checks = call.hosted.rows, _checks(wanted)
    if wanted.metric:
        page = page_of(_fitting(rows.versions(), checks), wanted, _order(wanted))
    else:
        page = page_by(
            lambda field: rows.versions_by(field).where(checks), wanted, VERSIONS
        )
    return replace(page, damaged=rows.damaged())


def _versions(call: OperationCall) -> Page[VersionRow]:
    wanted: VersionFilter = call.query
    rows = call.hosted.rows.versions_of(model_name(call.path["model"]))
    rows, order = _fitting(rows, _checks(wanted)), _order(wanted)

    def sorted_by(field: str) -> SortedList[VersionRow]:
        is_sorted = field == "version"
        make = SortedList.presorted if is_sorted else SortedList.of
        return make(rows, order, field)

    return page_by(sorted_by, wanted, order)


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
    """Return only the checks that were requested, as there may be many rows.

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


class MetricsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters of the metrics of a model.

    Attributes:
        metric: only this metric; by default those that most versions have.
        limit: how many versions, the newest.
    """

    metric: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1_000


class MetricValues(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of the versions of a model, as columns of one table.

    Attributes:
        versions: numbers of the versions, in order.
        metrics: a value for each of these versions, by metric; null: it has none, or
            one too large for JSON readers.
        others: further metrics that these versions have; ask for each by its name.
        aliases: the version that each alias points at.
        total: number of versions of the model.
    """

    versions: list[int]
    metrics: dict[str, list[float | None]]
    others: list[str]
    aliases: dict[str, int]
    total: int


_MOST_METRICS = 20


def _metrics(call: OperationCall) -> MetricValues:
    wanted: MetricsQuery = call.query
    name = model_name(call.path["model"])
    rows = call.hosted.rows.versions_of(name)
    newest = rows[-wanted.limit :]
    counts = Counter(metric for row in newest for metric in row.metrics)
    if wanted.metric:
        counts = Counter({wanted.metric: counts[wanted.metric]})
    names = sorted(counts, key=lambda it: (-counts[it], it))
    return MetricValues(
        versions=[row.version for row in newest],
        metrics={
            it: [row.metrics.get(it) for row in newest] for it in names[:_MOST_METRICS]
        },
        others=names[_MOST_METRICS:],
        aliases={alias: row.version for row in rows for alias in row.aliases},
        total=len(rows),
    )


class Use(msgspec.Struct, frozen=True):
    """A deployment version that runs a model version or artifact version."""

    deployment: str
    version: int
    is_active: bool


class VersionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A model version with all details.

    Attributes:
        files: every file with its size and digests.
        input_example: as it was given; null if none was.
        model_schema: as it was given; null if none was.
        path: path of its folder in the project.
        deployments: the versions of deployments that run it.
    """

    model: str
    version: int
    id: str
    framework: Framework
    description: str
    created: datetime
    creator: str
    size_bytes: int
    metrics: dict[str, float | int]
    tags: dict[str, Any]
    aliases: list[str]
    files: tuple[FileRecord, ...]
    input_example: Any
    model_schema: Any
    path: str
    deployments: list[Use]


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The description of a model version."""

    description: str


def _detail(call: OperationCall) -> VersionDetail:
    return version_detail(call.hosted.storage, *pair(call))


def version_detail(storage: Storage, name: str, version: int) -> VersionDetail:
    """Return a model version with all details.

    Raises:
        ModelNotFoundError: it does not exist.
    """
    state = model_state(storage, name)
    live = pick_live(state, name, version)
    manifest = sealed_manifest(storage, name, version)
    example, schema = manifest.input_example, manifest.model_schema
    return VersionDetail(
        model=name,
        version=version,
        id=manifest.id,
        framework=manifest.framework,
        description=live.description,
        created=datetime.fromisoformat(manifest.created),
        creator=manifest.creator,
        size_bytes=manifest.size_bytes,
        metrics=manifest.metrics,
        tags=live.tags,
        aliases=state.aliases_of(version),
        files=manifest.files,
        input_example=msgspec.json.decode(example.text) if example else None,
        model_schema=msgspec.json.decode(schema.text) if schema else None,
        path=layout.version_dir(name, version),
        deployments=[use for use, _ in uses_of(storage, name, version)],
    )


def uses_of(storage: Storage, name: str, version: int) -> list[tuple[Use, int]]:
    """Return the deployments of a model version, with their artifact versions.

    Damaged deployments are left out: their own pages tell of the damage.
    """
    pin = PinnedModel(name=name, version=version)

    def uses(it: Deployed) -> list[tuple[Use, int]]:
        return [
            (Use(it.name, number, number == it.active), record.artifact)
            for number, record in it.records().items()
            if record.model == pin
        ]

    found, _ = read_sound(storage, uses)
    return [use for uses in found.values() for use in uses]


def _diff(call: OperationCall) -> ModelDifference:
    name, version = pair(call)
    registry = call.hosted.project.get_model_registry()
    return registry.get_model(name, number(call, "other")).diff(version)


def _delete(call: OperationCall) -> None:
    name, version = pair(call)
    call.hosted.project.get_model_registry().get_model(name, version).delete()


def _description(call: OperationCall) -> Any:
    text = _current_description(call)
    return tagged(call.request, Description(text), text)


def _set_description(call: OperationCall) -> Any:
    name, version = pair(call)
    text = checked_description(call.body.description)

    def check(current: str) -> None:
        check_match(call.request, current)

    describe(call.hosted.storage, name, version, text, check)
    return tagged(call.request, Description(text), text)


def _current_description(call: OperationCall) -> str:
    name, version = pair(call)
    return live_version(call.hosted.storage, name, version).description


def pair(call: OperationCall) -> tuple[str, int]:
    """Return the model name and version number in the path.

    Raises:
        InvalidNameError: the name or number is not valid.
    """
    return model_name(call.path["model"]), number(call, "version")


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
        "/models/{model}/history",
        _history,
        "What changed in a model: saves, aliases, tags, descriptions, deletions",
        query=Paging,
        answer=Page[ModelChange],
    ),
    _operation(
        "GET",
        "/models/{model}/metrics",
        _metrics,
        "The metrics of the newest versions of a model, in one answer",
        query=MetricsQuery,
        answer=MetricValues,
    ),
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
    _operation("GET", VERSION, _detail, "A model version", answer=VersionDetail),
    _operation("DELETE", VERSION, _delete, "Delete a model version", status=204),
    _operation(
        "GET",
        f"{VERSION}/diff/{{other}}",
        _diff,
        "How the other version differs, and whether callers can change to it",
        answer=ModelDifference,
    ),
    _operation(
        "GET",
        f"{VERSION}/description",
        _description,
        "The description, with an ETag",
        answer=Description,
        minds=("If-None-Match",),
    ),
    _operation(
        "PUT",
        f"{VERSION}/description",
        _set_description,
        "Replace the description; with If-Match only if it is unchanged",
        body=Description,
        answer=Description,
        minds=("If-Match", "If-None-Match"),
    ),
)
