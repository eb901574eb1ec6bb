"""The manifests of deployments for clusters, and folders of them for GitOps."""

import os
from pathlib import Path
from typing import Any

from msgspec import structs

from hopsartifacts.context import ProjectContext
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.launch import version_of
from hopsartifacts.deployments.versions import pick_version
from hopsartifacts.errors import AlreadyExistsError, InvalidInputError, StorageError
from hopsartifacts.machine.atomic_write import written_aside
from hopsartifacts.serving.kserve.cluster_manifest import (
    HEADER,
    KUSTOMIZATION,
    STORAGE_FILE,
    ClusterManifest,
    kustomization,
    owner_of,
)
from hopsartifacts.serving.kserve.settings import SETTINGS_VARIABLE, ClusterSettings


def manifest_for(
    context: ProjectContext,
    deployed: Deployed,
    settings: ClusterSettings,
    number: int | None,
) -> ClusterManifest:
    """Return the manifest of a version of a deployment, by default the active one.

    Raises:
        DeploymentNotFoundError: it has no such version.
        ModelNotFoundError: the model of the version was deleted.
        IntegrityError: its model or its artifact differs from what it pins.
        UnsupportedHereError: the cluster cannot run it.
        InvalidDeploymentError: it would refuse the objects.
    """
    sealed = deployed.current if number is None else pick_version(deployed, number)
    return ClusterManifest.of(version_of(context, deployed, sealed), settings)


def cluster_settings(
    given: ClusterSettings | str | Path | None, **changes: Any
) -> ClusterSettings:
    """Return the settings of a cluster, with some of them changed.

    Args:
        given: settings, or the path of a TOML file with them; by default that in
            ``HOPSARTIFACTS_CLUSTER_SETTINGS``, if it is set.
        changes: settings that replace those; None keeps them.

    Raises:
        InvalidInputError: the file cannot be read, or a setting is not valid.
    """
    if isinstance(given, ClusterSettings):
        chosen = {name: it for name, it in changes.items() if it is not None}
        return structs.replace(given, **chosen)
    path = given if given is not None else os.environ.get(SETTINGS_VARIABLE)
    if path is not None and not isinstance(path, str | Path):
        raise InvalidInputError(
            f"settings is a {type(path).__name__}: give ClusterSettings(...) or the "
            "path of a TOML file"
        )
    return ClusterSettings.read(path or None, **changes)


def write_base(manifest: ClusterManifest, folder: str | Path) -> list[Path]:
    """Write a manifest into a folder that is a Kustomize base, and list it there.

    A base may have any number of deployments; each keeps its file when another one is
    written. Whoever wants changes makes an overlay.

    Returns:
        The files that were written.

    Raises:
        AlreadyExistsError: a file there is not of this deployment; nothing was written.
        StorageError: the folder cannot be written.
    """
    base = Path(folder)
    files = manifest.files()
    try:
        base.mkdir(parents=True, exist_ok=True)
        there = {path.name: path.read_text() for path in base.glob("*.yaml")}
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{str(base)!r} cannot be read: {error}") from error
    _check_owners(base, files, there)
    ours = {name for name, text in there.items() if text.startswith(HEADER)}
    files[KUSTOMIZATION] = kustomization([*((ours | {*files}) - {KUSTOMIZATION})])
    for name, text in files.items():
        with written_aside(base / name) as file:
            file.write(text.encode())
    return [base / name for name in files]


def _check_owners(base: Path, files: dict[str, str], there: dict[str, str]) -> None:
    for name in (*files, KUSTOMIZATION):
        old = there.get(name)
        if old is None:
            continue
        if not old.startswith(HEADER):
            raise AlreadyExistsError(
                f"{str(base / name)!r} was not written by hopsartifacts: choose an "
                "empty folder, and refer to it in your own kustomization"
            )
        is_service = name not in {KUSTOMIZATION, STORAGE_FILE}
        if is_service and owner_of(old) != owner_of(files[name]):
            whose = owner_of(old).removeprefix("# ").strip()
            raise AlreadyExistsError(
                f"{str(base / name)!r} is of another deployment ({whose}): choose "
                "another folder"
            )
