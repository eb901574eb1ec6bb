"""The user's own files in a project, under Hopsworks' names; managed ones refused."""

from pathlib import Path

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.digests import Digest
from hopsartifacts.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    IntegrityError,
    InvalidInputError,
    ManagedPathError,
    ModelNotFoundError,
    PathNotFoundError,
)
from hopsartifacts.names import file_path, is_version
from hopsartifacts.registry.sources import source
from hopsartifacts.registry.versions import sealed_manifest
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checking import verified
from hopsartifacts.store.root import mark_root
from hopsartifacts.store.transfer import fetch


class DatasetApi:
    """Files of the project: scripts and data under ``Resources`` and beside it.

    Paths are relative to the project or start with ``/Projects/<project>/``. What
    lies under ``Models`` and ``Deployments`` can be read, but not changed.
    """

    def __init__(self, storage: Storage, project: str) -> None:
        self._storage = storage
        self._project = project

    def upload(
        self,
        local_path: str | Path,
        upload_path: str = layout.RESOURCES,
        overwrite: bool = False,
    ) -> str:
        """Copy a file or folder of this machine into the folder *upload_path*.

        Returns:
            Its path in the project (``Resources/predictor.py``).

        Raises:
            ManagedPathError: the target is managed.
            AlreadyExistsError: it exists, and *overwrite* is not given.
            InvalidInputError: there is nothing to upload.
        """
        location = Path(local_path).expanduser()
        folder = self._writable(upload_path)
        if not location.exists():
            raise InvalidInputError(f"{str(local_path)!r} does not exist")
        target = file_path(f"{folder}/{location.resolve().name}")
        files = {
            f"{target}/{file.path}" if location.is_dir() else target: file
            for file in source(location).files
        }
        taken = [path for path in files if self._storage.stat(path)]
        if taken and not overwrite:
            raise AlreadyExistsError(
                f"{taken[0]!r} exists: use overwrite=True to replace it"
            )
        mark_root(self._storage)
        for path, file in files.items():
            self._storage.write(path, file.chunks())
        return target

    def download(
        self,
        path: str,
        local_path: str | Path | None = None,
        overwrite: bool = False,
    ) -> str:
        """Copy one file to this machine, by default into the working directory.

        What is sealed is compared with its seal, unless the project lies on this
        machine's disk, where ``project.verify`` does.

        Returns:
            Where it lies.

        Raises:
            PathNotFoundError: there is no such file.
            IntegrityError: it is not what was sealed.
            AlreadyExistsError: it exists here, and *overwrite* is not given.
        """
        inside = layout.relative(self._project, path)
        target = Path(local_path).expanduser() if local_path else Path.cwd()
        if target.is_dir():
            target /= inside.rpartition("/")[2]
        if target.exists() and not overwrite:
            raise AlreadyExistsError(
                f"{str(target)!r} exists: use overwrite=True to replace it"
            )
        fetch(self._storage, inside, target, self._sealed(inside))
        return str(target)

    def read_content(self, path: str) -> bytes:
        """Return the bytes of a file, compared with its seal as in ``download``.

        Raises:
            PathNotFoundError: there is no such file.
            IntegrityError: it is not what was sealed.
        """
        inside = layout.relative(self._project, path)
        digest = self._sealed(inside)
        data = self._storage.read(inside)
        return b"".join(verified([data], digest, inside)) if digest else data

    def exists(self, path: str) -> bool:
        """Tell whether a file or folder exists."""
        return self._storage.stat(layout.relative(self._project, path)) is not None

    def list(self, path: str = "") -> list[str]:
        """Return the paths of what a folder holds, sorted."""
        inside = layout.relative(self._project, path)
        return [
            entry.path
            for entry in self._storage.list(inside)
            if entry.path != layout.INTERNAL
        ]

    def remove(self, path: str) -> None:
        """Delete a file or folder of the user's.

        Raises:
            ManagedPathError: it is managed.
            PathNotFoundError: it does not exist.
        """
        inside = self._writable(path)
        if self._storage.stat(inside) is None:
            raise PathNotFoundError(f"{path!r} does not exist")
        self._storage.delete_tree(inside)

    def _sealed(self, path: str) -> Digest | None:
        """Return the digest that is pinned for a file of a remote store, if one is.

        Raises:
            IntegrityError: it lies in a sealed folder and is no part of it.
        """
        if self._storage.local_path("") is not None:
            return None
        try:
            sealed = _sealed_files(self._storage, path)
        except (ModelNotFoundError, ArtifactNotFoundError):
            return None  # not yet or not any more
        if sealed and path not in sealed:
            entry = self._storage.stat(path)
            if entry and entry.kind == "file":
                raise IntegrityError(
                    f"{path!r} is not part of the version it lies in: see "
                    "project.verify() and project.repair()"
                )
        return sealed.get(path)

    def _writable(self, path: str) -> str:
        inside = layout.relative(self._project, path)
        if layout.is_managed(inside):
            raise ManagedPathError(
                f"{path!r} is managed and changes only through models and deployments: "
                f"use a folder of your own, like {layout.RESOURCES!r}"
            )
        return inside


def _sealed_files(storage: Storage, path: str) -> dict[str, Digest]:
    """Return the digests of the sealed files in the folder of the version of *path*.

    Raises:
        ModelNotFoundError: there is no such model version.
        ArtifactNotFoundError: there is no such artifact version.
    """
    match path.split("/"):
        case [layout.MODELS, model, version, layout.ARTIFACTS, artifact, *_] if (
            is_version(version) and is_version(artifact)
        ):
            numbers = int(version), int(artifact)
            folder = layout.artifact_dir(model, *numbers)
            files = ArtifactStore(storage, model, numbers[0]).get(numbers[1]).files
            return {f"{folder}/{file.path}": file.digest for file in files}
        case [layout.MODELS, model, version, layout.FILES, *_] if is_version(version):
            folder = layout.files_dir(model, int(version))
            records = sealed_manifest(storage, model, int(version)).files
            return {f"{folder}/{record.path}": record.digest for record in records}
    return {}
