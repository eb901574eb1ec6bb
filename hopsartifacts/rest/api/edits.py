"""Edits of a model version: its tags, and the aliases that point at it."""

from typing import Any

import msgspec
from msgspec.structs import asdict

from hopsartifacts.errors import ModelNotFoundError
from hopsartifacts.names import alias_name, model_name, tag_name
from hopsartifacts.registry.aliases import (
    alias_history,
    alias_record_at,
    delete_alias,
    rollback_alias,
    rollback_target,
    set_alias,
)
from hopsartifacts.registry.documents import AliasRecord
from hopsartifacts.registry.given import checked_reason, checked_tag
from hopsartifacts.registry.versions import live_version, model_state, set_tags
from hopsartifacts.rest.api.conventions import (
    Page,
    Paging,
    Reason,
    check_match,
    operations,
    page_of,
    tagged,
)
from hopsartifacts.rest.api.models import VERSION, pair
from hopsartifacts.rest.errors import no_such_tag
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder

_ALIASES = "/models/{model}/aliases"
_ALIAS = f"{_ALIASES}/{{alias}}"
_TAG = f"{VERSION}/tags/{{tag}}"


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """The target of an alias, as one entry of the model's log has set it.

    Attributes:
        version: the target; null if the alias was deleted.
        by: name of the API key or user that changed it.
        why: the reason that was given.
        entry: number of the entry in the model's log.
    """

    alias: str
    version: int | None
    by: str
    when: str
    why: str
    entry: int


class AliasDetail(Alias, frozen=True, kw_only=True):
    """The target of an alias, and where a rollback leads.

    Attributes:
        previous: the version that a rollback would point it at; null if there is none.
    """

    previous: int | None


class AliasQuery(msgspec.Struct, frozen=True):
    """Query parameters of an alias.

    Attributes:
        at: a date, or a time with its time zone: where the alias pointed then. By
            default where it points now.
    """

    at: str = ""


class NewAlias(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The new target of an alias, and the reason."""

    version: int
    why: str = ""


_BY_NAME: SortOrder[Alias] = SortOrder(
    identity=lambda it: (it.alias,),
    fields={
        "alias": lambda it: it.alias,
        "version": lambda it: it.version,
        "when": lambda it: it.when,
    },
    default="alias",
)
_BY_TIME: SortOrder[Alias] = SortOrder(
    identity=lambda it: (it.entry,),
    fields={"entry": lambda it: it.entry},
    default="-entry",
)


def _tags(call: OperationCall) -> Any:
    tags = live_version(call.hosted.storage, *pair(call)).tags
    return tagged(call.request, tags, tags)


def _tag(call: OperationCall) -> Any:
    tags = live_version(call.hosted.storage, *pair(call)).tags
    value = _present(call, tags)
    return tagged(call.request, value, value)


def _set_tag(call: OperationCall) -> Any:
    tag = tag_name(call.path["tag"])
    value = checked_tag(tag, call.body)

    def change(tags: dict[str, Any]) -> dict[str, Any]:
        _check(call, tags)
        return {**tags, tag: value}

    set_tags(call.hosted.storage, *pair(call), change)
    return tagged(call.request, value, value)


def _delete_tag(call: OperationCall) -> None:
    tag = call.path["tag"]

    def change(tags: dict[str, Any]) -> dict[str, Any]:
        _present(call, tags)
        _check(call, tags)
        return {name: value for name, value in tags.items() if name != tag}

    set_tags(call.hosted.storage, *pair(call), change)


def _check(call: OperationCall, tags: dict[str, Any]) -> None:
    """Refuse an edit if its conditions do not match the tag's current value."""
    tag = call.path["tag"]
    check_match(call.request, *([tags[tag]] if tag in tags else []))


def _present(call: OperationCall, tags: dict[str, Any]) -> Any:
    tag = call.path["tag"]
    if tag not in tags:
        raise no_such_tag(tag, tags)
    return tags[tag]


def _aliases(call: OperationCall) -> Page[Alias]:
    state = model_state(call.hosted.storage, _model(call))
    live = [
        _alias(name, record)
        for name, record in state.aliases.items()
        if record.version is not None
    ]
    return page_of(live, call.query, _BY_NAME)


def _get_alias(call: OperationCall) -> AliasDetail:
    name, alias = _model(call), alias_name(call.path["alias"])
    storage = call.hosted.storage
    if call.query.at:
        record = alias_record_at(storage, name, alias, call.query.at)
    else:
        current = model_state(storage, name).aliases.get(alias)
        if current is None or current.version is None:
            raise ModelNotFoundError(f"model {name!r} has no alias {alias!r}")
        record = current
    return AliasDetail(
        **asdict(_alias(alias, record)), previous=rollback_target(storage, name, alias)
    )


def _set_alias(call: OperationCall) -> Alias:
    new: NewAlias = call.body
    alias, why = alias_name(call.path["alias"]), checked_reason(new.why)
    storage = call.hosted.storage
    return _alias(alias, set_alias(storage, _model(call), alias, new.version, why))


def _delete_alias(call: OperationCall) -> None:
    alias, why = alias_name(call.path["alias"]), checked_reason(call.query.why)
    delete_alias(call.hosted.storage, _model(call), alias, why)


def _rollback_alias(call: OperationCall) -> Alias:
    alias, why = alias_name(call.path["alias"]), checked_reason(call.body.why)
    return _alias(alias, rollback_alias(call.hosted.storage, _model(call), alias, why))


def _history(call: OperationCall) -> Page[Alias]:
    alias = alias_name(call.path["alias"])
    records = alias_history(call.hosted.storage, _model(call), alias)
    return page_of([_alias(alias, it) for it in records], call.query, _BY_TIME)


def _model(call: OperationCall) -> str:
    return model_name(call.path["model"])


def _alias(name: str, record: AliasRecord) -> Alias:
    return Alias(
        alias=name,
        version=record.version,
        by=record.by,
        when=record.when,
        why=record.why,
        entry=record.entry,
    )


_tag_operation = operations("tags")
_alias_operation = operations("aliases")

OPERATIONS = (
    _tag_operation(
        "GET",
        f"{VERSION}/tags",
        _tags,
        "All tags by name, with an ETag",
        answer=dict[str, Any],
        minds=("If-None-Match",),
    ),
    _tag_operation(
        "GET",
        _TAG,
        _tag,
        "The value of a tag, with an ETag",
        answer=Any,
        minds=("If-None-Match",),
    ),
    _tag_operation(
        "PUT",
        _TAG,
        _set_tag,
        "Set a tag to any JSON value; with If-Match only if it is unchanged",
        body=Any,
        answer=Any,
        minds=("If-Match", "If-None-Match"),
    ),
    _tag_operation(
        "DELETE",
        _TAG,
        _delete_tag,
        "Delete a tag; with If-Match only if it is unchanged",
        status=204,
        minds=("If-Match", "If-None-Match"),
    ),
    _alias_operation(
        "GET",
        _ALIASES,
        _aliases,
        "Where the aliases of a model point",
        query=Paging,
        answer=Page[Alias],
    ),
    _alias_operation(
        "GET",
        _ALIAS,
        _get_alias,
        "Where an alias points, or pointed at a time",
        query=AliasQuery,
        answer=AliasDetail,
    ),
    _alias_operation(
        "PUT",
        _ALIAS,
        _set_alias,
        "Point an alias at a version",
        body=NewAlias,
        answer=Alias,
    ),
    _alias_operation(
        "DELETE",
        _ALIAS,
        _delete_alias,
        "Delete an alias; its history stays",
        query=Reason,
        status=204,
    ),
    _alias_operation(
        "POST",
        f"{_ALIAS}/rollback",
        _rollback_alias,
        "Point an alias at its previous version again",
        body=Reason,
        answer=Alias,
    ),
    _alias_operation(
        "GET",
        f"{_ALIAS}/history",
        _history,
        "Where an alias pointed, the newest first",
        query=Paging,
        answer=Page[Alias],
    ),
)
