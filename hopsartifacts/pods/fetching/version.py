"""The deployment version that an address names, read from its project and checked.

Each step checks the next: the address has the digest of the specification, which has
that of the manifest and the identity of the artifact, which have those of the files.
Nothing is written to the project.
"""

from collections.abc import Mapping

import msgspec

from hopsartifacts import layout
from hopsartifacts.context import project_name
from hopsartifacts.deployments.deployed import Deployed, Logs
from hopsartifacts.deployments.documents import DeploymentState, Specification
from hopsartifacts.deployments.launch import (
    pinned_artifact,
    pinned_manifest,
    sealed_version,
)
from hopsartifacts.digests import Digest
from hopsartifacts.errors import (
    DeploymentNotFoundError,
    IntegrityError,
    InvalidInputError,
    StorageError,
)
from hopsartifacts.pods.fetching.guarded_storage import CallClock, GuardedStorage
from hopsartifacts.serving.contract import SealedVersion
from hopsartifacts.serving.kserve.addresses import SealedAddress
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.options import protocol_of, request_limit
from hopsartifacts.store.root import check_root

_CREDENTIALS = {
    "gs": "GOOGLE_APPLICATION_CREDENTIALS or its service account",
    "az": "AZURE_STORAGE_CONNECTION_STRING or other variables AZURE_*",
    "sftp": "FSSPEC_SFTP_USERNAME, FSSPEC_SFTP_KEY_FILENAME or FSSPEC_SFTP_PASSWORD",
}
"""Where clients get credentials whose messages do not say so."""


class PinnedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed version, and the files that it pins, by path in their folder."""

    sealed: SealedVersion
    model_files: Mapping[str, Digest]
    artifact_files: Mapping[str, Digest]


class _Project(msgspec.Struct, frozen=True):
    project: str
    url: str


def opened(address: SealedAddress, request_s: float, clock: CallClock) -> Storage:
    """Return the storage of the address's project, which is only read.

    Args:
        address: names the project.
        request_s: the most that one request to the store may take.
        clock: is told of every request.

    Raises:
        InvalidInputError: the URL cannot be used here.
        FormatError: the project was written by a later release.
        StorageError: the store does not answer.
    """
    url = address.project_url
    try:
        return _opened(url, request_s, clock)
    except (InvalidInputError, StorageError) as error:
        source = _CREDENTIALS.get(protocol_of(url))
        if source is None:
            raise
        raise type(error)(
            f"{error}; check the project's URL {url}, the network, and the "
            f"credentials, which this container gets from {source}"
        ) from error


def _opened(url: str, request_s: float, clock: CallClock) -> Storage:
    # Only writers need a store that tells them apart.
    storage = connect(url, request_limit(url, request_s), unsafe_single_writer=True)
    guarded = GuardedStorage(storage, clock)
    if not guarded.capabilities.is_shared:
        raise InvalidInputError(
            f"project {url!r} is in the memory of another process: save the "
            "deployment to a project that the cluster can read"
        )
    check_root(guarded)
    return guarded


def pinned_version(storage: Storage, address: SealedAddress) -> PinnedVersion:
    """Return the version that *address* names, and the files that it pins.

    Raises:
        NotFoundError: the version, or something that it pins, does not exist.
        IntegrityError: something differs from what the address pins.
        InvalidDeploymentError: a setting is missing in the environment.
    """
    deployed = _deployed(storage, address)
    specification = deployed.current.specification
    if specification.digest != address.specification:
        raise IntegrityError(
            f"version {address.version} of deployment {address.deployment!r} in "
            f"{storage.url} has the specification {specification.digest}, but the "
            f"manifest pins {address.specification}: make the manifest again, or see "
            "project.verify()"
        )
    return _pinned(storage, deployed, specification)


def _deployed(storage: Storage, address: SealedAddress) -> Deployed:
    name, number = address.deployment, address.version
    logs = Logs(storage)
    state = logs.deployment(name).state()
    if state.head.status != "live" or not state.is_kept(number):
        raise DeploymentNotFoundError(_why_missing(storage, address, state))
    return Deployed(logs, name, state, number)


def _why_missing(
    storage: Storage, address: SealedAddress, state: DeploymentState
) -> str:
    name, number = address.deployment, address.version
    if state.head.status == "none":
        if storage.stat(layout.MARKER) is None:
            return (
                f"there is no project at {storage.url}: correct the project's URL, or "
                "mount its volume"
            )
        return f"there is no deployment {name!r} in {storage.url}"
    if state.head.status == "deleted":
        return f"deployment {name!r} in {storage.url} was deleted"
    fate = "was deleted" if number <= state.head.last else "does not exist"
    return f"version {number} of deployment {name!r} in {storage.url} {fate}"


def _pinned(
    storage: Storage, deployed: Deployed, specification: Specification
) -> PinnedVersion:
    model, artifact = specification.model, specification.artifact
    manifest = pinned_manifest(storage, model.name, model.version, model.manifest)
    made = pinned_artifact(
        storage, model.name, model.version, artifact.version, artifact.identity
    )
    artifact_files = {file.path: file.digest for file in made.files}
    sealed = sealed_version(
        _Project(project_name(storage), storage.url),
        specification,
        manifest,
        artifact_files,
        deployment_id=deployed.id,
        number=deployed.active,
    )
    return PinnedVersion(
        sealed=sealed,
        model_files={file.path: file.digest for file in manifest.files},
        artifact_files=artifact_files,
    )
