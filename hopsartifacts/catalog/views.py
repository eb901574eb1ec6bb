"""Long tables of the catalog: one row per metric, artifact or deployment version."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from hopsartifacts.catalog.reader import read_catalog
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.contract import Storage


def catalog_of(storage: Storage, kind: str, *, artifacts: bool) -> pa.Table:
    """Return the table *kind*; see ``asking.catalog``.

    Raises:
        InvalidInputError: there is no such table.
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
