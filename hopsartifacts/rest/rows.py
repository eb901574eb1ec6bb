"""Model versions as rows of lists, with as few requests to the storage as will do.

All of them come from the catalog, which lists each log and reads those that went on; it
needs pyarrow. Without it, and for one model, the newest state of each log is read. What
is sealed never changes, so a manifest is read once in the life of the server.
"""

from datetime import datetime
from typing import Any

import msgspec

from hopsartifacts.catalog.asking import catalog, has_catalog
from hopsartifacts.deployments.versions import live_deployments
from hopsartifacts.registry.documents import Framework, ModelState, VersionRecord
from hopsartifacts.registry.versions import (
    manifest_of,
    model_names,
    model_state,
    pick_live,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.workers import Stop, each_result

Pair = tuple[str, int]

_MOST_KEPT = 50_000
_FEW = 8
"""So many manifests are read one by one rather than asking the catalog."""


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


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What never changes of a row."""

    framework: Framework
    description: str
    created: datetime
    creator: str
    files: int
    size_bytes: int


class _Live(msgspec.Struct, frozen=True):
    model: str
    state: ModelState
    number: int

    @property
    def version(self) -> VersionRecord:
        return self.state.records[self.number]


class Rows:
    """The rows of one project; what is sealed is remembered."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._sealed: dict[str, _Sealed] = {}

    def all(self) -> list[VersionRow]:
        """Return all model versions, sorted by name and number.

        Raises:
            IntegrityError: a log is damaged.
        """
        if has_catalog():
            return self._of_catalog()
        names, workers = model_names(self._storage), self._storage.capabilities.workers
        states = each_result(
            lambda name, _: model_state(self._storage, name), names, workers
        )
        return self._of_states(dict(zip(names, states, strict=True)))

    def of(self, model: str) -> list[VersionRow]:
        """Return the versions of one model, in order.

        Raises:
            ModelNotFoundError: there is none.
            IntegrityError: its log is damaged.
        """
        state = model_state(self._storage, model)
        live = state.live()
        if not live:
            pick_live(state, model, 1)
        unknown = {it.sha256 for it in live.values()} - self._sealed.keys()
        if len(unknown) > _FEW and has_catalog():
            self._of_catalog()
        return self._of_states({model: state})

    def _of_catalog(self) -> list[VersionRow]:
        rows = []
        for found in catalog(self._storage, artifacts=False).to_pylist():
            rows.append(_row(found))
            self._remember(found["manifest"], found)
        return rows

    def _remember(self, manifest: str, found: dict[str, Any]) -> None:
        if len(self._sealed) >= _MOST_KEPT:
            self._sealed = {}
        # The description may be an edited one: then every later state has one, too.
        fields = {name: found[name] for name in _Sealed.__struct_fields__}
        self._sealed[manifest] = _Sealed(**fields)

    def _of_states(self, states: dict[str, ModelState]) -> list[VersionRow]:
        users = self._users()
        live = [
            _Live(name, state, number)
            for name, state in states.items()
            for number in state.live()
        ]

        def row(item: _Live, stop: Stop) -> VersionRow:
            stop.check()
            version, sealed = item.version, self._sealed_part(item)
            return VersionRow(
                model=item.model,
                version=item.number,
                id=version.id,
                framework=sealed.framework,
                description=version.description,
                created=sealed.created,
                creator=sealed.creator,
                files=sealed.files,
                size_bytes=sealed.size_bytes,
                metrics={name: _double(it) for name, it in version.metrics.items()},
                tags=version.tags,
                aliases=item.state.aliases_of(item.number),
                deployments=users.get((item.model, item.number), []),
            )

        return each_result(row, live, self._storage.capabilities.workers)

    def _sealed_part(self, item: _Live) -> _Sealed:
        pin = item.version.sha256 or ""
        known = self._sealed.get(pin)
        if known is None:
            manifest = manifest_of(self._storage, item.model, item.version)
            known = _Sealed(
                framework=manifest.framework,
                description=manifest.description,
                created=datetime.fromisoformat(manifest.created),
                creator=manifest.creator,
                files=len(manifest.files),
                size_bytes=manifest.size_bytes,
            )
            self._sealed[pin] = known
        return known

    def _users(self) -> dict[Pair, list[str]]:
        found: dict[Pair, list[str]] = {}
        for name, state in live_deployments(self._storage).items():
            pins = (it.model for it in state.records().values())
            for pair in sorted({(pin.name, pin.version) for pin in pins if pin}):
                found.setdefault(pair, []).append(name)
        return found


def _row(found: dict[str, Any]) -> VersionRow:
    """Return a row of the catalog."""
    fields = {name: found[name] for name in VersionRow.__struct_fields__}
    fields["metrics"] = dict(found["metrics"])
    fields["tags"] = msgspec.json.decode(found["tags"])
    fields["deployments"] = sorted({it["name"] for it in found["deployments"]})
    return VersionRow(**fields)


def _double(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None
