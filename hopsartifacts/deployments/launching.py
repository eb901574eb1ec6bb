"""From a sealed specification to something that can run: checked, local files."""

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

import msgspec

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.documents import DeploymentVersion, Specification
from hopsartifacts.digests import Digest
from hopsartifacts.errors import IntegrityError
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.registry.versions import live_version, manifest_of
from hopsartifacts.serving.contract import Launch
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checking import check_folder
from hopsartifacts.store.transfer import download

_SHOWN_FINDINGS = 3


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a launch comes from and where it may put local copies."""

    storage: Storage
    project: str
    scratch: Callable[[], Path]
    """Gives a folder of this process, for stores that are not on a local disk."""


def launch(place: Place, deployment_id: str, sealed: DeploymentVersion) -> Launch:
    """Return *sealed* ready to run.

    Raises:
        IntegrityError: a file differs from what the specification pins.
        ModelNotFoundError: the model version was deleted.
    """
    specification = sealed.specification
    manifest = _pinned_manifest(place.storage, specification)
    model_files = {file.path: file.digest for file in manifest.files}
    name, version = manifest.model, manifest.version
    transformer = specification.transformer
    return Launch(
        project=place.project,
        project_url=place.storage.url,
        deployment=specification.name,
        deployment_id=deployment_id,
        deployment_version=sealed.version,
        model=name,
        model_version=version,
        artifact_version=specification.artifact.version,
        framework=specification.model.framework,
        model_server=specification.model_server,
        serving_tool=specification.serving_tool,
        api_protocol=specification.api_protocol,
        model_files_path=_local(place, layout.files_dir(name, version), model_files),
        artifact_files_path=_artifact(place, specification),
        predictor_script=specification.predictor.script,
        transformer_script=transformer.script if transformer else None,
        config_file=specification.config_file,
        features=_features(specification),
    )


def _pinned_manifest(storage: Storage, specification: Specification) -> Manifest:
    pin = specification.model
    version = live_version(storage, pin.name, pin.version)
    if version.sha256 != pin.manifest:
        raise IntegrityError(
            f"model {pin.name!r} version {pin.version} is not the one deployment "
            f"{specification.name!r} pins: see project.verify()"
        )
    return manifest_of(storage, pin.name, version)


def _artifact(place: Place, specification: Specification) -> str:
    pin = specification.artifact
    model = specification.model
    store = ArtifactStore(place.storage, model.name, model.version)
    sealed = store.get(pin.version)
    if sealed.identity != pin.identity:
        raise IntegrityError(
            f"artifact version {pin.version} of model {model.name!r} version "
            f"{model.version} is not the one deployment {specification.name!r} pins: "
            "see project.verify()"
        )
    store.project(pin.version)
    folder = layout.artifact_dir(model.name, model.version, pin.version)
    return _local(place, folder, {file.path: file.digest for file in sealed.files})


def _local(place: Place, folder: str, sealed: Mapping[str, Digest]) -> str:
    """Return where the files lie on this machine, after checking every byte."""
    local = place.storage.local_path(folder)
    if local is None:
        local = place.scratch() / folder
        local.mkdir(parents=True, exist_ok=True)
        download(place.storage, folder, sealed, local)
        return str(local)
    differing = (
        finding
        for finding in check_folder(place.storage, folder, sealed)
        if finding.kind != "unprotected"
    )
    findings = list(islice(differing, _SHOWN_FINDINGS))
    if findings:
        raise IntegrityError(
            "the deployment does not start, because its files differ from what was "
            f"sealed: {'; '.join(map(str, findings))}. See project.verify() and "
            "project.repair()"
        )
    return str(local)


def _features(specification: Specification) -> frozenset[str]:
    resources = specification.predictor.resources
    transformer = specification.transformer
    used = {
        "transformer": transformer is not None,
        "batcher": specification.inference_batcher is not None,
        "logger": specification.inference_logger is not None,
        "grpc": specification.api_protocol == "GRPC",
        "gpu": resources.requests.gpus > 0,
        "instances": resources.num_instances != 1
        or (transformer is not None and transformer.resources.num_instances != 1),
    }
    return frozenset(feature for feature, is_used in used.items() if is_used)
