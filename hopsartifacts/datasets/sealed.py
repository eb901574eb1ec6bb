"""Lookup of the digest that a manifest pins for a path."""

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.digests import Digest
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    IntegrityError,
    ModelNotFoundError,
)
from hopsartifacts.names import is_version
from hopsartifacts.registry.versions import sealed_manifest
from hopsartifacts.storage.contract import Storage


def sealed_digest(storage: Storage, path: str) -> Digest | None:
    """Return the digest that is pinned for a file, if any; None on a local disk.

    Raises:
        IntegrityError: the file is in the folder of a sealed version, but not part of
            the version.
    """
    if storage.local_path("") is not None:
        return None
    try:
        sealed = _sealed_files(storage, path)
    except (ModelNotFoundError, ArtifactNotFoundError):
        return None  # not saved yet, or deleted
    if sealed and path not in sealed:
        entry = storage.stat(path)
        if entry and entry.kind == "file":
            raise IntegrityError(
                f"{path!r} is not part of the version in its folder, and was not "
                "read: project.repair() moves it into quarantine; see project.verify()"
            )
    return sealed.get(path)


def _sealed_files(storage: Storage, path: str) -> dict[str, Digest]:
    """Return the digests of the sealed files of the version that *path* belongs to.

    Raises:
        ModelNotFoundError: the model version does not exist.
        ArtifactNotFoundError: the artifact version does not exist.
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
