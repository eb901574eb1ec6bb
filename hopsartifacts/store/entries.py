"""One entry of a log: what it holds, and how it is written.

The bytes of an entry carry their own check, so that an edit is found; they never change
but for compaction, which takes the state out and leaves the rest, the *stub*.
"""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec

from hopsartifacts.digests import sha256_of, xxh3_of
from hopsartifacts.documents import FORMAT, check_format, decode, encode
from hopsartifacts.errors import FormatError, IntegrityError

State = TypeVar("State", bound=msgspec.Struct)

COMPACT = "compact"
"""The operation that takes states out of old entries."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry knows of its predecessor."""

    token: str
    sha256: str


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry as it is stored; ``state`` and ``payload`` are decoded on demand."""

    seq: int
    token: str
    time: str
    writer: str
    op: dict[str, Any]
    state: msgspec.Raw
    previous: Link | None = None
    payload: msgspec.Raw = msgspec.Raw(b"null")
    compacted: int = 0
    """Entries up to this number may have lost their states."""


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    format: int
    check: str
    entry: msgspec.Raw
    original: str | None = None
    """Of an entry without its state: the digest it had before."""


class Draft(msgspec.Struct, Generic[State], frozen=True, kw_only=True):
    """What a writer wants to commit next: an operation and the state after it."""

    op: dict[str, Any]
    state: State
    payload: Any = None
    token: str | None = None
    """Commit under this token instead of a fresh one."""
    compacted: int = 0
    """Entries up to this number may lose their states from now on."""


class Head(msgspec.Struct, Generic[State], frozen=True, kw_only=True):
    """A committed entry with its decoded state."""

    body: Body
    decoded: State | None
    sha256: str
    """Digest of the entry as it was committed."""
    compacted: bytes = b""
    """What is stored of it, if compaction has taken its state out."""
    is_told: bool = False
    """It was not read itself: there is its state, but not what it did."""

    @property
    def state(self) -> State:
        """The state after the entry.

        Raises:
            IntegrityError: compaction has taken it out.
        """
        if self.decoded is None:
            raise IntegrityError(
                f"log entry {self.seq} was compacted and has no state any more: read "
                "the newest entry instead"
            )
        return self.decoded

    @property
    def stub(self) -> bytes:
        """What compaction leaves of it, or has left."""
        return self.compacted or stub_of(self.body, self.sha256)

    @property
    def is_compacted(self) -> bool:
        """Whether its state was taken out."""
        return self.decoded is None

    @property
    def seq(self) -> int:
        """Number of the entry, from 1."""
        return self.body.seq

    @property
    def token(self) -> str:
        """Token of the writer that committed it."""
        return self.body.token


def seal(body: Body, original: str | None = None) -> bytes:
    """Return *body* as it is stored."""
    entry = encode(body)
    check = xxh3_of([entry])[1]
    envelope = _Envelope(
        format=FORMAT, check=check, entry=msgspec.Raw(entry), original=original
    )
    return encode(envelope) + b"\n"


def stub_of(body: Body, sha256: str) -> bytes:
    """Return what compaction leaves of an entry that had the digest *sha256*."""
    return seal(msgspec.structs.replace(body, state=msgspec.Raw(b"null")), sha256)


def sha256_of_all(parts: Iterable[bytes]) -> str:
    """Return one digest over *parts* in order."""
    return sha256_of("".join(map(sha256_of, parts)).encode())


def unseal(data: bytes, path: str) -> tuple[Body, str | None]:
    """Return the entry, and its digest before compaction if there was one.

    Raises:
        IntegrityError: the bytes at *path* are not those of an entry.
        FormatError: they are of a later release.
    """
    try:
        envelope = decode(data, _Envelope, path)
    except FormatError as error:
        raise IntegrityError(f"log entry {error}") from error
    check_format(envelope.format, path)
    try:
        if xxh3_of([bytes(envelope.entry)])[1] != envelope.check:
            raise IntegrityError(
                f"{path} was changed since it was written: restore it from a backup"
            )
        body = decode(bytes(envelope.entry), Body, path)
    except FormatError as error:
        raise IntegrityError(f"log entry {error}") from error
    return body, envelope.original
