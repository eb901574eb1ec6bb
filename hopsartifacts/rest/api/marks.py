"""What managed files and folders belong to, what uses them, and if they are intact."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from hopsartifacts import layout
from hopsartifacts.deployments.documents import PinnedModel
from hopsartifacts.deployments.versions import find_deployment
from hopsartifacts.errors import FormatError, IntegrityError, NotFoundError
from hopsartifacts.names import is_version
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.rows import VersionRow
from hopsartifacts.rest.verifications import Integrity

Found = TypeVar("Found")


class FileOwner(msgspec.Struct, frozen=True, kw_only=True):
    """What a managed file or folder belongs to; null where that does not apply.

    Attributes:
        model: name of the model.
        version: version of the model.
        artifact: version of the artifact.
        deployment: name of the deployment.
        deployment_version: version of the deployment.
    """

    model: str | None = None
    version: int | None = None
    artifact: int | None = None
    deployment: str | None = None
    deployment_version: int | None = None


class FileMark(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one managed file or folder.

    Attributes:
        owner: what it belongs to; None if it is above models and deployments.
        aliases: the aliases that point at it, if it is the folder of a model version.
        deployments: the deployments that use it.
        integrity: what the last verification found.
        stored: path of the stored file or folder that it shows. Below a version of a
            deployment, these are the files of its artifact version.
    """

    owner: FileOwner | None
    aliases: list[str]
    deployments: list[str]
    integrity: Integrity
    stored: str


class Marks:
    """The marks of files and folders in one answer; what they share is read once."""

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._versions: dict[str, dict[int, VersionRow]] = {}
        self._pins: dict[tuple[str, int], tuple[str, int, int] | None] = {}
        self._users: dict[tuple[str, int], dict[int, list[str]]] = {}

    def of(self, path: str) -> FileMark:
        """Return the mark of the managed file or folder *path*."""
        owner, stored = self._owner(path)
        row = self._row(owner)
        is_version_folder = row and path == layout.version_dir(row.model, row.version)
        return FileMark(
            owner=owner,
            aliases=row.aliases if row and is_version_folder else [],
            deployments=self._deployments(owner, row),
            integrity=self._hosted.verifications.of(stored),
            stored=stored,
        )

    def _owner(self, path: str) -> tuple[FileOwner | None, str]:
        match path.split("/"):
            case [layout.MODELS, model, number, layout.ARTIFACTS, artifact, *_] if (
                is_version(number) and is_version(artifact)
            ):
                owner = FileOwner(
                    model=model, version=int(number), artifact=int(artifact)
                )
                return owner, path
            case [layout.MODELS, model, number, *_] if is_version(number):
                return FileOwner(model=model, version=int(number)), path
            case [layout.MODELS, model, *_]:
                return FileOwner(model=model), path
            case [layout.DEPLOYMENTS, name, number, *rest] if is_version(number):
                return self._deployed(name, int(number), rest, path)
            case [layout.DEPLOYMENTS, name, *_]:
                return FileOwner(deployment=name), path
        return None, path

    def _deployed(
        self, name: str, number: int, rest: list[str], path: str
    ) -> tuple[FileOwner, str]:
        pin = self._pin(name, number)
        if pin is None:
            return FileOwner(deployment=name, deployment_version=number), path
        model, version, artifact = pin
        owner = FileOwner(
            model=model,
            version=version,
            artifact=artifact,
            deployment=name,
            deployment_version=number,
        )
        top = layout.artifact_dir(model, version, artifact)
        return owner, "/".join([top, *rest]) if rest else path

    def _pin(self, name: str, number: int) -> tuple[str, int, int] | None:
        """Return model, version and artifact version of a deployment's version."""
        if (name, number) not in self._pins:
            found = _sound(lambda: find_deployment(self._hosted.storage, name))
            record = found.records().get(number) if found else None
            self._pins[name, number] = (
                (record.model.name, record.model.version, record.artifact)
                if record and record.model
                else None
            )
        return self._pins[name, number]

    def _row(self, owner: FileOwner | None) -> VersionRow | None:
        if owner is None or owner.model is None or owner.version is None:
            return None
        model = owner.model
        if model not in self._versions:
            rows = _sound(lambda: self._hosted.rows.versions_of(model)) or []
            self._versions[model] = {row.version: row for row in rows}
        return self._versions[model].get(owner.version)

    def _deployments(
        self, owner: FileOwner | None, row: VersionRow | None
    ) -> list[str]:
        if owner and owner.deployment:
            return [owner.deployment]
        if owner is None or row is None:
            return []
        if owner.artifact is None:
            return row.deployments
        place = (row.model, row.version)
        if place not in self._users:
            self._users[place] = self._artifact_users(row)
        return self._users[place].get(owner.artifact, [])

    def _artifact_users(self, row: VersionRow) -> dict[int, list[str]]:
        """Return the deployments with a version that runs each artifact version."""
        users: dict[int, list[str]] = {}
        for name in row.deployments:
            found = _sound(partial(find_deployment, self._hosted.storage, name))
            used = {
                it.artifact
                for it in (found.records().values() if found else ())
                if it.model == PinnedModel(name=row.model, version=row.version)
            }
            for artifact in used:
                users.setdefault(artifact, []).append(name)
        return users


def _sound(read: Callable[[], Found | None]) -> Found | None:
    """Return what *read* does; None if it does not exist or its log is damaged."""
    try:
        return read()
    except (IntegrityError, FormatError, NotFoundError):
        return None
