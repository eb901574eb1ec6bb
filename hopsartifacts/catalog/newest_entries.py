"""The newest entry of each log, found with listings alone."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from hopsartifacts import layout
from hopsartifacts.deployments.versions import deployment_names
from hopsartifacts.machine.workers import each_result
from hopsartifacts.registry.versions import model_names
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.log import newest_seq

Item = TypeVar("Item")
Result = TypeVar("Result")


class NewestEntry(msgspec.Struct, frozen=True, array_like=True):
    """The newest entry of a log: its number, size and time.

    The number grows with each entry. Size and time detect a project that was restored
    from a backup, where another entry may have got the same number.
    """

    seq: int = 0
    size_bytes: int = 0
    modified: float | None = None


NO_LOG = NewestEntry()


class Pinning(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entry of a deployment's log, and the models that its versions pin."""

    newest: NewestEntry
    models: tuple[str, ...]


class NewestEntries(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entries of all logs that a catalog was read from."""

    models: dict[str, NewestEntry] = {}
    deployments: dict[str, Pinning] = {}
    artifacts: dict[str, dict[int, NewestEntry]] = {}
    """By model and version; versions without an artifact log are left out."""

    def artifact(self, model: str, version: int) -> NewestEntry:
        """Return the newest entry of a model version's artifact log."""
        return self.artifacts.get(model, {}).get(version, NO_LOG)


def newest_of_models(storage: Storage) -> dict[str, NewestEntry]:
    """Return the newest entry of each model's log."""
    names = model_names(storage)
    return _newest(storage, {name: layout.model_log(name) for name in names})


def newest_of_deployments(storage: Storage) -> dict[str, NewestEntry]:
    """Return the newest entry of each deployment's log."""
    names = deployment_names(storage)
    return _newest(storage, {name: layout.deployment_log(name) for name in names})


def newest_of_artifacts(
    storage: Storage, versions: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], NewestEntry]:
    """Return the newest entry of the artifact log of each model version."""
    return _newest(storage, {pair: layout.artifact_log(*pair) for pair in versions})


def in_parallel(
    storage: Storage, call: Callable[[Item], Result], items: Iterable[Item]
) -> dict[Item, Result]:
    """Return the result of *call* for each item, with the back end's parallelism.

    On a local disk there is none, as for small files threads take more time.
    """
    is_local = storage.local_path("") is not None
    listed, workers = list(items), 1 if is_local else storage.capabilities.workers
    results = each_result(lambda item, _: call(item), listed, workers)
    return dict(zip(listed, results, strict=True))


def _newest(storage: Storage, logs: dict[Item, str]) -> dict[Item, NewestEntry]:
    return in_parallel(storage, lambda item: _newest_of(storage, logs[item]), logs)


def _newest_of(storage: Storage, log: str) -> NewestEntry:
    seq = newest_seq(storage, log)
    return entry_at(storage, log, seq) if seq else NO_LOG


def entry_at(storage: Storage, log: str, seq: int) -> NewestEntry:
    """Return entry *seq* of a log; ``NO_LOG`` if it does not exist."""
    found = storage.stat(layout.log_entry(log, seq))
    return NewestEntry(seq, found.size_bytes, found.modified) if found else NO_LOG
