"""The append-only log: the one mechanism that decides anything.

Entry *n* is created, if absent, at a name made from *n*; so of any number of
writers one gets it, and the others see it and decide again. Each entry carries the
complete state after it, so the newest answers every question; it names its
predecessor's token and digest, so a hole or an edit is found. What an entry says was
done never changes, and its name is never used again.

States of old entries are of no use any more and grow with each version, so *compaction*
takes them out: an entry announces it with a digest over what will stay, then the old
entries are replaced by that, each in one step. Anybody may finish what a crash left.

Shown free of lost updates, double commits and half commits for two and three
writers, a crash at any step and lost answers by exploring the interleavings of the
storage calls of this very code (``tests/interleavings``).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Generic

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import decode, encode
from hopsartifacts.errors import ConflictError, IntegrityError, PathNotFoundError
from hopsartifacts.storage.contract import Entry, Storage
from hopsartifacts.store.entries import (
    COMPACT,
    Body,
    Draft,
    Head,
    Link,
    State,
    seal,
    sha256_of_all,
    unseal,
)
from hopsartifacts.store.identity import new_token, now, writer
from hopsartifacts.store.once import create_once, lose_a_race
from hopsartifacts.store.turns import turn
from hopsartifacts.store.workers import each_result

_MANY = 16
_AHEAD = 256
_LOST_RACES_LIMIT = 1000


class Log(Generic[State]):
    """The log at one path of a storage, whose states are *State*.

    It remembers the newest entry it has seen, and an append decides on that first: if
    it is out of date the next slot is taken, and the append looks again. Make a log
    for each operation; do not keep one.
    """

    def __init__(self, storage: Storage, path: str, state: type[State]) -> None:
        self.storage = storage
        self.path = path
        self._state = state
        self._seen: Head[State] | None = None
        self._has_looked = False
        self.listed: dict[str, Entry] = {}
        """What lay in its folder at the last look, by name."""

    def head(self) -> Head[State] | None:
        """Look for the newest entry and return it, or None if the log is empty.

        Raises:
            IntegrityError: an entry is missing or damaged.
        """
        self._has_looked = True
        while newest := self._newest_seq():
            self._seen = self.as_known(newest)
            if self._seen and not self._seen.is_compacted:
                return self._seen
            # Others went on, and may have compacted it before we came to read it.
            self._seen = None
        self._seen = None
        return None

    def seen(self) -> Head[State] | None:
        """Return the newest entry as it was seen last; look if it never was."""
        return self._seen if self._has_looked else self.head()

    def as_known(self, newest: int) -> Head[State] | None:
        """Return the newest entry, and the state as of the look that has found it.

        For logs whose state is not in their entries alone.

        Returns:
            None if there turned out to be a newer one.
        """
        return self.entry(newest)

    def modified(self, seq: int) -> float | None:
        """Return when entry *seq* was written, by the clock of the back end.

        As the last look for the newest entry has shown it; None if it has not.
        """
        entry = self.listed.get(layout.log_entry_name(seq))
        return entry.modified if entry else None

    def entry(self, seq: int) -> Head[State]:
        """Return entry *seq*, checked against its own digest.

        Raises:
            IntegrityError: it is missing or damaged.
        """
        if self._seen and self._seen.seq == seq and not self._seen.is_told:
            return self._seen
        found = self._read(seq)
        if found is None:
            raise IntegrityError(
                f"log entry {layout.log_entry(self.path, seq)} is missing, though "
                "later ones exist: somebody deleted it; restore it from a backup"
            )
        return found

    def audit(self) -> Head[State] | None:
        """Check every entry and every link, and return the newest entry.

        Raises:
            IntegrityError: an entry is missing, damaged, or not the one its
                successor followed.
        """
        newest: Head[State] | None = None
        for newest in self.entries():  # noqa: B007 - the last one is wanted
            pass
        # Others went on and compacted it while we were reading.
        return self.head() if newest and newest.is_compacted else newest

    def entries(self) -> Iterator[Head[State]]:
        """Yield every entry from the first, checking each link of the chain.

        Raises:
            IntegrityError: an entry is missing, damaged, or not the one its
                successor followed.
        """
        previous: Head[State] | None = None
        newest = self._newest_seq()
        if self._seen and self._seen.seq < newest:
            self._seen = None
        # Only what may have been compacted has to be compared with what was announced.
        announced = self.entry(newest).body.compacted if newest else 0
        stubs: dict[int, bytes] = {}
        compacted: set[int] = set()
        for current in self.read_all(range(1, newest + 1)):
            self._check_link(previous, current)
            if current.seq <= announced:
                stubs[current.seq] = current.stub
            if current.is_compacted:
                compacted.add(current.seq)
            if current.body.op.get("kind") == COMPACT:
                compacted -= set(self._check_stubs(current, stubs))
            previous = current
            yield current
        if compacted and newest == self._newest_seq():
            self._refuse_stub(min(compacted))

    def read_all(self, numbers: range) -> Iterator[Head[State]]:
        """Yield entries in order, reading ahead where that is faster."""
        workers = self.storage.capabilities.workers
        is_few = len(numbers) < _MANY
        for first in range(0, len(numbers), _AHEAD):
            ahead = numbers[first : first + _AHEAD]
            yield from each_result(
                lambda seq, _: self.entry(seq), ahead, 1 if is_few else workers
            )

    def _check_stubs(self, compaction: Head[State], stubs: dict[int, bytes]) -> range:
        """Return the numbers whose entries are what *compaction* announced."""
        op = compaction.body.op
        numbers = range(op["first"], op["last"] + 1)
        found = sha256_of_all(stubs.get(seq, b"") for seq in numbers)
        if found != op["sha256"]:
            raise IntegrityError(
                f"the entries {op['first']} to {op['last']} of {self.path} are not "
                "what they were when they were compacted: restore the log from a backup"
            )
        return numbers

    def _refuse_stub(self, seq: int) -> None:
        raise IntegrityError(
            f"log entry {layout.log_entry(self.path, seq)} has lost its state though "
            "nobody compacted it: restore it from a backup"
        )

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
        head = self.seen()
        with ExitStack() as held:
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
                if attempt == 0:
                    held.enter_context(turn(self.storage, self.path))
                else:
                    lose_a_race(attempt)
                # Others are still coming: catch up before trying the next slot.
                head = self.head()
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
            compacted=max(draft.compacted, head.body.compacted if head else 0),
        )
        data = seal(body)
        path = layout.log_entry(self.path, seq)
        found = create_once(
            lambda: self.storage.create(path, data),
            lambda: self._read(seq),
            path,
            token,
        )
        if found is None:
            return Head(body=body, decoded=draft.state, sha256=sha256_of(data))
        # Ours may have been compacted before its answer was missed.
        decoded = draft.state if found.token == token else found.decoded
        return msgspec.structs.replace(found, decoded=decoded)

    def _read(self, seq: int) -> Head[State] | None:
        path = layout.log_entry(self.path, seq)
        try:
            data = self.storage.read(path)
        except PathNotFoundError:
            return None
        body, original = unseal(data, path)
        if body.seq != seq:
            raise IntegrityError(f"{path} holds entry {body.seq}: it was moved there")
        if original is not None:
            return Head(body=body, decoded=None, sha256=original, compacted=data)
        state = decode(bytes(body.state), self._state, path)
        return Head(body=body, decoded=state, sha256=sha256_of(data))

    def _newest_seq(self) -> int:
        self.listed = {entry.name: entry for entry in self.storage.list(self.path)}
        found = [seq for name in self.listed if (seq := layout.log_entry_seq(name))]
        newest = max(found, default=0)
        # A listing may show the second of two entries made meanwhile, not the first.
        for unlisted in sorted(set(range(1, newest + 1)) - set(found)):
            path = layout.log_entry(self.path, unlisted)
            if self.storage.stat(path) is None:
                raise IntegrityError(
                    f"log entry {path} is missing, though {newest} exists: somebody "
                    "deleted it; restore it from a backup"
                )
        if self.storage.local_path("") is not None:
            # A network mount may list from a cache; asked for a name, it looks.
            while self.storage.stat(layout.log_entry(self.path, newest + 1)):
                newest += 1
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
