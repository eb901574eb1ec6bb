"""Model versions as rows of lists: a cache, updated where a model's log has grown.

Each listing checks for every model whether its log has an entry after the newest one
that was seen. On a local disk where nothing was written since the last listing it
checks none. Every ``_COMPARE_S`` seconds it also compares the newest entries, since a
project may have been restored from a backup under a running server, and those of
artifact logs, since a deployment's artifact may be deleted. Lists stay sorted, and only
the rows of a model that changed are moved in them. The cache is written to the server's
own folder, so that a server that starts need not read each log.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from itertools import compress, repeat
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from hopsartifacts import __version__, layout
from hopsartifacts.catalog.newest_entries import (
    NO_LOG,
    NewestEntry,
    entry_at,
    in_parallel,
)
from hopsartifacts.documents import is_same_json
from hopsartifacts.errors import FormatError, IntegrityError, StorageError
from hopsartifacts.registry.documents import Framework
from hopsartifacts.registry.versions import (
    model_log,
    model_names,
    model_state,
    pick_live,
)
from hopsartifacts.rest.deployment_rows import DeploymentRows, SealedRow
from hopsartifacts.rest.folder_stamps import FolderStamp, folder_stamp
from hopsartifacts.rest.own_folder import write_private
from hopsartifacts.rest.sorted_lists import SortedList, SortedLists, SortOrder
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.damage import Damaged

_COMPARE_S = 10.0
"""How often the newest entries are compared as well."""
_MANY = 100
"""After this many models were read, the cache is written to disk."""


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model version in a list.

    Attributes:
        id: unique, even after the version is deleted.
        files: number of files.
        metrics: null stands for a number too large for JSON readers.
        deployments: names of the deployments with a version that runs it.
    """

    model: str
    version: int
    id: str
    framework: Framework
    description: str
    created: datetime
    creator: str
    files: int
    size_bytes: int
    metrics: dict[str, float | None]
    tags: dict[str, Any]
    aliases: list[str]
    deployments: list[str] = []


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model in a list.

    Attributes:
        versions: number of versions.
        latest: the newest version, from which framework, description and metrics are.
        created: when the oldest existing version was saved.
        updated: when the newest version was saved.
        size_bytes: total size of all versions' files.
        aliases: the version that each alias points at.
        deployments: names of the deployments that run any of the versions.
    """

    name: str
    versions: int
    latest: int
    framework: Framework
    description: str
    created: datetime
    updated: datetime
    size_bytes: int
    metrics: dict[str, float | None]
    aliases: dict[str, int]
    deployments: list[str] = []


MODELS: SortOrder[ModelRow] = SortOrder(
    identity=lambda row: (row.name,),
    fields={
        "name": lambda row: row.name,
        "versions": lambda row: row.versions,
        "framework": lambda row: row.framework,
        "created": lambda row: row.created.timestamp(),
        "updated": lambda row: row.updated.timestamp(),
        "size_bytes": lambda row: row.size_bytes,
    },
    default="name",
)
VERSIONS: SortOrder[VersionRow] = SortOrder(
    identity=lambda row: (row.model, row.version),
    fields={
        "model": lambda row: row.model,
        "version": lambda row: row.version,
        "framework": lambda row: row.framework,
        "creator": lambda row: row.creator,
        "created": lambda row: row.created.timestamp(),
        "files": lambda row: row.files,
        "size_bytes": lambda row: row.size_bytes,
    },
    default="-created",
)


class _Kept(msgspec.Struct, frozen=True):
    """The cached rows of a model; deployments are added later."""

    newest: NewestEntry
    versions: list[VersionRow]
    model: ModelRow | None
    """None: the model has no version that readers see."""


class _File(msgspec.Struct, frozen=True):
    """The cache as it is written to the server's own folder."""

    url: str
    release: str
    models: dict[str, _Kept]


class RowChange(msgspec.Struct, frozen=True):
    """A model of which a row has changed; None: it had no versions before, or has none.

    Attributes:
        before: its row in the lists before.
        after: its row now.
    """

    before: ModelRow | None
    after: ModelRow | None


class Rows:
    """The rows of one project, cached.

    Args:
        storage: the project's storage.
        file: where the cache is kept between runs of the server; None: nowhere.
        on_change: is called after lists have changed, but not when they are first made;
            the lists must not be asked for meanwhile.
    """

    def __init__(
        self,
        storage: Storage,
        file: Path | None = None,
        on_change: Callable[[list[RowChange]], None] = lambda _: None,
    ) -> None:
        self._on_change = on_change
        self._storage = storage
        self._file = file
        self._root = storage.local_path("")
        self._lock = Lock()
        self._kept: dict[str, _Kept] = {}
        self._next: dict[str, str] = {}
        self._deployments = DeploymentRows(storage)
        self._damaged: dict[str, IntegrityError | FormatError] = {}
        """Why the log of a model cannot be read. It is tried again each time."""
        self._changed: set[str] = set()
        """Models whose rows have changed since the lists were updated."""
        self._listed: dict[str, tuple[ModelRow, list[VersionRow]]] = {}
        self._is_listed = False
        """Whether the lists were made once."""
        self._versions = SortedLists(VERSIONS)
        self._models = SortedLists(MODELS)
        self._looked = self._compared = float("-inf")
        self._users_seen: tuple[FolderStamp, float] = (None, float("-inf"))
        """When the users of artifacts were looked for."""
        self._folder_stamps: tuple[FolderStamp, FolderStamp] = (None, None)
        self._unwritten = 0
        self._load()

    def versions(self) -> list[VersionRow]:
        """Return all model versions, sorted by name and number.

        Models whose logs are damaged are left out; see ``damaged``.
        """
        return self.versions_by("model").items

    def models(self) -> list[ModelRow]:
        """Return all models with versions, sorted by name, as ``versions``."""
        return self.models_by("name").items

    def versions_by(self, field: str) -> SortedList[VersionRow]:
        """Return all model versions, sorted by a field of ``VERSIONS``."""
        arrived = monotonic()
        with self._lock:
            self._look_at_all(arrived)
            return self._versions.by(field)

    def models_by(self, field: str) -> SortedList[ModelRow]:
        """Return all models with versions, sorted by a field of ``MODELS``."""
        arrived = monotonic()
        with self._lock:
            self._look_at_all(arrived)
            return self._models.by(field)

    def deployments(self) -> list[SealedRow]:
        """Return all deployments, sorted by name.

        Those with damaged logs are left out; see ``damaged_deployments``.
        """
        arrived = monotonic()
        with self._lock:
            self._look_at_all(arrived)
            return list(self._deployments.rows.values())

    def damaged_deployments(self) -> Damaged:
        """Return the deployments that the latest list lacks, and why."""
        return self._deployments.damaged

    def aliases_of(self, model: str) -> dict[str, int]:
        """Return the aliases of a model as of the latest list; none if not listed."""
        found = self._listed.get(model)
        return found[0].aliases if found else {}

    def log_lengths(self) -> dict[str, int]:
        """Return the number of entries of each model's log, as of the latest list."""
        with self._lock:
            return {name: it.newest.seq for name, it in self._kept.items()}

    def damaged(self) -> list[str]:
        """Return the models whose logs could not be read for the latest list."""
        return sorted(self._damaged.copy())

    def versions_of(self, model: str) -> list[VersionRow]:
        """Return the versions of one model, in order.

        Raises:
            ModelNotFoundError: the model does not exist.
            IntegrityError: its log is damaged.
            FormatError: its log was written by a later release.
        """
        return self._of(model)[1]

    def model(self, model: str) -> ModelRow:
        """Return one model; raises as ``versions_of``."""
        return self._of(model)[0]

    def artifact_users(self, model: str, version: int) -> dict[int, list[str]]:
        """Return the deployments that run each artifact version of a model version.

        They are looked for again only if something was written on the local disk since
        the last time; elsewhere every ``_COMPARE_S`` seconds.

        Raises as ``versions_of``.
        """
        stamp, now = self._folder_stamp(layout.TEMPORARY), monotonic()
        before, looked = self._users_seen
        is_still = stamp is not None and stamp == before
        if self._root is None:
            is_still = now - looked < _COMPARE_S
        if not is_still:
            self._of(model)
            self._users_seen = stamp, now
        return self._deployments.users_of_artifacts(model, version)

    def _of(self, model: str) -> tuple[ModelRow, list[VersionRow]]:
        with self._lock:
            paths = {it: self._next[it] for it in {model} & self._next.keys()}
            self._look({model} - paths.keys(), paths, are_compared=True)
            damaged, found = self._damaged.get(model), self._with_users(model)
        if damaged is not None:
            raise damaged
        if found is None:
            state = model_state(self._storage, model)
            pick_live(state, model, state.head.latest or 1)
            return self._of(model)  # it was saved just now
        return found

    def _look_at_all(self, arrived: float) -> None:
        """Update all rows, unless another thread has begun to after *arrived*."""
        if self._looked > arrived:
            return
        started = monotonic()
        are_compared = started - self._compared > _COMPARE_S
        written, listed = (
            self._folder_stamp(layout.TEMPORARY),
            self._folder_stamp(layout.MODELS),
        )
        before_written, before_listed = (
            (None, None) if are_compared else self._folder_stamps
        )
        is_still = written is not None and written == before_written
        if listed is None or listed != before_listed:
            new = self._names() ^ self._kept.keys()  # includes deleted models
        else:
            new = set()
        new |= self._damaged.keys()
        if new or not is_still:
            paths = {} if is_still else self._next
            self._look(new, paths, are_compared=are_compared)
        self._update_lists()
        self._looked, self._folder_stamps = started, (written, listed)
        if are_compared:
            self._compared = started
        if self._unwritten >= _MANY:
            self._write()

    def _folder_stamp(self, folder: str) -> FolderStamp:
        """Return the stamp of *folder*; None if there is none.

        On a local disk each object is first written under a temporary name, in one
        folder.
        """
        return None if self._root is None else folder_stamp(f"{self._root}/{folder}")

    def _names(self) -> set[str]:
        if self._root is not None:
            with suppress(OSError):
                found = os.listdir(self._root / layout.MODELS)  # noqa: PTH208 - it is quick
                names = {name for name in found if "." not in name}
                if names <= self._kept.keys():
                    return names
        return set(model_names(self._storage))

    def _look(
        self, new: set[str], paths: dict[str, str], *, are_compared: bool
    ) -> None:
        """Update the cache where it is out of date.

        Args:
            new: models to read in any case.
            paths: for each model to check, the path of its log's next entry, if it has
                one.
            are_compared: also check that the newest entries are still the same.
        """
        moved = new | self._went_on(paths)
        if are_compared:
            moved |= self._replaced(paths.keys() - moved)
        read = in_parallel(self._storage, self._read, moved)
        compared = paths.keys() if are_compared else set()
        self._changed |= moved | self._deployments.look(
            moved, compared, are_compared=are_compared
        )
        for name, kept in read.items():
            self._damaged.pop(name, None)
            if isinstance(kept, IntegrityError | FormatError):
                self._damaged[name] = kept
            if not isinstance(kept, _Kept) or kept.newest == NO_LOG:
                self._kept.pop(name, None)
                self._next.pop(name, None)
            else:
                self._keep(name, kept)
        self._unwritten += len(read)

    def _went_on(self, paths: dict[str, str]) -> set[str]:
        if self._root is not None:
            are_there = map(os.access, paths.values(), repeat(os.F_OK))
            return set(compress(paths, are_there))
        found = in_parallel(self._storage, self._storage.stat, paths.values())
        return {name for name, path in paths.items() if found[path]}

    def _replaced(self, names: set[str]) -> set[str]:
        """Return the models whose newest entry is not the cached one."""

        def is_replaced(name: str) -> bool:
            newest = self._kept[name].newest
            log = layout.model_log(name)
            return entry_at(self._storage, log, newest.seq) != newest

        found = in_parallel(self._storage, is_replaced, names)
        return {name for name, it in found.items() if it}

    def _keep(self, name: str, kept: _Kept) -> None:
        self._kept[name] = kept
        entry = layout.log_entry(layout.model_log(name), kept.newest.seq + 1)
        self._next[name] = entry if self._root is None else f"{self._root}/{entry}"

    def _read(self, model: str) -> _Kept | IntegrityError | FormatError:
        try:
            return self._read_log(model)
        except (IntegrityError, FormatError) as error:
            return error

    def _read_log(self, model: str) -> _Kept:
        log = model_log(self._storage, model)
        newest = log.newest()
        if newest is None:
            return _Kept(NO_LOG, [], None)
        state = newest.state
        aliases = state.aliases_by_version()
        rows = [
            VersionRow(
                model=model,
                version=number,
                id=it.id,
                framework=it.framework or "PYTHON",
                description=it.description,
                created=datetime.fromisoformat(it.created),
                creator=it.creator,
                files=it.files,
                size_bytes=it.size_bytes,
                metrics={name: _double(value) for name, value in it.metrics.items()},
                tags=it.tags,
                aliases=aliases.get(number, []),
            )
            for number, it in state.live().items()
        ]
        entry = entry_at(self._storage, log.path, newest.seq)
        return _Kept(entry, rows, _model_row(rows) if rows else None)

    def _update_lists(self) -> None:
        changes: list[RowChange] = []
        removed: list[VersionRow] = []
        added: list[VersionRow] = []
        for name in sorted(self._changed):
            before, after = self._listed.pop(name, None), self._with_users(name)
            if after:
                self._listed[name] = after
            row_before, versions_before = before or (None, [])
            row_after, versions_after = after or (None, [])
            gone, new = _difference(versions_before, versions_after)
            if gone or new or not is_same_json(row_before, row_after):
                changes.append(RowChange(row_before, row_after))
                removed += gone
                added += new
        self._changed.clear()
        if changes:
            self._models.replace(
                [it.before for it in changes if it.before],
                [it.after for it in changes if it.after],
            )
            self._versions.replace(removed, added)
            if self._is_listed:
                self._on_change(changes)
        self._is_listed = True

    def _with_users(self, name: str) -> tuple[ModelRow, list[VersionRow]] | None:
        kept = self._kept.get(name)
        if kept is None or kept.model is None:
            return None
        users = self._deployments.users.get(name)
        if not users:
            return kept.model, kept.versions
        rows = [
            replace(row, deployments=users[row.version])
            if row.version in users
            else row
            for row in kept.versions
        ]
        names = sorted({it for row in rows for it in row.deployments})
        return replace(kept.model, deployments=names), rows

    def _load(self) -> None:
        if self._file is None:
            return
        with suppress(OSError, msgspec.MsgspecError):
            found = msgspec.json.decode(self._file.read_bytes(), type=_File)
            if (found.url, found.release) == (self._storage.url, __version__):
                for name, kept in found.models.items():
                    self._keep(name, kept)
                self._changed.update(found.models)

    def _write(self) -> None:
        self._unwritten = 0
        if self._file is not None:
            found = _File(self._storage.url, __version__, self._kept)
            with suppress(StorageError):
                write_private(self._file, msgspec.json.encode(found))


def _difference(
    gone: list[VersionRow], new: list[VersionRow]
) -> tuple[list[VersionRow], list[VersionRow]]:
    """Return the versions that are only in *gone*, and those that are only in *new*."""
    old = {row.version: row for row in gone}
    added: list[VersionRow] = []
    for row in new:
        if is_same_json(old.get(row.version), row):
            del old[row.version]
        else:
            added.append(row)
    return list(old.values()), added


def _model_row(versions: list[VersionRow]) -> ModelRow:
    latest = versions[-1]
    return ModelRow(
        name=latest.model,
        versions=len(versions),
        latest=latest.version,
        framework=latest.framework,
        description=latest.description,
        created=min(row.created for row in versions),
        updated=latest.created,
        size_bytes=sum(row.size_bytes for row in versions),
        metrics=latest.metrics,
        aliases={alias: row.version for row in versions for alias in row.aliases},
    )


def _double(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None
