"""The append-only log: the one mechanism that decides anything.

Entry *n* is created, if absent, at a name made from *n*; so of any number of
writers one gets it, and the others see it and decide again. Each entry carries the
complete state after it, so the newest answers every question; it names its
predecessor's token and digest, so a hole or an edit is found. Entries are never
changed and their names never used again.

Shown free of lost updates, double commits and half commits for two and three
writers, a crash at any step and lost answers by exploring the interleavings of the
storage calls of this very code (``tests/interleavings``).
"""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of, xxh3_of
from hopsartifacts.documents import FORMAT, check_format, decode, encode
from hopsartifacts.errors import (
    CommitUncertainError,
    ConflictError,
    FormatError,
    IntegrityError,
    PathNotFoundError,
    StorageError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.identity import new_token, now, writer

State = TypeVar("State", bound=msgspec.Struct)

_LOST_RACES_LIMIT = 1000
_UNCERTAIN_TRIES = 5
_LONGEST_PAUSE_S = 0.25


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry knows of its predecessor."""

    token: str
    sha256: str


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as it is stored; ``state`` and ``payload`` are decoded on demand."""

    seq: int
    token: str
    time: str
    writer: str
    op: dict[str, Any]
    state: msgspec.Raw
    previous: Link | None = None
    payload: msgspec.Raw = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    check: str
    entry: msgspec.Raw


class Draft(msgspec.Struct, Generic[State], frozen=True, kw_only=True):
    """What a writer wants to commit next: an operation and the state after it."""

    op: dict[str, Any]
    state: State
    payload: Any = None
    token: str | None = None
    """Commit under this token instead of a fresh one."""


class Head(msgspec.Struct, Generic[State], frozen=True, kw_only=True):
    """A committed entry with its decoded state."""

    body: Body
    state: State
    sha256: str

    @property
    def seq(self) -> int:
        """Number of the entry, from 1."""
        return self.body.seq

    @property
    def token(self) -> str:
        """Token of the writer that committed it."""
        return self.body.token


class Log(Generic[State]):
    """The log at one path of a storage, whose states are *State*.

    It remembers the newest entry it has seen, and an append decides on that first: if
    it is out of date the next slot is taken, and the append looks again. Make a log
    for each operation; do not keep one.
    """

    def __init__(self, storage: Storage, path: str, state: type[State]) -> None:
        self._storage = storage
        self.path = path
        self._state = state
        self._seen: Head[State] | None = None

    def head(self) -> Head[State] | None:
        """Look for the newest entry and return it, or None if the log is empty.

        Raises:
            IntegrityError: an entry is missing or damaged.
        """
        newest = self._newest_seq()
        self._seen = self.entry(newest) if newest else None
        return self._seen

    def entry(self, seq: int) -> Head[State]:
        """Return entry *seq*, checked against its own digest.

        Raises:
            IntegrityError: it is missing or damaged.
        """
        if self._seen and self._seen.seq == seq:
            return self._seen
        found = self._read(seq)
        if found is None:
            raise IntegrityError(
                f"log entry {layout.log_entry(self.path, seq)} is missing, though "
                "later ones exist: somebody deleted it; restore it from a backup"
            )
        return found

    def entries(self) -> Iterator[Head[State]]:
        """Yield every entry from the first, checking each link of the chain.

        Raises:
            IntegrityError: an entry is missing, damaged, or not the one its
                successor followed.
        """
        previous: Head[State] | None = None
        for seq in range(1, self._newest_seq() + 1):
            current = self.entry(seq)
            self._check_link(previous, current)
            previous = current
            yield current

    def append(
        self, decide: Callable[[State | None, int], Draft[State] | None]
    ) -> Head[State] | None:
        """Commit what *decide* wants after the newest state.

        *decide* gets that state (None if the log is empty) and the number the new
        entry would have. It returns a draft, or None to commit nothing, or raises.
        It is asked again after each lost race.

        Returns:
            The committed entry, or the newest one if *decide* returned None.

        Raises:
            CommitUncertainError: the storage failed and the outcome is unknown.
            ConflictError: a thousand races were lost in a row.
        """
        head = self._seen or self.head()
        for attempt in range(_LOST_RACES_LIMIT):
            state, seq = (head.state, head.seq + 1) if head else (None, 1)
            draft = decide(state, seq)
            if draft is None:
                return head
            token = draft.token or new_token()
            taken = self._commit(head, seq, draft, token)
            if taken.token == token:
                self._seen = taken
                return taken
            self._check_link(head, taken)
            # Others are still coming: catch up before trying the next slot.
            head = self.head()
            # Jitter, so that many writers do not collide in step.
            time.sleep(random.uniform(0, _pause_s(attempt)))  # noqa: S311 - not a secret
        raise ConflictError(
            f"{self.path}: {_LOST_RACES_LIMIT} other writers were faster; try again"
        )

    def _commit(
        self, head: Head[State] | None, seq: int, draft: Draft[State], token: str
    ) -> Head[State]:
        """Return what lies in the next slot afterwards: our entry or another's."""
        body = Body(
            seq=seq,
            token=token,
            time=now(),
            writer=writer(),
            op=draft.op,
            state=msgspec.Raw(encode(draft.state)),
            previous=Link(token=head.token, sha256=head.sha256) if head else None,
            payload=msgspec.Raw(encode(draft.payload)),
        )
        data = _seal(body)
        failure: StorageError | None = None
        for attempt in range(_UNCERTAIN_TRIES):
            try:
                if self._storage.create(layout.log_entry(self.path, body.seq), data):
                    return Head(body=body, state=draft.state, sha256=sha256_of(data))
                found = self._read(body.seq)
            except StorageError as error:
                # Done or not? What lies in the slot tells; if it cannot be read, or
                # nothing is there, the same attempt under the same token is safe.
                failure = error
                found = self._read_if_possible(body.seq)
            if found is not None:
                return found
            time.sleep(_pause_s(attempt))
        raise CommitUncertainError(
            f"{self.path}: the storage failed while entry {body.seq} was committed and "
            f"it is unknown whether it was ({failure}); look for token {token} in it",
            token,
        ) from failure

    def _read_if_possible(self, seq: int) -> Head[State] | None:
        try:
            return self._read(seq)
        except StorageError:
            return None

    def _read(self, seq: int) -> Head[State] | None:
        path = layout.log_entry(self.path, seq)
        try:
            data = self._storage.read(path)
        except PathNotFoundError:
            return None
        body = _unseal(data, path)
        if body.seq != seq:
            raise IntegrityError(f"{path} holds entry {body.seq}: it was moved there")
        state = decode(bytes(body.state), self._state, path)
        return Head(body=body, state=state, sha256=sha256_of(data))

    def _newest_seq(self) -> int:
        names = (entry.name for entry in self._storage.list(self.path))
        found = [seq for name in names if (seq := layout.log_entry_seq(name))]
        newest = max(found, default=0)
        # A listing may show the second of two entries made meanwhile, not the first.
        for unlisted in sorted(set(range(1, newest + 1)) - set(found)):
            path = layout.log_entry(self.path, unlisted)
            if self._storage.stat(path) is None:
                raise IntegrityError(
                    f"log entry {path} is missing, though {newest} exists: somebody "
                    "deleted it; restore it from a backup"
                )
        return newest

    def _check_link(self, previous: Head[State] | None, current: Head[State]) -> None:
        wanted = (
            Link(token=previous.token, sha256=previous.sha256) if previous else None
        )
        if current.body.previous != wanted:
            raise IntegrityError(
                f"{layout.log_entry(self.path, current.seq)} does not follow the entry "
                "before it: one of the two was replaced; restore the log from a backup"
            )


def _seal(body: Body) -> bytes:
    entry = encode(body)
    check = xxh3_of([entry])[1]
    envelope = _Envelope(format=FORMAT, check=check, entry=msgspec.Raw(entry))
    return encode(envelope) + b"\n"


def _unseal(data: bytes, path: str) -> Body:
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
        return decode(bytes(envelope.entry), Body, path)
    except FormatError as error:
        raise IntegrityError(f"log entry {error}") from error


def _pause_s(attempt: int) -> float:
    return float(min(_LONGEST_PAUSE_S, 0.002 * 2 ** min(attempt, 10)))
