"""The history of a model: every entry of its log in words, with what it changed."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from hopsartifacts.documents import is_same_json
from hopsartifacts.errors import ModelNotFoundError
from hopsartifacts.registry import versions
from hopsartifacts.registry.aliases import alias_record
from hopsartifacts.registry.documents import ModelState, Tags, VersionRecord
from hopsartifacts.store.entries import LogEntry
from hopsartifacts.store.pages import damaged
from hopsartifacts.store.two_phase_delete import DELETE, MARK, WITHDRAW

_AHEAD = 50
"""How many entries are read at a time."""

ChangeKind = Literal[
    "reserved",
    "saved",
    "given up",
    "tagged",
    "described",
    "alias set",
    "alias deleted",
    "deletion started",
    "deletion withdrawn",
    "deleted",
]
_KINDS: dict[str, ChangeKind] = {
    "reserve": "reserved",
    "seal": "saved",
    "abort": "given up",
    "tag": "tagged",
    "describe": "described",
    MARK: "deletion started",
    WITHDRAW: "deletion withdrawn",
    DELETE: "deleted",
}


class ModelChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a model: what changed, and who changed it, when and why.

    Attributes:
        entry: the number of the log entry, from 1.
        kind: what happened. A save first reserves its version's number; a number is
            given up if the save failed.
        version: the version that changed; of an alias, the one that it points at now.
        alias: the alias that changed; None if none did.
        before: the value before: the version of an alias, the description, or those
            tags that changed.
        after: the same after the change.
        when: RFC 3339 in UTC.
        by: ``user@host:pid``.
        why: the given reason; empty if none was.
    """

    entry: int
    kind: ChangeKind
    version: int | None
    alias: str | None = None
    before: Any = None
    after: Any = None
    when: str
    by: str
    why: str = ""


def change_numbers(log: versions.ModelLog, model: str) -> Sequence[int]:
    """Return the numbers of all entries of a model's log, the newest first.

    Raises:
        ModelNotFoundError: there are none: the model never existed.
    """
    newest = log.newest_seq()
    if not newest:
        raise ModelNotFoundError(
            f"there is no model {model!r}: mr.list_models() lists all models"
        )
    return range(newest, 0, -1)


def changes(log: versions.ModelLog, numbers: Sequence[int]) -> Iterator[ModelChange]:
    """Yield the changes that entries of *log* made, in the order of their *numbers*.

    Raises:
        IntegrityError: an entry is missing or damaged.
    """
    for first in range(0, len(numbers), _AHEAD):
        wanted = numbers[first : first + _AHEAD]
        log.fetch({it for seq in wanted for it in (seq, seq - 1) if it})
        for seq in wanted:
            yield _change(log, log.entry(seq))


def _change(log: versions.ModelLog, entry: LogEntry) -> ModelChange:
    op, body = entry.op, entry.body
    if op["kind"] == "alias":
        record = alias_record(log, entry.seq)
        before = _state(log, entry.seq - 1).live_aliases.get(op["alias"])
        return ModelChange(
            kind="alias deleted" if record.version is None else "alias set",
            version=record.version,
            alias=op["alias"],
            before=before,
            after=record.version,
            why=record.why,
            entry=entry.seq,
            when=body.time,
            by=body.writer,
        )
    kind = _KINDS.get(op["kind"])
    if kind is None:
        how = f"has the unknown operation {op['kind']!r}"
        raise damaged(log.path, entry.seq, how)
    before, after = _values(log, entry)
    return ModelChange(
        kind=kind,
        version=op["version"],
        before=before,
        after=after,
        entry=entry.seq,
        when=body.time,
        by=body.writer,
    )


def _values(log: versions.ModelLog, entry: LogEntry) -> tuple[Any, Any]:
    kind, version = entry.op["kind"], entry.op["version"]
    if kind not in {"tag", "describe"}:
        return None, None
    old, new = [_record(log, it, version) for it in (entry.seq - 1, entry.seq)]
    if kind == "describe":
        return old.description, new.description
    return _other_tags(old.tags, new.tags), _other_tags(new.tags, old.tags)


def _other_tags(tags: Tags, others: Tags) -> Tags:
    """Return those of *tags* that are not the same in *others*."""
    return {
        name: value
        for name, value in tags.items()
        if name not in others or not is_same_json(value, others[name])
    }


def _record(log: versions.ModelLog, seq: int, version: int) -> VersionRecord:
    found: VersionRecord = _state(log, seq).records[version]
    return found


def _state(log: versions.ModelLog, seq: int) -> ModelState:
    return log.snapshot(log.entry(seq)).state if seq else ModelState.empty()
