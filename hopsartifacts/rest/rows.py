"""Model versions as rows of lists: a cache, updated where a model's log has grown.

Each listing checks for every model whether its log has an entry after the newest one
that was seen. On a local disk where nothing was written since the last listing it
checks none. Every ``_COMPARE_S`` seconds it also compares the newest entries, since a
project may have been restored from a backup under a running server. The cache is
written to the server's own folder, so that a server that starts need not read each log.
"""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Lock
from time import monotonic, time
from typing import Any

import msgspec
from msgspec.structs import replace

from hopsartifacts import __version__, layout
from hopsartifacts.catalog.heads import (
    NO_LOG,
    Mark,
    deployment_marks,
    in_parallel,
    mark_of,
)
from hopsartifacts.deployments.versions import find_deployment
from hopsartifacts.errors import StorageError
from hopsartifacts.registry.documents import Framework
from hopsartifacts.registry.versions import (
    model_log,
    model_names,
    model_state,
    pick_live,
)
from hopsartifacts.rest.own_folder import write_private
from hopsartifacts.storage.contract import Storage

_COMPARE_S = 10.0
"""How often the newest entries are compared as well."""
_TICK_S = 2.0
"""At least the resolution of any file system's clock."""
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


class _Kept(msgspec.Struct, frozen=True):
    """What the cache has of a model; deployments are added later."""

    mark: Mark
    versions: list[VersionRow]
    model: ModelRow | None
    """None: the model has no version that readers see."""


class _File(msgspec.Struct, frozen=True):
    """The cache as it is written to the server's own folder."""

    url: str
    release: str
    models: dict[str, _Kept]


class _Pins(msgspec.Struct, frozen=True):
    """The model versions that a deployment uses, as of one entry of its log."""

    mark: Mark
    versions: dict[str, list[int]]
    """Version numbers by model name."""


class Rows:
    """The rows of one project, cached.

    Args:
        storage: the project's storage.
        file: where the cache is kept between runs of the server; None: nowhere.
    """

    def __init__(self, storage: Storage, file: Path | None = None) -> None:
        self._storage = storage
        self._file = file
        self._root = storage.local_path("")
        self._lock = Lock()
        self._kept: dict[str, _Kept] = {}
        self._next: dict[str, str] = {}
        self._pins: dict[str, _Pins] = {}
        self._users: dict[str, dict[int, list[str]]] = {}
        self._versions: list[VersionRow] = []
        self._models: list[ModelRow] = []
        self._is_joined = True
        self._looked = self._compared = float("-inf")
        self._felt: tuple[int, int] | None = None
        self._unwritten = 0
        self._load()

    def versions(self) -> list[VersionRow]:
        """Return all model versions, sorted by name and number.

        Raises:
            IntegrityError: a log is damaged.
        """
        self._look_at_all()
        return self._versions

    def models(self) -> list[ModelRow]:
        """Return all models with versions, sorted by name; raises as ``versions``."""
        self._look_at_all()
        return self._models

    def versions_of(self, model: str) -> list[VersionRow]:
        """Return the versions of one model, in order.

        Raises:
            ModelNotFoundError: the model does not exist.
            IntegrityError: its log is damaged.
        """
        return self._of(model)[1]

    def model(self, model: str) -> ModelRow:
        """Return one model; raises as ``versions_of``."""
        return self._of(model)[0]

    def _of(self, model: str) -> tuple[ModelRow, list[VersionRow]]:
        with self._lock:
            paths = {it: self._next[it] for it in {model} & self._next.keys()}
            self._look({model} - paths.keys(), paths, are_compared=True)
            found = self._with_users(model)
        if found is None:
            state = model_state(self._storage, model)
            pick_live(state, model, state.head.latest or 1)
            return self._of(model)  # it was saved just now
        return found

    def _look_at_all(self) -> None:
        arrived = monotonic()
        with self._lock:
            if self._looked > arrived:
                return  # another thread has looked while this one waited
            started = monotonic()
            are_compared = started - self._compared > _COMPARE_S
            pulse = self._pulse()
            is_still = pulse is not None and pulse == self._felt and not are_compared
            new = self._names() ^ self._kept.keys()  # includes models that are gone
            self._look(new, {} if is_still else self._next, are_compared=are_compared)
            if not self._is_joined:
                self._join()
            self._looked, self._felt = started, pulse
            if are_compared:
                self._compared = started
            if self._unwritten >= _MANY:
                self._write()

    def _pulse(self) -> tuple[int, int] | None:
        """Return a value that differs after every commit; None if there is none.

        On a local disk each object is first written under a temporary name. The time of
        their folder may miss a second change within a clock tick, so it must be old.
        """
        if self._root is not None:
            with suppress(OSError):
                found = os.stat(self._root / layout.TEMPORARY)  # noqa: PTH116
                if time() - found.st_mtime > _TICK_S:
                    return found.st_ino, found.st_mtime_ns
        return None

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
        are_others = self._look_at_deployments(moved)
        for name, kept in read.items():
            if kept.mark == NO_LOG:
                self._kept.pop(name, None)
                self._next.pop(name, None)
            else:
                self._keep(name, kept)
        self._unwritten += len(read)
        self._is_joined = self._is_joined and not moved and not are_others

    def _went_on(self, paths: dict[str, str]) -> set[str]:
        if self._root is not None:
            is_there = os.access
            return {name for name, path in paths.items() if is_there(path, os.F_OK)}
        found = in_parallel(self._storage, self._storage.stat, paths.values())
        return {name for name, path in paths.items() if found[path]}

    def _replaced(self, names: set[str]) -> set[str]:
        """Return the models whose newest entry is not the cached one."""

        def is_replaced(name: str) -> bool:
            mark = self._kept[name].mark
            log = layout.model_log(name)
            return mark_of(self._storage, log, mark.seq) != mark

        if self._root is not None:  # threads would only cost time
            return {name for name in names if is_replaced(name)}
        found = in_parallel(self._storage, is_replaced, names)
        return {name for name, it in found.items() if it}

    def _keep(self, name: str, kept: _Kept) -> None:
        self._kept[name] = kept
        entry = layout.log_entry(layout.model_log(name), kept.mark.seq + 1)
        self._next[name] = entry if self._root is None else f"{self._root}/{entry}"

    def _read(self, model: str) -> _Kept:
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
        mark = mark_of(self._storage, log.path, newest.seq)
        return _Kept(mark, rows, _model_row(rows) if rows else None)

    def _look_at_deployments(self, moved: set[str]) -> bool:
        """Update which versions deployments use; return whether that has changed."""
        marks = deployment_marks(self._storage)
        before = self._pins
        same = {
            name: pins
            for name, pins in before.items()
            if pins.mark == marks.get(name) and not moved & pins.versions.keys()
        }
        read = in_parallel(self._storage, self._pinned, marks.keys() - same.keys())
        self._pins = {
            name: same.get(name) or _Pins(marks[name], read[name]) for name in marks
        }
        if self._pins == before:
            return False
        self._users = {}
        for name, pins in sorted(self._pins.items()):
            for model, numbers in pins.versions.items():
                users = self._users.setdefault(model, {})
                for number in numbers:
                    users.setdefault(number, []).append(name)
        return True

    def _pinned(self, deployment: str) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        live = find_deployment(self._storage, deployment)
        for record in live.records().values() if live else ():
            if record.model:
                numbers = found.setdefault(record.model.name, [])
                if record.model.version not in numbers:
                    numbers.append(record.model.version)
        return found

    def _join(self) -> None:
        self._versions, self._models = [], []
        for name in sorted(self._kept):
            found = self._with_users(name)
            if found:
                self._models.append(found[0])
                self._versions += found[1]
        self._is_joined = True

    def _with_users(self, name: str) -> tuple[ModelRow, list[VersionRow]] | None:
        kept = self._kept.get(name)
        if kept is None or kept.model is None:
            return None
        users = self._users.get(name)
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
                self._is_joined = False

    def _write(self) -> None:
        self._unwritten = 0
        if self._file is not None:
            found = _File(self._storage.url, __version__, self._kept)
            with suppress(StorageError):
                write_private(self._file, msgspec.json.encode(found))


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
