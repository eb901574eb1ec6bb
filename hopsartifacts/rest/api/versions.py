"""One model version: read, describe and delete it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.deployments.versions import live_deployments
from hopsartifacts.names import model_name
from hopsartifacts.registry.documents import FileRecord, Framework
from hopsartifacts.registry.given import checked_description
from hopsartifacts.registry.versions import (
    describe,
    live_version,
    model_state,
    pick_live,
    sealed_manifest,
)
from hopsartifacts.rest.api.table import check_match, number, operations, tagged
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.storage.contract import Storage

VERSION = "/models/{model}/versions/{version}"


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
        deployments=list(_uses(storage, name, version)),
    )


def _uses(storage: Storage, name: str, version: int) -> Iterable[Use]:
    for deployment, state in live_deployments(storage).items():
        for it in state.versions.values():
            pin = it.specification.model
            if (pin.name, pin.version) == (name, version):
                yield Use(deployment, it.version, it.version == state.active)


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
    _operation("GET", VERSION, _detail, "A model version", answer=VersionDetail),
    _operation("DELETE", VERSION, _delete, "Delete a model version", status=204),
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
