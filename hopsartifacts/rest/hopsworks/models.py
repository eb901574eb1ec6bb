"""The model registry API of Hopsworks, for both generations of the client."""

from collections.abc import Iterable
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.machine.workers import Stop, each_result
from hopsartifacts.registry.documents import Framework
from hopsartifacts.registry.model import Model
from hopsartifacts.registry.versions import latest_records
from hopsartifacts.rest.hopsworks.ids import (
    check_registry,
    model_id,
    model_of,
    parse_model_id,
)
from hopsartifacts.rest.hopsworks.installation import PROJECT, check_project
from hopsartifacts.rest.hopsworks.tags import sent_tags, tag_operations
from hopsartifacts.rest.operations import OperationCall, Operations
from hopsartifacts.rest.uploads import Details
from hopsartifacts.store.damage import log_damage

_REGISTRIES = f"{PROJECT}/modelregistries"
_MODELS = f"{_REGISTRIES}/{{registry_id}}/models"
_MODEL = f"{_MODELS}/{{id}}"
_NAME_IS = "name_eq:"


class ModelDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A model version in an answer.

    Metric names are sent as given; the client changes those with capital letters.
    """

    id: str
    name: str
    version: int
    created: str
    creator: str
    user_full_name: str
    description: str
    framework: Framework
    metrics: dict[str, float | int]
    project_name: str
    model_registry_id: int
    environment: None = None
    program: None = None
    input_example: None = None
    model_schema: None = None
    training_dataset: None = None
    feature_view: None = None
    training_dataset_version: None = None


class ModelPage(msgspec.Struct, frozen=True):
    """A page of model versions."""

    count: int
    items: list[ModelDocument]


class NewModel(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A model version to register; other fields that clients send are ignored."""

    name: str
    version: int
    framework: Framework = "PYTHON"
    description: str | None = None
    metrics: dict[str, Any] | None = None
    tags: Any = None


class NewFramework(msgspec.Struct, frozen=True):
    """The new framework of a model version."""

    framework: Framework


class Registry(msgspec.Struct, frozen=True):
    """A model registry."""

    id: int
    name: str


class RegistryPage(msgspec.Struct, frozen=True):
    """A page of model registries."""

    count: int
    items: list[Registry]


class Links(msgspec.Struct, frozen=True):
    """Provenance links of a model version; always empty, as none are stored."""

    upstream: list[Any] = []
    downstream: list[Any] = []


def model_document(model: Model, registry: int) -> ModelDocument:
    """Return a saved version in the format for clients.

    Raises:
        ModelNotFoundError: it was deleted meanwhile.
    """
    manifest = model.manifest
    return ModelDocument(
        id=model_id(manifest.model, manifest.version, manifest.id),
        name=manifest.model,
        version=manifest.version,
        created=manifest.created,
        creator=manifest.creator,
        user_full_name=manifest.creator,
        description=model.description,
        framework=manifest.framework,
        metrics=manifest.metrics,
        project_name=model.project_name,
        model_registry_id=registry,
    )


class _Listing(msgspec.Struct, frozen=True):
    filter_by: str = ""
    sort_by: str = ""
    offset: int = 0
    limit: int | None = None


def _registries(call: OperationCall) -> RegistryPage:
    check_project(call)
    own = Registry(call.hosted.project_id, call.hosted.project.name)
    return RegistryPage(1, [own])


def _list(call: OperationCall) -> ModelPage:
    check_registry(call)
    query: _Listing = call.query
    if query.offset < 0 or (query.limit is not None and query.limit < 0):
        raise InvalidInputError(
            f"offset {query.offset} and limit {query.limit}: neither can be negative"
        )
    found = _sorted(_named(call, query.filter_by), query.sort_by)
    end = None if query.limit is None else query.offset + query.limit
    page = found[query.offset : end]

    def shown(model: Model, stop: Stop) -> ModelDocument:
        stop.check()
        return _document(call, model)

    workers = call.hosted.storage.capabilities.workers
    return ModelPage(len(found), each_result(shown, page, workers))


def _named(call: OperationCall, filter_by: str) -> list[Model]:
    registry = call.hosted.project.get_model_registry()
    names: Iterable[str]
    if not filter_by:
        names, damaged = latest_records(call.hosted.storage)
        log_damage("model", damaged)
    elif filter_by.startswith(_NAME_IS):
        names = [filter_by.removeprefix(_NAME_IS)]
    else:
        raise InvalidInputError(
            f"filter_by {filter_by!r}: use {_NAME_IS}<name of the model>"
        )
    return [model for name in names for model in registry.get_models(name)]


def _sorted(models: list[Model], sort_by: str) -> list[Model]:
    """Return the models with the metric to sort by; ties have the latest first."""
    if not sort_by:
        return models
    metric, _, direction = sort_by.rpartition(":")
    if direction not in {"asc", "desc"} or not metric:
        raise InvalidInputError(
            f"sort_by {sort_by!r}: use <metric>:desc or <metric>:asc (direction 'max' "
            "or 'min' in get_best_model)"
        )
    sign = -1 if direction == "desc" else 1
    rated = [
        (sign * value, -(model.version or 0), model.name, model)
        for model in models
        if (value := model.training_metrics.get(metric)) is not None
    ]
    return [model for *_, model in sorted(rated, key=lambda it: it[:3])]


def _get(call: OperationCall) -> ModelDocument:
    return _document(call, model_of(call))


def _register(call: OperationCall) -> ModelDocument:
    """Seal the uploaded model version."""
    check_registry(call)
    new: NewModel = call.body
    name, version, _ = parse_model_id(call.path["id"])
    if (new.name, new.version) != (name, version):
        raise InvalidInputError(
            f"the path says model {name!r} version {version}, and the body "
            f"{new.name!r} version {new.version}: send the same"
        )
    details = Details(
        framework=new.framework,
        description=new.description,
        metrics=new.metrics,
        tags=sent_tags(new.tags),
    )
    call.hosted.uploads.seal(name, version, details, call.caller.id)
    registry = call.hosted.project.get_model_registry()
    return _document(call, registry.get_model(name, version))


def _reframe(call: OperationCall) -> ModelDocument:
    model, wanted = model_of(call), call.body.framework
    if wanted != model.framework:
        raise InvalidInputError(
            f"the framework cannot change to {wanted!r}: model {model.name!r} version "
            f"{model.version} was saved as {model.framework!r}; save it again with the "
            "other framework"
        )
    return _document(call, model)


def _delete(call: OperationCall) -> None:
    model_of(call).delete()


def _links(call: OperationCall) -> Links:
    model_of(call)
    return Links()


def _document(call: OperationCall, model: Model) -> ModelDocument:
    return model_document(model, call.hosted.project_id)


_operation = Operations("model registry")

OPERATIONS = (
    _operation("GET", _REGISTRIES, _registries, "Registries", answer=RegistryPage),
    _operation(
        "GET",
        _MODELS,
        _list,
        "Model versions, all or of one name, sorted by a metric if asked for",
        query=_Listing,
        answer=ModelPage,
    ),
    _operation("GET", _MODEL, _get, "A model version", answer=ModelDocument),
    _operation(
        "PUT",
        _MODEL,
        _register,
        "Seal the model version whose files were uploaded",
        body=NewModel,
        answer=ModelDocument,
        status=201,
    ),
    _operation(
        "PATCH",
        _MODEL,
        _reframe,
        "Change the framework: refused, unless it is the same",
        body=NewFramework,
        answer=ModelDocument,
    ),
    _operation("DELETE", _MODEL, _delete, "Delete a model version", status=204),
    _operation(
        "GET",
        f"{_MODEL}/provenance/links",
        _links,
        "Provenance links of a model version: always empty",
        answer=Links,
    ),
    *tag_operations(_operation, _MODEL, "a model version", model_of),
)
