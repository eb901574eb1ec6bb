"""Aliases of model versions, with a history of every change and its reason.

Each change is a log entry that contains the whole record and the number of the entry
with the previous record. The history is read by following these numbers.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import decode_part, encode
from hopsartifacts.errors import InvalidInputError, ModelNotFoundError
from hopsartifacts.machine.identity import now, writer
from hopsartifacts.registry import versions
from hopsartifacts.registry.documents import AliasRecord, ModelState
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.pages import damaged
from hopsartifacts.times import moment

MOST = 100
"""The most aliases a model may have, including deleted ones: every entry lists them."""


_Change = tuple[int | None, int | None]
"""The new version of an alias, and the entry that a rollback returns to."""


def set_alias(
    storage: Storage,
    model: str,
    alias: str,
    version: int,
    why: str,
    *,
    only_new: bool = False,
) -> AliasRecord:
    """Point *alias* at *version*, unless it does so already; return its record.

    With *only_new*, an alias that points at any version is left unchanged.

    Raises:
        ModelNotFoundError: the version does not exist.
        InvalidInputError: the model has ``MOST`` aliases already.
    """

    def decide(state: ModelState, current: AliasRecord | None) -> _Change | None:
        versions.pick_live(state, model, version)
        there = current.version if current else None
        if there == version or (only_new and there is not None):
            return None
        return version, current.entry if current else None

    return _change(storage, model, alias, why, decide)


def delete_alias(storage: Storage, model: str, alias: str, why: str) -> AliasRecord:
    """Delete *alias*; its history is kept.

    Raises:
        ModelNotFoundError: the alias does not exist.
    """

    def decide(state: ModelState, current: AliasRecord | None) -> _Change:
        return None, _pointing(state, model, alias, current).entry

    return _change(storage, model, alias, why, decide)


def rollback_alias(storage: Storage, model: str, alias: str, why: str) -> AliasRecord:
    """Point *alias* at its previous version; repeat this to go back further.

    Raises:
        ModelNotFoundError: it has no previous version, or that version was deleted.
    """
    log = versions.model_log(storage, model)

    def decide(state: ModelState, current: AliasRecord | None) -> _Change:
        found = current or _pointing(state, model, alias, None)
        before = _record_under(log, found)
        if before is None or before.version is None:
            raise ModelNotFoundError(
                f"alias {alias!r} of model {model!r} never pointed at another version: "
                "there is nothing to roll back to"
            )
        versions.pick_live(state, model, before.version)
        return before.version, before.under

    return _change(storage, model, alias, why, decide)


def rollback_target(storage: Storage, model: str, alias: str) -> int | None:
    """Return the version that a rollback of *alias* would point it at.

    None if it has no previous version, or that version was deleted.
    """
    log = versions.model_log(storage, model)
    state = log.state()
    current = state.aliases.get(alias)
    before = _record_under(log, current) if current else None
    if before is None or before.version is None or not state.is_live(before.version):
        return None
    return before.version


def _record_under(log: versions.ModelLog, record: AliasRecord) -> AliasRecord | None:
    """Return the newest earlier record with a version that was not rolled back."""
    under = record.under
    while under is not None:
        before = alias_record(log, under)
        if before.version is not None:
            return before
        under = before.under
    return None


def alias_history(storage: Storage, model: str, alias: str) -> Iterator[AliasRecord]:
    """Yield every record of *alias*, newest first; nothing if it was never set."""
    log = versions.model_log(storage, model)
    record = log.state().aliases.get(alias)
    while record is not None:
        yield record
        record = None if record.before is None else alias_record(log, record.before)


def aliased_version(storage: Storage, model: str, alias: str, at: Any = None) -> int:
    """Return the version that *alias* points at, or pointed at when it was *at*.

    Raises:
        InvalidInputError: *at* is not a point in time; see ``times.moment``.
        ModelNotFoundError: it does not point at a version, or did not at that time.
    """
    if at is None:
        state = versions.model_state(storage, model)
        found = _pointing(state, model, alias, state.aliases.get(alias))
        return found.version or 0
    return alias_record_at(storage, model, alias, at).version or 0


def alias_record_at(storage: Storage, model: str, alias: str, at: Any) -> AliasRecord:
    """Return the record of *alias*, which pointed at a version, when it was *at*.

    Raises:
        InvalidInputError: *at* is not a point in time; see ``times.moment``.
        ModelNotFoundError: it did not point at a version at that time.
    """
    then = moment(at, "at")
    for record in alias_history(storage, model, alias):
        if _time_of(record, model) <= then:
            if record.version is not None:
                return record
            break
    raise ModelNotFoundError(
        f"alias {alias!r} of model {model!r} did not exist at {then.isoformat()}: "
        "mr.get_alias_history() lists its changes"
    )


def _change(
    storage: Storage,
    model: str,
    alias: str,
    why: str,
    wanted: Callable[[ModelState, AliasRecord | None], _Change | None],
) -> AliasRecord:
    def decide(state: ModelState, seq: int) -> Draft[ModelState] | None:
        current = state.aliases.get(alias)
        change = wanted(state, current)
        if change is None:
            return None
        version, under = change
        if current is None and len(state.aliases) >= MOST:
            raise InvalidInputError(
                f"model {model!r} has {MOST} aliases, the most possible, so {alias!r} "
                "cannot be added: reuse one, or use tags, which have no such limit"
            )
        record = AliasRecord(
            version=version,
            by=writer(),
            when=now(),
            why=why,
            entry=seq,
            before=current.entry if current else None,
            under=under,
        )
        op = {"kind": "alias", "alias": alias, "record": msgspec.to_builtins(record)}
        return Draft(op=op, state=state.aliased(alias, record))

    log = versions.model_log(storage, model)
    log.append(decide)
    return log.seen_state().aliases[alias]


def _time_of(record: AliasRecord, model: str) -> datetime:
    try:
        return datetime.fromisoformat(record.when)
    except ValueError as error:
        how = f"sets an alias at {record.when!r}, which is not a time"
        raise damaged(layout.model_log(model), record.entry, how) from error


def alias_record(log: versions.ModelLog, entry: int) -> AliasRecord:
    """Return the record that an entry of kind ``alias`` committed.

    Raises:
        IntegrityError: the entry is missing, damaged, or of another kind.
    """
    where = layout.log_entry(log.path, entry)
    return decode_part(encode(log.entry(entry).op["record"]), AliasRecord, where)


def _pointing(
    state: ModelState, model: str, alias: str, current: AliasRecord | None
) -> AliasRecord:
    if current and current.version is not None:
        return current
    known = ", ".join(state.live_aliases) or "none"
    raise ModelNotFoundError(f"model {model!r} has no alias {alias!r}: it has {known}")
