"""The append-only log: the one mechanism that decides anything.

Entry *n* is created, if absent, at a name made from *n*; so of any number of writers
one gets it, and the others see it and decide again. What was committed is never written
over, and a name is never used again. Each entry says what is newest, and names the
older entries that have the rest (see ``hopsartifacts.store.pages``), so that it stays
small, and the newest one answers most questions. It names the digest of the entry
before it, so an audit finds a hole or an edit.

Shown free of lost updates, double commits and half commits for two and three
writers, a crash at any step and lost answers by exploring the interleavings of the
storage calls of this very code (``tests/interleavings``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Generic

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import decode, encode
from hopsartifacts.errors import ConflictError, IntegrityError, PathNotFoundError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import (
    CARRIED_LIMIT_BYTES,
    NOTHING,
    AnyState,
    Carried,
    Draft,
    LogEntry,
    Snapshot,
    new_body,
    packed,
    unpacked,
)
from hopsartifacts.store.identity import new_token, now, writer
from hopsartifacts.store.index import Index, Leaves
from hopsartifacts.store.once import create_once, lose_a_race
from hopsartifacts.store.pages import PAGE_NUMBERS, Records, Tree
from hopsartifacts.store.retelling import Retold
from hopsartifacts.store.turns import turn
from hopsartifacts.store.workers import each_result

_MANY = 16
_ABREAST = 32
"""So many entries are asked for at the same moment: they are small."""
_AHEAD = 256
_LOOKS = 3
_LOST_RACES_LIMIT = 1000


class Log(Generic[AnyState]):
    """The log at one path of a storage, whose states are *AnyState*.

    It remembers the entries it has read, and an append decides on the newest of them
    first: if that is out of date the next name is taken, and the append looks again.
    Make a log for each operation; do not keep one.
    """

    def __init__(self, storage: Storage, path: str, state: type[AnyState]) -> None:
        self.storage = storage
        self.path = path
        self._state = state
        self._seen: Snapshot[AnyState] | None = None
        self._has_looked = False
        self._read: dict[int, LogEntry] = {}

    def newest(self) -> Snapshot[AnyState] | None:
        """Look for the newest entry and return it, or None if the log is empty.

        Raises:
            IntegrityError: it is damaged.
        """
        for _ in range(_LOOKS):
            seq = self._newest_seq()
            self._has_looked = True
            if self._seen and self._seen.seq == seq:
                return self._seen
            entry = self._find(seq) if seq else None
            if entry or not seq:
                self._seen = self._snapshot(entry) if entry else None
                return self._seen
            # The whole log may have been deleted after it was listed.
        raise self._missing(seq)

    def refresh(self) -> None:
        """See whether the log went on since it was seen: one read if it did not."""
        while self._seen and (after := self._find(self._seen.seq + 1)):
            self._seen = self._snapshot(after)
        if self._seen is None:
            self.newest()

    def seen(self) -> Snapshot[AnyState] | None:
        """Return the newest entry as it was seen last; look if it never was."""
        return self._seen if self._has_looked else self.newest()

    def state(self) -> AnyState:
        """Look for the newest state and return it; an empty one if there is no entry.

        Raises:
            IntegrityError: the newest entry is damaged.
        """
        found = self.newest()
        return found.state if found else self._state.empty()

    def seen_state(self) -> AnyState:
        """Return the state as it was seen last; look if it never was."""
        found = self.seen()
        return found.state if found else self._state.empty()

    def as_of(self, seq: int) -> Snapshot[AnyState]:
        """Return entry *seq* and the state as of it.

        Raises:
            IntegrityError: it is missing or damaged.
        """
        return self._snapshot(self.entry(seq))

    def entry(self, seq: int) -> LogEntry:
        """Return entry *seq*.

        Raises:
            IntegrityError: it is missing or damaged.
        """
        found = self._find(seq)
        if found is None:
            raise self._missing(seq)
        return found

    def content(self, seq: int) -> bytes:
        """Return what entry *seq* brought; the newest entry may have a copy.

        Raises:
            IntegrityError: the entry is missing or damaged.
        """
        copy = self._seen.entry.content_of(seq) if self._seen else None
        return bytes(self.entry(seq).body.content) if copy is None else copy

    def fetch(self, numbers: Iterable[int]) -> None:
        """Read entries side by side; they are remembered."""
        self._entries(numbers)

    def trees(self, numbers: Iterable[int]) -> Mapping[int, Tree]:
        """Return the trees of entries, read side by side; see ``pages.Source``."""
        return {seq: it.body.tree for seq, it in self._entries(numbers).items()}

    def leaves(self, number: int) -> Leaves:
        """Return the leaves of an entry; see ``index.LeafSource``."""
        return self.entry(number).body.index

    def entries(self) -> Iterator[LogEntry]:
        """Yield every entry from the first, checking each link of the chain.

        Raises:
            IntegrityError: an entry is missing, damaged, or not the one its
                successor followed.
        """
        previous: LogEntry | None = None
        newest = self._newest_seq()
        for first in range(1, newest + 1, _AHEAD):
            ahead = range(first, min(first + _AHEAD, newest + 1))
            for current in self._read_all(ahead):
                self._check_link(previous, current)
                previous = current
                yield current

    def audit(self) -> Snapshot[AnyState] | None:
        """Check every entry, every link and every tree, and return the newest entry.

        The steps are told again, so that a record that no step explains is found.

        Raises:
            IntegrityError: an entry is missing, damaged, not the one its successor
                followed, or does not say what the steps up to it have made; or the
                newest one contradicts itself.
        """
        retold, newest = Retold(self._state), None
        for newest in self.entries():
            try:
                retold.take(newest.body)
            except IntegrityError as error:
                raise IntegrityError(f"{self.path}: {error}") from error
        if newest is None:
            return None
        self._seen, self._has_looked = self._snapshot(newest), True
        if odd := self._seen.state.contradiction():
            raise IntegrityError(
                f"{layout.log_entry(self.path, newest.seq)} says {odd}, unlike its "
                "records: restore the log from a backup"
            )
        return self._seen

    def append(
        self, decide: Callable[[AnyState, int], Draft[AnyState] | None]
    ) -> Snapshot[AnyState] | None:
        """Commit what *decide* wants after the newest state.

        *decide* gets that state (an empty one if the log is empty) and the number the
        new entry would have. It returns a draft, or None to commit nothing, or raises.
        It is asked again after each lost race.

        Returns:
            The committed entry, or the newest one if *decide* returned None.

        Raises:
            CommitUncertainError: the storage failed and the outcome is unknown.
            ConflictError: a thousand races were lost in a row, or the log is full.
        """
        before = self.seen()
        with ExitStack() as held:
            for attempt in range(_LOST_RACES_LIMIT):
                state = before.state if before else self._state.empty()
                seq = before.seq + 1 if before else 1
                draft = decide(state, seq)
                if draft is None:
                    return before
                if seq > layout.MOST_ENTRIES:
                    raise ConflictError(
                        f"{self.path} has {layout.MOST_ENTRIES} entries, and no log "
                        "can have more: go on under another name"
                    )
                token = draft.token or new_token()
                taken = self._commit(before, seq, draft, token)
                if taken.token == token:
                    self._read[seq] = taken
                    self._seen = self._snapshot(taken)
                    return self._seen
                self._check_link(before.entry if before else None, taken)
                if attempt == 0:
                    held.enter_context(turn(self.storage, self.path))
                else:
                    lose_a_race(attempt)
                # Others are still coming: catch up before trying the next name.
                before = self.newest()
        raise ConflictError(
            f"{self.path}: {_LOST_RACES_LIMIT} other writers were faster; try again"
        )

    def _commit(
        self,
        before: Snapshot[AnyState] | None,
        seq: int,
        draft: Draft[AnyState],
        token: str,
    ) -> LogEntry:
        """Return what lies at the next name afterwards: our entry or another's."""
        content, head = encode(draft.content), draft.state.head
        last = {before.state.head.last if before else 0, head.last} - {0}
        body = new_body(
            seq,
            log=self.path,
            token=token,
            time=now(),
            writer=writer(),
            op=draft.op,
            head=msgspec.Raw(encode(head)),
            tree=draft.state.records.written_out({it // PAGE_NUMBERS for it in last}),
            previous=before.entry.sha256 if before else None,
            content=NOTHING if draft.content is None else msgspec.Raw(content),
            carried=self._carried(before, head.wanted, seq),
            index=draft.state.index.written_out(),
        )
        data = packed(body)
        path = layout.log_entry(self.path, seq)
        found = create_once(
            lambda: self.storage.create(path, data),
            lambda: self._load(seq),
            path,
            token,
        )
        return found or unpacked(data, self.path, seq)

    def _carried(
        self, before: Snapshot[AnyState] | None, wanted: int, seq: int
    ) -> Carried | None:
        """Return the content that readers ask for most, if it is small and at hand."""
        if before is None or wanted in {0, seq}:
            return None
        content = before.entry.content_of(wanted)
        if content is None and wanted in self._read:
            content = self._read[wanted].content_of(wanted)
        if content is None or len(content) > CARRIED_LIMIT_BYTES:
            return None
        return Carried(entry=wanted, content=msgspec.Raw(content))

    def _snapshot(self, entry: LogEntry) -> Snapshot[AnyState]:
        body, kind = entry.body, self._state
        where = layout.log_entry(self.path, entry.seq)
        head = decode(bytes(body.head), kind.head_type, where)
        records = Records[Any](kind.record_type, self, entry.seq, body.tree)
        index = Index(seq=entry.seq, tree=body.index, source=self)
        return Snapshot(entry=entry, state=kind(head, records, index))

    def _entries(self, numbers: Iterable[int]) -> dict[int, LogEntry]:
        wanted = sorted(set(numbers))
        unread = [seq for seq in wanted if seq not in self._read]
        workers = _ABREAST if self.storage.capabilities.workers > 1 else 1
        for _ in each_result(lambda seq, _: self.entry(seq), unread, workers):
            pass
        return {seq: self._read[seq] for seq in wanted}

    def _read_all(self, numbers: range) -> Iterator[LogEntry]:
        """Yield entries in order, reading ahead where that is faster."""
        workers = self.storage.capabilities.workers if len(numbers) > _MANY else 1
        for seq, found in zip(
            numbers,
            each_result(lambda seq, _: self._load(seq), numbers, workers),
            strict=True,
        ):
            if found is None:
                raise self._missing(seq)
            yield found

    def _find(self, seq: int) -> LogEntry | None:
        """Return entry *seq*, and remember it; None if there is none."""
        found = self._read.get(seq) or self._load(seq)
        if found:
            self._read[seq] = found
        return found

    def _load(self, seq: int) -> LogEntry | None:
        try:
            data = self.storage.read(layout.log_entry(self.path, seq))
        except PathNotFoundError:
            return None
        return unpacked(data, self.path, seq)

    def _newest_seq(self) -> int:
        first = self.storage.first(self.path)
        newest = (layout.log_entry_seq(self.path, first) or 0) if first else 0
        if first and not newest:
            raise IntegrityError(
                f"{first} lies in a log and is no entry of it: take it away"
            )
        if self._seen and newest < self._seen.seq:
            newest = self._seen.seq  # a listing that is late
        if self.storage.local_path("") is not None:
            # A network mount may list from a cache; asked for a name, it looks.
            while self.storage.stat(layout.log_entry(self.path, newest + 1)):
                newest += 1
        return newest

    def _check_link(self, previous: LogEntry | None, current: LogEntry) -> None:
        if current.body.previous != (previous.sha256 if previous else None):
            raise IntegrityError(
                f"{layout.log_entry(self.path, current.seq)} does not follow the entry "
                "before it: one of the two was replaced; restore the log from a backup"
            )

    def _missing(self, seq: int) -> IntegrityError:
        return IntegrityError(
            f"log entry {layout.log_entry(self.path, seq)} is missing, though others "
            "name it: somebody deleted it; restore it from a backup"
        )
