"""Model versions as rows of a list: from the catalog, or from the logs without it.

The catalog costs a listing of each log that could have gone on, and reads again only
those that did; it needs pyarrow. Without that every manifest is read.
"""

from datetime import datetime
from typing import Any

import msgspec

from hopsartifacts.catalog.asking import catalog, has_catalog
from hopsartifacts.deployments.versions import live_deployments
from hopsartifacts.registry.documents import Framework, ModelState, VersionState
from hopsartifacts.registry.versions import manifest_of, model_names, model_state
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.workers import Stop, each_result

Pair = tuple[str, int]


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model version in a list.

    Attributes:
        id: unique for ever, also when the version is deleted.
        files: how many.
        metrics: null is a number too great for JSON's readers.
        deployments: names of those any of whose versions runs it.
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
    deployments: list[str]


def version_rows(storage: Storage) -> list[VersionRow]:
    """Return all model versions, sorted by name and number.

    Raises:
        IntegrityError: a log is damaged.
    """
    if has_catalog():
        table = catalog(storage, artifacts=False)
        return [_of_catalog(row) for row in table.to_pylist()]
    return list(_of_logs(storage))


def _of_catalog(row: dict[str, Any]) -> VersionRow:
    return VersionRow(
        model=row["model"],
        version=row["version"],
        id=row["id"],
        framework=row["framework"],
        description=row["description"],
        created=row["created"],
        creator=row["creator"],
        files=row["files"],
        size_bytes=row["size_bytes"],
        metrics=dict(row["metrics"]),
        tags=msgspec.json.decode(row["tags"]),
        aliases=row["aliases"],
        deployments=sorted({it["name"] for it in row["deployments"]}),
    )


def _of_logs(storage: Storage) -> list[VersionRow]:
    workers = storage.capabilities.workers
    names = model_names(storage)
    states = each_result(lambda name, _: model_state(storage, name), names, workers)
    users = _users(storage)
    live = [
        (name, state, number, version)
        for name, state in zip(names, states, strict=True)
        for number, version in state.live().items()
    ]

    def row(item: tuple[str, ModelState, int, VersionState], stop: Stop) -> VersionRow:
        stop.check()
        name, state, number, version = item
        manifest = manifest_of(storage, name, version)
        edited = version.description
        return VersionRow(
            model=name,
            version=number,
            id=version.id,
            framework=manifest.framework,
            description=manifest.description if edited is None else edited,
            created=datetime.fromisoformat(manifest.created),
            creator=manifest.creator,
            files=len(manifest.files),
            size_bytes=manifest.size_bytes,
            metrics={it: _double(value) for it, value in version.metrics.items()},
            tags=version.tags,
            aliases=state.aliases_of(number),
            deployments=users.get((name, number), []),
        )

    return each_result(row, live, workers)


def _users(storage: Storage) -> dict[Pair, list[str]]:
    found: dict[Pair, list[str]] = {}
    for name, state in live_deployments(storage).items():
        pins = (it.specification.model for it in state.versions.values())
        for pair in sorted({(pin.name, pin.version) for pin in pins}):
            found.setdefault(pair, []).append(name)
    return found


def _double(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None
