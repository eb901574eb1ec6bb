"""Marks of the newest entry of each log, found with listings alone."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from hopsartifacts import layout
from hopsartifacts.deployments.versions import deployment_names
from hopsartifacts.registry.versions import model_names
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.workers import each_result

Item = TypeVar("Item")
Result = TypeVar("Result")


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """The newest entry of a log: its number, size and time.

    The number grows with each entry. Size and time detect a project that was restored
    from a backup, where another entry may have got the same number.
    """

    seq: int = 0
    size_bytes: int = 0
    modified: float | None = None


NO_LOG = Mark()
_ODD = Mark(seq=-1)
"""What lies there is no entry: whoever reads the log is told."""


class Pinning(msgspec.Struct, frozen=True, kw_only=True):
    """The mark of a deployment, and the models that its versions pin."""

    mark: Mark
    models: tuple[str, ...]


class Heads(msgspec.Struct, frozen=True, kw_only=True):
    """The marks of all logs that a catalog was read from."""

    models: dict[str, Mark] = {}
    deployments: dict[str, Pinning] = {}
    artifacts: dict[str, dict[int, Mark]] = {}
    """By model and version; versions without an artifact log are left out."""

    def artifact(self, model: str, version: int) -> Mark:
        """Return the mark of a model version's artifact log."""
        return self.artifacts.get(model, {}).get(version, NO_LOG)


def model_marks(storage: Storage) -> dict[str, Mark]:
    """Return the mark of each model's log."""
    names = model_names(storage)
    return _marks(storage, {name: layout.model_log(name) for name in names})


def deployment_marks(storage: Storage) -> dict[str, Mark]:
    """Return the mark of each deployment's log."""
    names = deployment_names(storage)
    return _marks(storage, {name: layout.deployment_log(name) for name in names})


def artifact_marks(
    storage: Storage, versions: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], Mark]:
    """Return the mark of the artifact log of each model version."""
    return _marks(storage, {pair: layout.artifact_log(*pair) for pair in versions})


def in_parallel(
    storage: Storage, call: Callable[[Item], Result], items: Iterable[Item]
) -> dict[Item, Result]:
    """Return the result of *call* for each item, with the back end's parallelism."""
    listed, workers = list(items), storage.capabilities.workers
    results = each_result(lambda item, _: call(item), listed, workers)
    return dict(zip(listed, results, strict=True))


def _marks(storage: Storage, logs: dict[Item, str]) -> dict[Item, Mark]:
    return in_parallel(storage, lambda item: _mark(storage, logs[item]), logs)


def _mark(storage: Storage, log: str) -> Mark:
    path = storage.first(log)
    if path is None:
        return NO_LOG
    seq = layout.log_entry_seq(log, path)
    return mark_of(storage, log, seq) if seq else _ODD


def mark_of(storage: Storage, log: str, seq: int) -> Mark:
    """Return the mark of a log at entry *seq*; ``NO_LOG`` if there is no such entry."""
    newest = storage.stat(layout.log_entry(log, seq))
    return Mark(seq, newest.size_bytes, newest.modified) if newest else NO_LOG
