"""Reading the catalog: incrementally, and as long tables.

Only logs that changed since the cache was written are read. The result includes every
version that was committed before the read began: the newest entry of every log is found
with a fresh listing. The long tables have one row per metric, artifact or deployment
version.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.catalog.newest_entries import (
    NO_LOG,
    NewestEntries,
    NewestEntry,
    Pinning,
    in_parallel,
    newest_of_artifacts,
    newest_of_deployments,
    newest_of_models,
)
from hopsartifacts.catalog.table import (
    KeptCatalog,
    Row,
    artifact_items,
    deployment_items,
    keep,
    load,
    table_of,
    version_part,
)
from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.versions import find_deployment
from hopsartifacts.errors import InvalidInputError, ModelNotFoundError
from hopsartifacts.registry.documents import ModelState
from hopsartifacts.registry.versions import model_state, while_live
from hopsartifacts.storage.contract import Storage

Pair = tuple[str, int]


def read_catalog(storage: Storage, *, artifacts: bool = True) -> pa.Table:
    """Return one row per model version, sorted by model and version.

    Args:
        storage: the project's storage.
        artifacts: include the column ``artifacts``, which takes one listing for each
            model version.

    Raises:
        IntegrityError: a log is damaged.
    """
    kept = load(storage)
    reading = _Reading(storage, kept, artifacts=artifacts)
    if reading.newest != kept.newest:
        kept = reading.refreshed()
        keep(storage, kept)
    return kept.table if artifacts else kept.table.drop_columns(["artifacts"])


class _Reading:
    """A read of the catalog: the differences from the cache, and the new state."""

    def __init__(self, storage: Storage, kept: KeptCatalog, *, artifacts: bool) -> None:
        self._storage = storage
        self._kept = kept
        self._models = newest_of_models(storage)
        self._deployments = newest_of_deployments(storage)
        before = kept.newest
        self._states: dict[str, ModelState] = {}
        moved = {
            name
            for name, entry in self._models.items()
            if entry != before.models.get(name)
        }
        self._read_states(moved)
        self._found = self._changed_deployments(moved)
        self._artifacts = {
            (model, version): entry
            for model, versions in before.artifacts.items()
            for version, entry in versions.items()
        }
        if artifacts:
            self._artifacts = newest_of_artifacts(storage, self._live_versions(moved))
        self.touched = moved | set(self._pinned()) | self._with_new_artifacts()
        self.touched |= before.models.keys() - self._models.keys()
        self.newest = self._newest_entries()

    def refreshed(self) -> KeptCatalog:
        """Return the current catalog."""
        self._read_states(self.touched & self._models.keys() - self._states.keys())
        model = self._kept.table.column("model")
        is_touched = pc.is_in(
            model, value_set=pa.array(list(self.touched), pa.string())
        )
        old = self._kept.table.filter(is_touched).to_pylist()
        rows = self._rows(old)
        rest = self._kept.table.filter(pc.invert(is_touched))
        table = pa.concat_tables([rest, table_of(rows)])
        order = [("model", "ascending"), ("version", "ascending")]
        return KeptCatalog(
            table=table.sort_by(order).combine_chunks(), newest=self.newest
        )

    def _rows(self, old: list[Row]) -> list[Row]:
        live = {
            (model, number): version
            for model in self.touched & self._states.keys()
            for number, version in self._states[model].live().items()
        }
        aliases = {
            model: self._states[model].aliases_by_version()
            for model in self.touched & self._states.keys()
        }
        artifacts = self._artifact_items(live, old)
        deployments = self._deployment_items(old)
        return [
            {
                **version_part(*pair, version, aliases[pair[0]].get(pair[1], [])),
                "artifacts": artifacts[pair],
                "deployments": deployments.get(pair, []),
            }
            for pair, version in live.items()
        ]

    def _artifact_items(
        self, live: Iterable[Pair], old: Iterable[Row]
    ) -> dict[Pair, list[Row]]:
        def items(pair: Pair) -> list[Row]:
            # If it is deleted meanwhile, the next reading leaves it out.
            with suppress(ModelNotFoundError), while_live(self._storage, *pair):
                return artifact_items(ArtifactStore(self._storage, *pair).versions())
            return []

        changed = [pair for pair in live if self._artifact_changed(pair)]
        read = in_parallel(self._storage, items, changed)
        kept = {(row["model"], row["version"]): row["artifacts"] for row in old}
        return {pair: read.get(pair, kept.get(pair, [])) for pair in live}

    def _deployment_items(self, old: Iterable[Row]) -> dict[Pair, list[Row]]:
        """Return the deployments of each model version, read now or from the cache."""
        items: dict[Pair, list[Row]] = {}
        for row in old:
            for item in row["deployments"]:
                if item["name"] in self._deployments.keys() - self._found.keys():
                    items.setdefault((row["model"], row["version"]), []).append(item)
        for state in self._found.values():
            for pair, more in deployment_items(state).items() if state else ():
                items.setdefault(pair, []).extend(more)
        for listed in items.values():
            listed.sort(key=lambda item: (item["name"], item["version"]))
        return items

    def _read_states(self, models: set[str]) -> None:
        self._states |= in_parallel(
            self._storage, lambda model: model_state(self._storage, model), models
        )

    def _changed_deployments(self, moved: set[str]) -> dict[str, Deployed | None]:
        """Return the deployments whose log, or whose model's log, has changed.

        The value is None if the deployment no longer exists.
        """
        changed = []
        for name, entry in self._deployments.items():
            kept = self._kept.newest.deployments.get(name)
            if kept is None or kept.newest != entry or moved & set(kept.models):
                changed.append(name)
        return in_parallel(
            self._storage, lambda name: find_deployment(self._storage, name), changed
        )

    def _live_versions(self, moved: set[str]) -> list[Pair]:
        columns: dict[str, list[Any]] = self._kept.table.select(
            ["model", "version"]
        ).to_pydict()
        kept = zip(columns["model"], columns["version"], strict=True)
        live = [pair for pair in kept if pair[0] in self._models.keys() - moved]
        for model in moved:
            live += [(model, number) for number in self._states[model].live()]
        return live

    def _pinned(self) -> Iterable[str]:
        """Yield the models that changed deployments pinned before, or pin now."""
        before = self._kept.newest.deployments
        gone = before.keys() - self._deployments.keys()
        for name in self._found.keys() & before.keys() | gone:
            yield from before[name].models
        for state in self._found.values():
            yield from _models_of(state)

    def _with_new_artifacts(self) -> set[str]:
        return {pair[0] for pair in self._artifacts if self._artifact_changed(pair)}

    def _artifact_changed(self, pair: Pair) -> bool:
        entry = self._artifacts.get(pair, NO_LOG)
        return entry != self._kept.newest.artifact(*pair)

    def _newest_entries(self) -> NewestEntries:
        artifacts: dict[str, dict[int, NewestEntry]] = {}
        for (model, version), entry in self._artifacts.items():
            if entry != NO_LOG:
                artifacts.setdefault(model, {})[version] = entry
        return NewestEntries(
            models=self._models,
            deployments={name: self._pinning(name) for name in self._deployments},
            artifacts=artifacts,
        )

    def _pinning(self, name: str) -> Pinning:
        if name not in self._found:
            return self._kept.newest.deployments[name]
        models = tuple(sorted(set(_models_of(self._found[name]))))
        return Pinning(newest=self._deployments[name], models=models)


def _models_of(state: Deployed | None) -> Iterable[str]:
    if state:
        for record in state.records().values():
            if record.model:
                yield record.model.name


def catalog_of(storage: Storage, kind: str, *, artifacts: bool) -> pa.Table:
    """Return the table *kind*; see ``hopsartifacts.catalog``.

    Raises:
        InvalidInputError: the table does not exist.
    """
    if kind not in _VIEWS:
        known = ", ".join(repr(name) for name in _VIEWS)
        raise InvalidInputError(f"there is no catalog {kind!r}: use one of {known}")
    needs_artifacts = kind == "artifacts" or (kind == "models" and artifacts)
    return _VIEWS[kind](read_catalog(storage, artifacts=needs_artifacts))


def _metrics(models: pa.Table) -> pa.Table:
    pairs = pa.list_(pa.struct([("metric", pa.string()), ("value", pa.float64())]))
    return _exploded(models, "metrics", pairs, {})


def _artifacts(models: pa.Table) -> pa.Table:
    return _exploded(models, "artifacts", None, {"version": "artifact_version"})


def _deployments(models: pa.Table) -> pa.Table:
    names = {"name": "deployment", "version": "deployment_version"}
    return _exploded(models, "deployments", None, names)


_VIEWS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "models": lambda models: models,
    "metrics": _metrics,
    "artifacts": _artifacts,
    "deployments": _deployments,
}


def _exploded(
    models: pa.Table, name: str, kind: pa.DataType | None, renamed: dict[str, str]
) -> pa.Table:
    """Return a row for each item of the list column *name*, with its model version."""
    column = models.column(name).combine_chunks()
    items = column.cast(kind) if kind else column
    parents = models.select(["model", "version"]).take(pc.list_parent_indices(items))
    flat = pa.Table.from_struct_array(pc.list_flatten(items))
    table = parents.rename_columns(["model", "model_version"])
    for field in flat.column_names:
        table = table.append_column(renamed.get(field, field), flat.column(field))
    return table
