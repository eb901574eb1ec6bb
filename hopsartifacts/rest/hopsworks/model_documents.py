"""Model versions in the formats of both generations of the client."""

from typing import Any

import msgspec

from hopsartifacts.registry.documents import Framework
from hopsartifacts.registry.model import Model
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
