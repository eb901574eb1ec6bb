"""Model versions and tags in the formats of both generations of the client."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.registry.documents import Framework
from hopsartifacts.registry.model import Model
from hopsartifacts.rest.errors import TAG_NOT_FOUND, RefusedError
from hopsartifacts.rest.hopsworks.ids import model_id


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


class Tag(msgspec.Struct, frozen=True):
    """A tag; its value is JSON in a string."""

    name: str
    value: str


class TagPage(msgspec.Struct, frozen=True):
    """A page of tags."""

    count: int
    items: list[Tag]


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


def tag_page(tags: Mapping[str, Any]) -> TagPage:
    """Return *tags* in the format for clients."""
    items = [Tag(name, msgspec.json.encode(it).decode()) for name, it in tags.items()]
    return TagPage(len(items), items)


def present_tag(tags: Mapping[str, Any], name: str, owner: str) -> Any:
    """Return the value of the tag *name* of *owner*, whose tags are *tags*.

    Raises:
        RefusedError: there is no such tag (404, with the code that clients expect).
    """
    if name not in tags:
        known = ", ".join(sorted(tags)) or "none"
        raise RefusedError(
            f"{owner} has no tag {name!r}; it has: {known}", 404, TAG_NOT_FOUND
        )
    return tags[name]


def tags_of(given: Any) -> dict[str, Any]:
    """Return the tags that are registered with a model, by name.

    Clients send a mapping, or a list of objects with ``name`` and ``value``, bare or
    as ``items`` of an object.

    Raises:
        InvalidInputError: *given* has none of these forms.
    """
    if isinstance(given, dict):
        given = given.get("items", given)
    if isinstance(given, dict):
        return given
    try:
        return {it["name"]: _tag_value(it["value"]) for it in given or ()}
    except (TypeError, KeyError) as error:
        raise InvalidInputError(
            f"tags {given!r}: give a list of objects with 'name' and 'value'"
        ) from error


def _tag_value(value: Any) -> Any:
    # Clients send an object as a string of JSON, and a string as it is.
    if isinstance(value, str) and value.startswith("{"):
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(value)
    return value
