"""Log entries: their contents, and how they are encoded.

An entry is gzipped JSON that ends in a checksum of its text, so that an edit is
detected. It is created once and never changes.
"""

import gzip
import zlib
from typing import Any, ClassVar, Generic, Self, TypeVar

import msgspec

from hopsartifacts import documents, layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.errors import FormatError, IntegrityError
from hopsartifacts.store.pages import Index, Leaves, Records, Tree, damaged

CARRIED_LIMIT_BYTES = 4 * 1024
"""Larger contents are not copied to later entries; see ``EntryBody.carried``."""

_LEVEL = 6
NOTHING = msgspec.Raw(b"null")


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a log's state that is not per number; each log type adds members."""

    last: int = 0
    """The highest number ever assigned; 0 if there is none."""

    @property
    def wanted(self) -> int:
        """The entry whose content is read most often; 0 if there is none."""
        return 0


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of the content of an earlier entry."""

    entry: int
    content: msgspec.Raw


class EntryBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry as it is stored; ``Raw`` members are decoded on demand.

    Members are written in this order. Users choose no member names before ``content``,
    so a program can find the text of ``content`` without a JSON parser.
    """

    format: int
    log: str
    seq: int
    token: str
    time: str
    writer: str
    previous: str | None = None
    """Digest of the object that stores the previous entry."""
    op: dict[str, Any]
    content: msgspec.Raw = NOTHING
    """The document that this entry added: a manifest, scripts, or a specification."""
    carried: Carried | None = None
    head: msgspec.Raw
    tree: Tree
    index: Leaves = {}


class _Operation(dict[str, Any]):
    """The members of an operation, by name."""

    def __init__(self, body: EntryBody) -> None:
        super().__init__(body.op)
        self._place = body.log, body.seq

    def __missing__(self, name: str) -> Any:
        raise damaged(*self._place, f"has no {name!r} in its operation")


class _Any(msgspec.Struct):
    """An entry of any format."""

    format: int


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A committed entry."""

    body: EntryBody
    sha256: str
    """Digest of the object that stores it."""

    @property
    def seq(self) -> int:
        """The number of the entry, from 1."""
        return self.body.seq

    @property
    def token(self) -> str:
        """The token of the attempt that committed it."""
        return self.body.token

    @property
    def op(self) -> dict[str, Any]:
        """The operation; a member that is missing raises ``IntegrityError``."""
        return _Operation(self.body)

    def content_of(self, seq: int) -> bytes | None:
        """Return the content of entry *seq* if this entry contains it, else None."""
        if seq == self.seq:
            return bytes(self.body.content)
        if self.body.carried and self.body.carried.entry == seq:
            return bytes(self.body.carried.content)
        return None


HeadType = TypeVar("HeadType", bound=Head)
RecordType = TypeVar("RecordType", bound=msgspec.Struct)


class State(Generic[HeadType, RecordType]):
    """The state of a log as of one entry; immutable, ``changed`` returns a new one.

    Attributes:
        head: the part of the state that is not per number.
        records: one record per number that was assigned.
        index: the numbers by identity, if the log's records have identities.
    """

    head_type: ClassVar[type[Any]]
    record_type: ClassVar[type[Any]]

    def __init__(
        self, head: HeadType, records: Records[RecordType], index: Index
    ) -> None:
        self.head = head
        self.records = records
        self.index = index

    @staticmethod
    def identity_of(record: RecordType) -> str | None:
        """Return the identity that indexes *record*; None if it is not indexed."""
        del record
        return None

    def contradiction(self) -> str | None:
        """Return what the head says and the records do not; None if nothing."""
        return None

    @classmethod
    def empty(cls) -> Self:
        """Return the state of a log without entries."""
        records = Records[Any](cls.record_type, None, 0, {})
        return cls(cls.head_type(), records, Index())

    def changed(
        self,
        number: int | None = None,
        record: RecordType | None = None,
        *,
        index: Index | None = None,
        **head: Any,
    ) -> Self:
        """Return a copy of this state with one record and head members replaced."""
        records = self.records
        if number is not None and record is not None:
            records = records.changed(number, record)
            head["last"] = max(number, self.head.last)
        after = msgspec.structs.replace(self.head, **head)
        return type(self)(after, records, self.index if index is None else index)


AnyState = TypeVar("AnyState", bound=State[Any, Any])


class Draft(msgspec.Struct, Generic[AnyState], frozen=True, kw_only=True):
    """An entry to commit: an operation and the state after it."""

    op: dict[str, Any]
    state: AnyState
    content: Any = None
    """The document that the entry adds: anything that can be encoded, or ``Raw``."""
    token: str | None = None
    """Commit under this token instead of a fresh one."""


class Snapshot(LogEntry, Generic[AnyState], frozen=True, kw_only=True):
    """A committed entry and the log's state as of that entry."""

    state: AnyState


def packed(body: EntryBody) -> bytes:
    """Encode *body* as the bytes to store."""
    return gzip.compress(documents.with_check(documents.encode(body)), _LEVEL, mtime=0)


def unpacked(data: bytes, log: str, seq: int) -> LogEntry:
    """Decode *data*, which was read from the path of entry *seq* of *log*.

    Raises:
        IntegrityError: it is not that entry, or was changed.
        FormatError: a later release wrote it.
    """
    path = layout.log_entry(log, seq)
    try:
        checked = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(log, seq, f"is not a gzip file ({error})") from error
    if not documents.is_checked(checked):
        raise damaged(log, seq, "was changed since it was written")
    text = documents.without_check(checked)
    try:
        body = documents.decode(text, EntryBody, f"log entry {path}")
    except FormatError as error:
        # A later release may write other members.
        documents.check_format(documents.decode(text, _Any, path).format, path)
        raise IntegrityError(str(error)) from error
    documents.check_format(body.format, path)
    if (body.log, body.seq) != (log, seq):
        raise damaged(
            log, seq, f"contains entry {body.seq} of {body.log}: it was moved"
        )
    return LogEntry(body=body, sha256=sha256_of(data))
