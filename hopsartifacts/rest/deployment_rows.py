"""Deployments as rows of lists: a cache, updated where a deployment's log has grown.

A deployment is read again if its log has a new entry, if the log of a model that it
uses has one, or if the artifacts that it depends on were changed. It uses the versions
of models that its own versions pin.
"""

import os
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime
from itertools import compress, repeat

import msgspec

from hopsartifacts import layout
from hopsartifacts.catalog.newest_entries import (
    NO_LOG,
    NewestEntry,
    entry_at,
    in_parallel,
    newest_of_artifacts,
    newest_of_deployments,
)
from hopsartifacts.deployments.deployed import Deployed, Logs
from hopsartifacts.deployments.rules import ApiProtocol, ModelServer, ServingTool
from hopsartifacts.deployments.versions import deployment_names, find_deployment
from hopsartifacts.errors import FormatError, IntegrityError
from hopsartifacts.registry.documents import Framework
from hopsartifacts.serving.contract import DeploymentKey
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.damage import Damaged

Users = dict[str, dict[int, list[str]]]
"""Names of the deployments that use a model version, by model and version."""


class SealedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the log of one deployment says about it.

    Attributes:
        version: number of the active version.
        created: when the deployment was first saved.
        updated: when the active version became active.
        instances: the requested number of predictors.
        entry: number of the newest entry of its log; 0 if it is not known.
        key: identifies it for the back end that runs it.
    """

    name: str
    id: str
    version: int
    description: str | None
    model: str
    model_version: int
    artifact_version: int
    framework: Framework
    model_server: ModelServer
    serving_tool: ServingTool
    api_protocol: ApiProtocol
    created: datetime
    creator: str
    updated: datetime
    instances: int
    entry: int
    key: DeploymentKey


def sealed_row(sealed: Deployed, entry: int = 0) -> SealedRow:
    """Return a deployment as a row, as of an *entry* of its log."""
    active = sealed.current
    specification = active.specification
    return SealedRow(
        name=sealed.name,
        id=sealed.id,
        version=active.version,
        description=specification.description,
        model=specification.model.name,
        model_version=specification.model.version,
        artifact_version=specification.artifact.version,
        framework=specification.model.framework,
        model_server=specification.model_server,
        serving_tool=specification.serving_tool,
        api_protocol=specification.api_protocol,
        created=datetime.fromisoformat(sealed.created),
        creator=sealed.creator,
        updated=datetime.fromisoformat(sealed.activated),
        instances=specification.predictor.resources.num_instances,
        entry=entry,
        key=sealed.key,
    )


class _Known(msgspec.Struct, frozen=True):
    """A deployment as of one entry of its log."""

    newest: NewestEntry
    row: SealedRow | None = None
    """None: readers see no deployment of this name."""
    versions: dict[str, list[int]] = {}
    """Numbers of the model versions that it uses, by model name."""
    runs: dict[tuple[str, int], set[int]] = {}
    """The artifact versions that it runs, by model version."""
    artifacts: dict[tuple[str, int], NewestEntry] = {}
    """The newest entry of each artifact log that this depends on, by model version."""
    damage: IntegrityError | FormatError | None = None
    """Why it cannot be read. It is tried again each time."""


class DeploymentRows:
    """The deployments of one project, cached; not safe for concurrent calls.

    Attributes:
        rows: the deployments by name, sorted.
        damaged: the deployments that cannot be read, and why.
        users: which deployments use which model versions.
    """

    def __init__(self, storage: Storage) -> None:
        self.rows: dict[str, SealedRow] = {}
        self.damaged: Damaged = {}
        self.users: Users = {}
        self._storage = storage
        self._root = storage.local_path("")
        self._known: dict[str, _Known] = {}

    def look(
        self, moved: set[str], compared: AbstractSet[str], *, are_compared: bool
    ) -> set[str]:
        """Update the cache where it is out of date; return the models with new users.

        Args:
            moved: models whose logs went on; their deployments are read again.
            compared: models whose artifact logs are checked; deployments that depend on
                a changed one are read again.
            are_compared: also check that the newest entries are still the same.
        """
        before = self._known
        same = self._unchanged(moved, compared, are_compared=are_compared)
        names = self._names()
        # Many deployments use the same models, whose logs are then read once.
        logs = Logs(self._storage)
        read = in_parallel(
            self._storage, lambda name: self._read(name, logs), names - same
        )
        self._known = {
            name: before[name] if name in same else read[name] for name in sorted(names)
        }
        if not read and len(before) == len(self._known):
            return set()
        known = self._known.items()
        self.rows = {name: it.row for name, it in known if it.row}
        self.damaged = {name: it.damage for name, it in known if it.damage}
        return self._update_users()

    def users_of_artifacts(self, model: str, version: int) -> dict[int, list[str]]:
        """Return the deployments that run each artifact version of a model version."""
        found: dict[int, list[str]] = {}
        for name, known in self._known.items():
            for artifact in known.runs.get((model, version), ()):
                found.setdefault(artifact, []).append(name)
        return found

    def _names(self) -> set[str]:
        if self._root is not None:
            with suppress(OSError):
                found = set(os.listdir(self._root / layout.DEPLOYMENTS))  # noqa: PTH208 - it is quick
                if found <= self._known.keys():
                    return found
        return set(deployment_names(self._storage))

    def _unchanged(
        self, moved: set[str], compared: AbstractSet[str], *, are_compared: bool
    ) -> set[str]:
        """Return the names of those that need not be read again."""
        sound = {name: it for name, it in self._known.items() if not it.damage}
        went_on = self._went_on(sound, are_compared=are_compared)
        artifacts = newest_of_artifacts(
            self._storage,
            {
                (model, version)
                for it in sound.values()
                for model, version in it.artifacts
                if model in compared
            },
        )
        return {
            name
            for name, it in sound.items()
            if name not in went_on
            and not moved & it.versions.keys()
            and all(
                artifacts.get(version, entry) == entry
                for version, entry in it.artifacts.items()
            )
        }

    def _went_on(self, known: dict[str, _Known], *, are_compared: bool) -> set[str]:
        """Return those whose logs have another newest entry than the cached one."""
        if self._root is None:
            newest = newest_of_deployments(self._storage)
            return {name for name, it in known.items() if it.newest != newest.get(name)}
        paths = [
            f"{self._root}/{_entry(name, it.newest.seq + 1)}"
            for name, it in known.items()
        ]
        found = set(compress(known, map(os.access, paths, repeat(os.F_OK))))
        if are_compared:
            found |= {
                name
                for name, it in known.items()
                if it.newest.seq and self._entry_at(name, it.newest.seq) != it.newest
            }
        return found

    def _entry_at(self, name: str, seq: int) -> NewestEntry:
        return entry_at(self._storage, layout.deployment_log(name), seq)

    def _read(self, name: str, logs: Logs) -> _Known:
        try:
            newest = logs.deployment(name).newest()
            if newest is None:
                return _Known(NO_LOG)
            entry = self._entry_at(name, newest.seq)
            live = find_deployment(self._storage, name, logs)
            if live is None:
                # The log of its model may have been read before its version was saved.
                logs = Logs(self._storage)
                live = find_deployment(self._storage, name, logs)
            return _known(live, entry, logs) if live else _Known(entry)
        except (IntegrityError, FormatError) as error:
            return _Known(NO_LOG, damage=error)

    def _update_users(self) -> set[str]:
        before, self.users = self.users, {}
        for name, known in self._known.items():
            for model, numbers in known.versions.items():
                users = self.users.setdefault(model, {})
                for number in numbers:
                    users.setdefault(number, []).append(name)
        return {
            model
            for model in before.keys() | self.users.keys()
            if before.get(model) != self.users.get(model)
        }


def _known(live: Deployed, newest: NewestEntry, logs: Logs) -> _Known:
    versions: dict[str, list[int]] = {}
    runs: dict[tuple[str, int], set[int]] = {}
    for record in live.records().values():
        pin = record.model
        if pin is None:
            continue
        runs.setdefault((pin.name, pin.version), set()).add(record.artifact)
        if pin.version not in versions.setdefault(pin.name, []):
            versions[pin.name].append(pin.version)
    pinned = {
        (record.model.name, record.model.version)
        for _, record in live.state.newest_first()
        if record.model and record.artifact
    }
    artifacts = {it: _newest_artifact(logs, *it) for it in pinned}
    row = sealed_row(live, newest.seq)
    return _Known(newest, row, versions, runs, artifacts)


def _newest_artifact(logs: Logs, model: str, version: int) -> NewestEntry:
    """Return the entry of the artifact log that was read; none if it is damaged."""
    log = logs.artifacts(model, version)
    try:
        seen = log.seen()
    except (IntegrityError, FormatError):
        return NO_LOG
    return entry_at(logs.storage, log.path, seen.seq) if seen else NO_LOG


def _entry(name: str, seq: int) -> str:
    return layout.log_entry(layout.deployment_log(name), seq)
