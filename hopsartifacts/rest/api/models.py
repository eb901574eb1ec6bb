"""Models and their versions: lists, details, what may be edited, files."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from hopsartifacts.deployments.versions import live_deployments
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import model_name
from hopsartifacts.registry.documents import FileRecord, Framework, ModelState
from hopsartifacts.registry.given import checked_description
from hopsartifacts.registry.versions import (
    describe,
    model_state,
    pick_live,
    sealed_manifest,
)
from hopsartifacts.rest.api.paging import Order, Page, Paging, Value, page_of
from hopsartifacts.rest.api.rows import VersionRow, version_rows
from hopsartifacts.rest.api.table import Operations, check_match, number, tagged
from hopsartifacts.rest.operations import Call

VERSIONS = "/models/{model}/versions"
VERSION = f"{VERSIONS}/{{version}}"


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


class Use(msgspec.Struct, frozen=True):
    """A version of a deployment that runs a model version."""

    deployment: str
    version: int
    is_active: bool


class VersionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to a model version.

    Attributes:
        files: every file with its size and digests.
        input_example: as it was given; null if none was.
        model_schema: as it was given; null if none was.
        path: of its folder in the project.
        deployments: which deployments' versions run it.
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
    """A sentence for people."""

    description: str


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
        for row in _models(version_rows(call.hosted.storage))
        if wanted.name.lower() in row.name.lower()
        and wanted.framework in {None, row.framework}
        and wanted.deployed in {None, bool(row.deployments)}
    ]
    return page_of(rows, wanted, _MODELS)


def _get(call: Call) -> ModelRow:
    name = model_name(call.path["model"])
    found = [it for it in version_rows(call.hosted.storage) if it.model == name]
    if not found:
        pick_live(ModelState(), name, 1)
    return _model(found)


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
    return _versions_page(call.query, version_rows(call.hosted.storage))


def _versions(call: Call) -> Page[VersionRow]:
    name, storage = model_name(call.path["model"]), call.hosted.storage
    found = [row for row in version_rows(storage) if row.model == name]
    if not found:
        pick_live(model_state(storage, name), name, 1)
    return _versions_page(call.query, found)


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


def _detail(call: Call) -> VersionDetail:
    name, version = pair(call)
    storage = call.hosted.storage
    state = model_state(storage, name)
    live = pick_live(state, name, version)
    manifest = sealed_manifest(storage, name, version)
    example, schema = manifest.input_example, manifest.model_schema
    return VersionDetail(
        model=name,
        version=version,
        id=manifest.id,
        framework=manifest.framework,
        description=_described(live.description, manifest.description),
        created=datetime.fromisoformat(manifest.created),
        creator=manifest.creator,
        size_bytes=manifest.size_bytes,
        metrics=manifest.metrics,
        tags=live.tags,
        aliases=state.aliases_of(version),
        files=manifest.files,
        input_example=msgspec.json.decode(example.text) if example else None,
        model_schema=msgspec.json.decode(schema.text) if schema else None,
        path=f"Models/{name}/{version}",
        deployments=list(_uses(call, name, version)),
    )


def _uses(call: Call, name: str, version: int) -> Iterable[Use]:
    for deployment, state in live_deployments(call.hosted.storage).items():
        for it in state.versions.values():
            pin = it.specification.model
            if (pin.name, pin.version) == (name, version):
                yield Use(deployment, it.version, it.version == state.active)


def _delete(call: Call) -> None:
    name, version = pair(call)
    call.hosted.project.get_model_registry().get_model(name, version).delete()


def _description(call: Call) -> Any:
    text = _current_description(call)
    return tagged(call.request, Description(text), text)


def _set_description(call: Call) -> Any:
    name, version = pair(call)
    storage = call.hosted.storage
    sealed = sealed_manifest(storage, name, version).description
    text = checked_description(call.body.description)

    def check(edited: str | None) -> None:
        check_match(call.request, _described(edited, sealed))

    describe(storage, name, version, text, check)
    return tagged(call.request, Description(text), text)


def _current_description(call: Call) -> str:
    name, version = pair(call)
    storage = call.hosted.storage
    state = pick_live(model_state(storage, name), name, version)
    if state.description is not None:
        return state.description
    return sealed_manifest(storage, name, version).description


def _described(edited: str | None, sealed: str) -> str:
    return sealed if edited is None else edited


def pair(call: Call) -> tuple[str, int]:
    """Return the model version that the path names.

    Raises:
        InvalidNameError: it names none.
    """
    return model_name(call.path["model"]), number(call, "version")


_operation = Operations("models")

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
        VERSIONS,
        _versions,
        "Versions of one model: a page, filtered and sorted",
        query=VersionFilter,
        answer=Page[VersionRow],
    ),
    _operation("GET", VERSION, _detail, "A model version", answer=VersionDetail),
    _operation("DELETE", VERSION, _delete, "Delete a model version", status=204),
    _operation(
        "GET",
        f"{VERSION}/description",
        _description,
        "The description, with an ETag",
        answer=Description,
    ),
    _operation(
        "PUT",
        f"{VERSION}/description",
        _set_description,
        "Replace the description; with If-Match only what was seen",
        body=Description,
        answer=Description,
        errors=(404, 409, 412),
    ),
)
