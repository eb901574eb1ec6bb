"""One entry of a log: what it holds, and how it is written.

An entry is gzipped JSON with a check over its text, so that an edit is found. It is
created once and never changes.
"""

import gzip
import zlib
from typing import Any, ClassVar, Generic, Self, TypeVar

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import (
    FORMAT,
    check_format,
    decode,
    encode,
    is_checked,
    with_check,
    without_check,
)
from hopsartifacts.errors import FormatError, IntegrityError
from hopsartifacts.store.index import Index, Leaves
from hopsartifacts.store.pages import Records, Tree, empty

CARRIED_LIMIT_BYTES = 4 * 1024
"""Larger contents are read from the entry that brought them."""

_LEVEL = 6
NOTHING = msgspec.Raw(b"null")


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a log says as a whole; each log adds members of its own."""

    last: int = 0
    """The highest number that was ever given; 0 if none was."""

    @property
    def wanted(self) -> int:
        """The entry whose content readers ask for most; 0 if there is none."""
        return 0


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of the content of an earlier entry."""

    entry: int
    content: msgspec.Raw


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry as it is stored; raw members are decoded on demand.

    The members stand in this order, with nothing before ``content`` whose names users
    choose: so a program finds the text of ``content`` without a parser.
    """

    format: int
    log: str
    seq: int
    token: str
    time: str
    writer: str
    previous: str | None = None
    """Digest of the object of the entry before."""
    op: dict[str, Any]
    content: msgspec.Raw = NOTHING
    """What the step brought: a manifest, scripts, or a specification."""
    carried: Carried | None = None
    head: msgspec.Raw
    tree: Tree
    index: Leaves = {}


class _Any(msgspec.Struct):
    """An entry of any format."""

    format: int


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was committed."""

    body: Body
    sha256: str
    """Digest of its object."""

    @property
    def seq(self) -> int:
        """Number of the entry, from 1."""
        return self.body.seq

    @property
    def token(self) -> str:
        """Token of the attempt that committed it."""
        return self.body.token

    @property
    def op(self) -> dict[str, Any]:
        """What it did."""
        return self.body.op

    def content_of(self, seq: int) -> bytes | None:
        """Return the content of entry *seq* if this one has it; else None."""
        if seq == self.seq:
            return bytes(self.body.content)
        if self.body.carried and self.body.carried.entry == seq:
            return bytes(self.body.carried.content)
        return None


HeadType = TypeVar("HeadType", bound=Head)
RecordType = TypeVar("RecordType", bound=msgspec.Struct)


class State(Generic[HeadType, RecordType]):
    """What a log says as of one entry: a value that ``changed`` makes others of.

    Attributes:
        head: what it says as a whole.
        records: one for each number it has given.
        index: the numbers by their identities, where the log has those.
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
        """Return by which identity the index has *record*; None if it does not."""
        del record
        return None

    def contradiction(self) -> str | None:
        """Return what the head says and the records do not; None if nothing."""
        return None

    @classmethod
    def empty(cls) -> Self:
        """Return the state of a log without entries."""
        return cls(cls.head_type(), empty(cls.record_type), Index())

    def changed(
        self,
        number: int | None = None,
        record: RecordType | None = None,
        *,
        index: Index | None = None,
        **head: Any,
    ) -> Self:
        """Return this state with one record and members of the head being others."""
        records = self.records
        if number is not None and record is not None:
            records = records.changed(number, record)
            head["last"] = max(number, self.head.last)
        after = msgspec.structs.replace(self.head, **head)
        return type(self)(after, records, self.index if index is None else index)


AnyState = TypeVar("AnyState", bound=State[Any, Any])


class Draft(msgspec.Struct, Generic[AnyState], frozen=True, kw_only=True):
    """What a writer wants to commit next: an operation and the state after it."""

    op: dict[str, Any]
    state: AnyState
    content: Any = None
    """What the step brings: something that can be encoded, or ``Raw``."""
    token: str | None = None
    """Commit under this token instead of a fresh one."""


class Snapshot(msgspec.Struct, Generic[AnyState], frozen=True, kw_only=True):
    """A committed entry and the state as of it."""

    entry: LogEntry
    state: AnyState

    @property
    def seq(self) -> int:
        """Number of the entry, from 1."""
        return self.entry.seq

    @property
    def token(self) -> str:
        """Token of the attempt that committed it."""
        return self.entry.token


def packed(body: Body) -> bytes:
    """Return *body* as it is stored."""
    return gzip.compress(with_check(encode(body)), _LEVEL, mtime=0)


def text_of(data: bytes, path: str) -> bytes:
    """Return the JSON text of an entry, with its check.

    Raises:
        IntegrityError: the bytes at *path* are not those of an entry.
    """
    try:
        text = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, f"is no gzip file ({error})") from error
    if not is_checked(text):
        raise _damaged(path, "was changed since it was written")
    return text


def unpacked(data: bytes, log: str, seq: int) -> LogEntry:
    """Return the entry in *data*, which was read where entry *seq* of *log* lies.

    Raises:
        IntegrityError: it is not that entry, or was changed.
        FormatError: it is of a later release.
    """
    path = layout.log_entry(log, seq)
    text = without_check(text_of(data, path))
    check_format(decode(text, _Any, path).format, path)
    try:
        body = decode(text, Body, path)
    except FormatError as error:
        raise IntegrityError(f"log entry {error}") from error
    if (body.log, body.seq) != (log, seq):
        raise _damaged(path, f"holds entry {body.seq} of {body.log}: it was moved")
    return LogEntry(body=body, sha256=sha256_of(data))


def new_body(seq: int, **members: Any) -> Body:
    """Return entry *seq* of the format that this release writes."""
    return Body(format=FORMAT, seq=seq, **members)


def _damaged(path: str, how: str) -> IntegrityError:
    return IntegrityError(f"log entry {path} {how}: restore it from a backup")
