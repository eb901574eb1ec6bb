"""Artifact versions of a model version: list, read, compare and delete."""

import msgspec
from starlette.responses import Response

from hopsartifacts import layout
from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.difference import Difference
from hopsartifacts.artifacts.documents import ArtifactVersion
from hopsartifacts.artifacts.handle import Artifacts
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.errors import PathNotFoundError
from hopsartifacts.layout import Role
from hopsartifacts.registry.versions import live_version
from hopsartifacts.rest.api.conventions import (
    Page,
    Paging,
    number,
    operations,
    page_of,
    shown,
)
from hopsartifacts.rest.api.models import VERSION, Use, pair, uses_of
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder

_ARTIFACTS = f"{VERSION}/artifacts"
_ARTIFACT = f"{_ARTIFACTS}/{{artifact}}"


class ArtifactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact version in a list.

    Attributes:
        version: version 0 always exists and has no files.
        identity: digest over the files; equal for equal files.
        files: names of the files.
        deployments: names of the deployments with a version that runs it.
    """

    version: int
    identity: str
    files: list[str]
    size_bytes: int
    deployments: list[str]


class ArtifactFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an artifact version."""

    name: str
    role: Role
    size_bytes: int
    sha256: str
    xxh3: str


class ArtifactDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact version with all details.

    Attributes:
        identity: digest over role, name and bytes of every file.
        path: path of its folder in the project.
        deployments: the versions of deployments that run it.
    """

    version: int
    identity: str
    files: list[ArtifactFile]
    size_bytes: int
    path: str
    deployments: list[Use]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact version that a save would use, and why.

    Attributes:
        version: its number.
        is_new: whether it would be created.
        asked: the requested version: a number, a word, or null.
        identity: digest over role, name and bytes of every file.
        files: names of the files.
        compared: versions 1 to this one were compared; 0 if none were.
        text: the explanation as a sentence.
    """

    version: int
    is_new: bool
    asked: int | str | None
    identity: str
    files: tuple[str, ...]
    compared: int
    text: str


_ORDER: SortOrder[tuple[int, ArtifactVersion]] = SortOrder(
    identity=lambda it: (it[0],),
    fields={"version": lambda it: it[0], "size_bytes": lambda it: _size(it[1])},
    default="version",
)


def explanation(decision: Decision) -> Explanation:
    """Return *decision* as a document."""
    return Explanation(
        version=decision.version,
        is_new=decision.is_new,
        asked=decision.asked,
        identity=decision.identity,
        files=decision.files,
        compared=decision.compared,
        text=str(decision),
    )


def _list(call: OperationCall) -> Page[ArtifactRow]:
    model, version = pair(call)
    live_version(call.hosted.storage, model, version)
    store = ArtifactStore(call.hosted.storage, model, version)
    page = page_of(store.versions().items(), call.query, _ORDER)
    users = _users(call)
    rows = [
        ArtifactRow(
            version=found,
            identity=artifact.identity,
            files=[file.path for file in artifact.files],
            size_bytes=_size(artifact),
            deployments=sorted({it.deployment for it in users.get(found, [])}),
        )
        for found, artifact in page.items
    ]
    return shown(page, rows)


def _get(call: OperationCall) -> ArtifactDetail:
    model, version = pair(call)
    wanted = number(call, "artifact")
    artifact = _artifacts(call).get(wanted)
    files = [
        ArtifactFile(
            name=file.path,
            role=file.role,
            size_bytes=file.digest.size_bytes,
            sha256=file.digest.sha256,
            xxh3=file.digest.xxh3,
        )
        for file in artifact.files
    ]
    return ArtifactDetail(
        version=wanted,
        identity=artifact.identity,
        files=files,
        size_bytes=_size(artifact),
        path=layout.artifact_dir(model, version, wanted),
        deployments=_users(call).get(wanted, []),
    )


def _file(call: OperationCall) -> Response:
    """Return the file's bytes, with headers that keep browsers from running them."""
    name, wanted = call.path["file"], number(call, "artifact")
    files = _artifacts(call).read(wanted)
    if name not in files:
        known = ", ".join(files) or "none"
        raise PathNotFoundError(
            f"artifact version {wanted} has no file {name!r}: it has {known}"
        )
    return Response(
        files[name],
        media_type="application/octet-stream",
        headers={"x-content-type-options": "nosniff"},
    )


def _diff(call: OperationCall) -> Difference:
    return _artifacts(call).diff(number(call, "artifact"), number(call, "other"))


def _delete(call: OperationCall) -> None:
    _artifacts(call).delete(number(call, "artifact"))


def _artifacts(call: OperationCall) -> Artifacts:
    project = call.hosted.project
    model = project.get_model_registry().get_model(*pair(call))
    return project.get_model_serving().get_artifacts(model)


def _users(call: OperationCall) -> dict[int, list[Use]]:
    found: dict[int, list[Use]] = {}
    for use, artifact in uses_of(call.hosted.storage, *pair(call)):
        found.setdefault(artifact, []).append(use)
    return found


def _size(artifact: ArtifactVersion) -> int:
    return sum(file.digest.size_bytes for file in artifact.files)


_operation = operations("artifacts")

OPERATIONS = (
    _operation(
        "GET",
        _ARTIFACTS,
        _list,
        "Artifact versions of a model version",
        query=Paging,
        answer=Page[ArtifactRow],
    ),
    _operation("GET", _ARTIFACT, _get, "An artifact version", answer=ArtifactDetail),
    _operation("DELETE", _ARTIFACT, _delete, "Delete an artifact version", status=204),
    _operation(
        "GET",
        f"{_ARTIFACT}/files/{{file}}",
        _file,
        "The bytes of one of its files, as they were sealed",
        gives="application/octet-stream",
    ),
    _operation(
        "GET",
        f"{_ARTIFACT}/diff/{{other}}",
        _diff,
        "Which files and lines of the other one differ",
        answer=Difference,
    ),
)
