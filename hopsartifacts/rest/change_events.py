"""Events about models, aliases and files: what changed, by name, without contents."""

from collections.abc import Iterable, Iterator

import msgspec

from hopsartifacts.rest.event_streams import Announcer
from hopsartifacts.rest.rows import ModelRow, RowChange


class ModelEvent(msgspec.Struct, frozen=True):
    """An event: a model or one of its versions is new, has changed, or is gone."""

    name: str


class ModelRemoved(msgspec.Struct, frozen=True):
    """An event: the last version of a model was deleted."""

    name: str


class AliasEvent(msgspec.Struct, frozen=True):
    """An event: an alias points at another version; null: at none, it was deleted."""

    model: str
    alias: str
    version: int | None


class FileEvent(msgspec.Struct, frozen=True):
    """An event: one of the user's own files or folders was written or is gone."""

    path: str


def publish_changes(announcer: Announcer, changes: Iterable[RowChange]) -> None:
    """Publish the events about changed models; the model's own event is the last."""
    for change in changes:
        for alias in _aliases(change):
            announcer.publish("alias", alias)
        if change.after:
            announcer.publish("model", ModelEvent(change.after.name))
        elif change.before:
            announcer.publish("model-removed", ModelRemoved(change.before.name))


def _aliases(change: RowChange) -> Iterator[AliasEvent]:
    row = change.after or change.before
    before, after = _targets(change.before), _targets(change.after)
    if row:
        for alias in sorted(before.keys() | after.keys()):
            if before.get(alias) != after.get(alias):
                yield AliasEvent(row.name, alias, after.get(alias))


def _targets(row: ModelRow | None) -> dict[str, int]:
    return row.aliases if row else {}
