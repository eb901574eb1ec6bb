"""What should lie under the managed folders, according to the logs."""

from collections.abc import Callable, Iterator
from typing import Any

from hopsartifacts import layout
from hopsartifacts.artifacts.documents import ArtifactState
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.documents import DeploymentState
from hopsartifacts.deployments.versions import deployment_log, document_bytes
from hopsartifacts.digests import Digest, digest_of
from hopsartifacts.documents import decode
from hopsartifacts.errors import FormatError, IntegrityError
from hopsartifacts.registry.documents import LIVE, Manifest, ModelState
from hopsartifacts.registry.format_1 import gravestone, is_buried
from hopsartifacts.registry.log import ModelLog
from hopsartifacts.registry.seals import buried, new_seal
from hopsartifacts.registry.versions import (
    embedded_files,
    logged_manifest,
    manifest_bytes,
    model_log,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checking import Finding
from hopsartifacts.store.entries import Head
from hopsartifacts.store.identity import new_token
from hopsartifacts.store.log import Log
from hopsartifacts.store.root import check_log_is_there

Restorer = Callable[[], Iterator[bytes]]


class Inventory:
    """Every managed path that should exist, and how to judge all others.

    Attributes:
        sealed: the digest of each file that a seal names.
        restorers: for those whose bytes the logs hold, how to get them.
        read_only_folders: the folders that are read-only as a whole.
        logs: the folders whose entries were checked link by link.
        seals: where the numbers that were given have their seals, sooner or later.
        busy: folders somebody may be writing to, which are left alone.
        retired: folders of versions that were deleted or given up.
        damaged: logs that cannot be read; what they own is left alone.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.sealed: dict[str, Digest] = {}
        self.restorers: dict[str, Restorer] = {}
        self.read_only_folders: list[str] = []
        self.logs: dict[str, int] = {}
        self.seals: set[str] = set()
        self.busy: list[str] = []
        self.retired: list[str] = []
        self.damaged: list[Finding] = []

    def add_model(self, model: str) -> None:
        """Take in all there is to one model."""
        log = model_log(self._storage, model)
        head = self._checked_head(log)
        if head is None:
            self._miss_log(log, layout.model_name_claim(model))
            return
        for version, known in head.state.versions.items():
            self.seals.add(layout.version_seal(model, version))
            folder = layout.version_dir(model, version)
            if known.status == "reserved":
                self.busy.append(folder)
            elif known.status not in LIVE:
                self.retired.append(folder)
            else:
                self._add_version(log, head, version)
            if known.status in {"deleting", "deleted"}:
                self._add_grave(model, version)

    def add_deployment(self, deployment: str) -> None:
        """Take in all there is to one deployment."""
        head = self._checked_head(deployment_log(self._storage, deployment))
        if head is None:
            claim = layout.deployment_name_claim(deployment)
            self._miss_log(deployment_log(self._storage, deployment), claim)
            return
        state: DeploymentState = head.state
        for number in range(1, state.last + 1):
            version = state.versions.get(number)
            if version is None:
                self.retired.append(layout.deployment_version_dir(deployment, number))
            else:
                path = layout.deployment_document(deployment, number)
                self._add_bytes(path, document_bytes(version))

    def _add_version(self, log: ModelLog, head: Head[ModelState], version: int) -> None:
        model, known = log.model, head.state.versions[version]
        try:
            data = self._sealed_bytes(log, head, version)
            manifest = decode(data, Manifest, layout.version_seal(model, version))
        except (IntegrityError, FormatError) as error:
            self._damage(layout.version_dir(model, version), error)
            return
        folder = layout.files_dir(model, version)
        self.read_only_folders.append(folder)
        for file in manifest.files:
            self.sealed[f"{folder}/{file.path}"] = file.digest
        if known.seal:  # as format 1 seals
            self._add_bytes(layout.version_manifest(model, version), data)
        for path, text in embedded_files(manifest).items():
            self._add_bytes(path, text)
        self._add_artifacts(model, version)

    def _sealed_bytes(
        self, log: ModelLog, head: Head[ModelState], version: int
    ) -> bytes:
        """Return the manifest of a version; if its seal is lost, as the log has it.

        A seal that readers are sent to the log by is what can be made of that.
        """
        known = head.state.versions[version]
        try:
            return manifest_bytes(log, version, known)
        except IntegrityError:
            data = logged_manifest(log, version, known)
        seal = new_seal(head, log.model, version, known, new_token(), data)
        self._add_bytes(seal.path, buried(seal))
        return data

    def _add_grave(self, model: str, version: int) -> None:
        """Take a gravestone for what should lie there, once the deletion has begun."""
        if is_buried(self._storage, model, version):
            path = layout.version_manifest(model, version)
            self._add_bytes(path, gravestone(model, version))

    def _add_artifacts(self, model: str, version: int) -> None:
        path = layout.artifact_log(model, version)
        head = self._checked_head(Log(self._storage, path, ArtifactState))
        # Payloads of writers that have not committed yet are theirs.
        self.busy.append(layout.artifact_payload(model, version, "").rstrip("/"))
        if head is None:
            return
        for number in head.state.deleted:
            self.retired.append(layout.artifact_dir(model, version, number))
        store = ArtifactStore(self._storage, model, version)
        for number, artifact in head.state.versions.items():
            folder = layout.artifact_dir(model, version, number)
            self.read_only_folders.append(folder)
            for file in artifact.files:
                name = f"{folder}/{file.path}"
                self.sealed[name] = file.digest
                self.restorers[name] = _later(store, number, file.path)
                if artifact.payload:
                    payload = layout.artifact_payload(model, version, artifact.payload)
                    self.sealed[f"{payload}/{file.path}"] = file.digest

    def _add_bytes(self, path: str, data: bytes) -> None:
        self.sealed[path] = digest_of(data)
        self.restorers[path] = lambda: iter([data])

    def _checked_head(self, log: Log[Any]) -> Head[Any] | None:
        try:
            head: Head[Any] | None = log.audit()
        except (IntegrityError, FormatError) as error:
            self._damage(log.path.rpartition("/")[0], error)
            return None
        if head:
            self.logs[log.path] = head.seq
        return head

    def _miss_log(self, log: Log[Any], claim: str) -> None:
        folder = log.path.rpartition("/")[0]
        if folder in self.busy:
            return
        try:
            check_log_is_there(self._storage, log, claim)
        except IntegrityError as error:
            self._damage(folder, error)

    def _damage(self, folder: str, error: Exception) -> None:
        self.busy.append(folder)
        self.damaged.append(Finding(path=folder, kind="damaged", detail=str(error)))


def take_inventory(
    storage: Storage, models: set[str], deployments: set[str]
) -> Inventory:
    """Return the inventory of the named models and deployments."""
    inventory = Inventory(storage)
    for model in sorted(models):
        inventory.add_model(model)
    for deployment in sorted(deployments):
        inventory.add_deployment(deployment)
    return inventory


def _later(store: ArtifactStore, number: int, path: str) -> Restorer:
    return lambda: store.read(number)[path]()  # noqa: PLW0108 - read when needed
