"""The expected content of the managed folders, according to the logs."""

from collections.abc import Callable, Iterator
from typing import Any

from hopsartifacts import layout
from hopsartifacts.artifacts.versions import ArtifactStore, artifact_log
from hopsartifacts.deployments.deployed import Deployed, Logs
from hopsartifacts.deployments.versions import document_bytes
from hopsartifacts.digests import Digest, digest_of
from hopsartifacts.errors import FormatError, IntegrityError
from hopsartifacts.registry.documents import VersionRecord
from hopsartifacts.registry.versions import (
    ModelLog,
    embedded_files,
    manifest_in,
    model_log,
    projected,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checks import Finding
from hopsartifacts.store.log import Log
from hopsartifacts.store.root import check_log_is_there

Restorer = Callable[[], Iterator[bytes]]


class Inventory:
    """Every managed path that should exist, and the data to judge all others.

    Attributes:
        sealed: the digest of each file that a seal names.
        restorers: functions that return the content of the files that the logs contain.
        read_only_folders: the folders that are read-only as a whole.
        logs: the folders of the logs that were audited entry by entry.
        busy: folders that may be in use by a writer, which are skipped.
        retired: folders of versions that were deleted or abandoned.
        damaged: logs that cannot be read; the files they own are skipped.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.sealed: dict[str, Digest] = {}
        self.restorers: dict[str, Restorer] = {}
        self.read_only_folders: list[str] = []
        self.logs: set[str] = set()
        self.busy: list[str] = []
        self.retired: list[str] = []
        self.damaged: list[Finding] = []

    def add_model(self, model: str, only: int | None = None) -> None:
        """Add everything that belongs to one model, or *only* to one version of it."""
        log = model_log(self._storage, model)
        if not self._audited(log):
            self._miss_log(log, layout.model_name_claim(model))
            return
        records = log.seen_state().records
        chosen = {it: record for it, record in records.items() if only in {None, it}}
        log.fetch({it.seal for it in chosen.values() if it.is_live})
        for version, record in chosen.items():
            folder = layout.version_dir(model, version)
            if record.status == "reserved":
                if lost := lost_seal(self._storage, model, version):
                    self._damage(folder, lost)
                self.busy.append(folder)
            elif record.is_live:
                self._add_version(log, model, version, record)
            else:
                self.retired.append(folder)

    def add_deployment(self, deployment: str) -> None:
        """Add everything that belongs to one deployment."""
        logs = Logs(self._storage)
        log = logs.deployment(deployment)
        if not self._audited(log):
            self._miss_log(log, layout.deployment_name_claim(deployment))
            return
        state = log.seen_state()
        found = Deployed(logs, deployment, state, state.head.active)
        try:
            log.fetch({it.entry for _, it in state.newest_first()})
            for number in state.records:
                if state.is_kept(number):
                    path = layout.deployment_document(deployment, number)
                    self._add_bytes(path, document_bytes(found.version(number)))
                else:
                    folder = layout.deployment_version_dir(deployment, number)
                    self.retired.append(folder)
        except IntegrityError as error:
            self._damage(layout.deployment_dir(deployment), error)

    def _add_version(
        self, log: ModelLog, model: str, version: int, record: VersionRecord
    ) -> None:
        try:
            manifest = manifest_in(log, record)
        except (IntegrityError, FormatError) as error:
            self._damage(layout.version_dir(model, version), error)
            return
        folder = layout.files_dir(model, version)
        self.read_only_folders.append(folder)
        for file in manifest.files:
            self.sealed[f"{folder}/{file.path}"] = file.digest
        copy = layout.version_manifest(model, version)
        # A deletion removes the copy before the log records the version as deleted.
        if record.status != "deleting" or self._storage.stat(copy):
            self._add_bytes(copy, projected(log, record))
        for path, text in embedded_files(manifest).items():
            self._add_bytes(path, text)
        self._add_artifacts(model, version)

    def _add_artifacts(self, model: str, version: int) -> None:
        log = artifact_log(self._storage, model, version)
        # Payloads that are not committed yet belong to their writers.
        self.busy.append(layout.artifact_payload(model, version, "").rstrip("/"))
        if not self._audited(log):
            return
        newest, seen = log.seen(), ArtifactStore(self._storage, model, version, log)
        try:
            records = dict(log.seen_state().records)
            for number, artifact in records.items():
                # No later entry has the digest of this one, and so of its content.
                if newest and artifact.is_live and artifact.entry == newest.seq:
                    seen.read(number)
        except (IntegrityError, FormatError) as error:
            # Or it was deleted since, and its model version with it.
            self._damage(log.path.rpartition("/")[0], error)
            return
        store = ArtifactStore(self._storage, model, version)
        for number, artifact in records.items():
            folder = layout.artifact_dir(model, version, number)
            if not artifact.is_live:
                self.retired.append(folder)
                continue
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

    def _audited(self, log: Log[Any]) -> bool:
        """Audit a log, and return whether it is readable and not empty."""
        try:
            newest = log.audit()
        except (IntegrityError, FormatError) as error:
            self._damage(log.path.rpartition("/")[0], error)
            return False
        if newest:
            self.logs.add(log.path)
        return newest is not None

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


def lost_seal(storage: Storage, model: str, version: int) -> IntegrityError | None:
    """Return the error of a reserved version that has a copy of its manifest.

    The copy is written after the seal, so the log has lost the seal. If the version was
    sealed after the log was read, nothing is wrong, and None is returned.
    """
    copy = layout.version_manifest(model, version)
    if storage.stat(copy) is None:
        return None
    record = model_log(storage, model).state().records.get(version)
    if record is None or record.status != "reserved":
        return None
    return IntegrityError(
        f"{copy} was written after the version was sealed, but the log does not "
        "record that: its newest entries are lost; restore them from a backup"
    )


def _later(store: ArtifactStore, number: int, path: str) -> Restorer:
    return lambda: store.read(number)[path]()  # noqa: PLW0108 - read when needed
