"""The append-only log: each change of a model, artifact or deployment is one entry.

Entry *n* is created with create-if-absent at a path derived from *n*. If several
writers race for it, one succeeds; the others read its entry and decide again. An entry
is never overwritten and a path is never reused. Each entry contains the newest records
and the numbers of the older entries that contain the rest (see
``hopsartifacts.store.pages``), so entries stay small and most reads need only the
newest one. It also contains the digest of its predecessor, so an audit finds a missing
or edited entry.

``tests/interleavings`` shows for two and three writers, with a crash at any step and
lost responses, that no update is lost, doubled or partial.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import sha256_of
from hopsartifacts.documents import FORMAT, decode_part, encode
from hopsartifacts.errors import (
    ConflictError,
    HopsArtifactsError,
    IntegrityError,
    PathNotFoundError,
)
from hopsartifacts.machine.identity import new_token, now, writer
from hopsartifacts.machine.workers import Stop, each_result
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import (
    CARRIED_LIMIT_BYTES,
    NOTHING,
    AnyState,
    Carried,
    Draft,
    EntryBody,
    LogEntry,
    Snapshot,
    packed,
    unpacked,
)
from hopsartifacts.store.log_audit import LogAudit
from hopsartifacts.store.pages import Index, Leaves, Records, Tree, damaged
from hopsartifacts.store.races import back_off, create_once, turn

Document = TypeVar("Document")

_MANY = 16
_ABREAST = 32
"""How many entries to read concurrently; many, since they are small."""
_AHEAD = 256
_LOOKS = 3
_LOST_RACES_LIMIT = 1000

Answer = TypeVar("Answer")


def newest_seq(storage: Storage, log: str) -> int:
    """Return the number of the newest entry that a listing of *log* shows; 0 if none.

    Files of other programs, such as ``.DS_Store``, are ignored.
    """
    first = storage.first(log)
    if first is None:
        return 0
    return layout.log_entry_seq(log, first) or _newest_below(storage, log, log)


def _newest_below(storage: Storage, log: str, folder: str) -> int:
    """Return the number of the newest entry in *folder*, looking level by level."""
    for it in storage.list(folder):
        if it.kind == "directory" and it.name.isdecimal():
            newest = _newest_below(storage, log, it.path)
        else:
            newest = layout.log_entry_seq(log, it.path) or 0
        if newest:
            return newest
    return 0


class Log(Generic[AnyState]):
    """The log at one path of a storage; its states are of type *AnyState*.

    It caches the entries it has read. An append first tries with the newest cached
    entry; if that is out of date, the next path is taken, and the append reads the log
    again. Create a ``Log`` for each operation; do not keep one.

    A network mount may list from a cache that is some seconds old. So a reader looks
    for the entry after the newest one that is listed. A log that is opened
    *for_writing* looks later: a commit on an old state fails, since its path is taken,
    and ``append`` and ``decided`` look before they raise or commit nothing. A writer
    must ``refresh`` a log that it only reads before it returns.

    Every method that reads entries raises ``IntegrityError`` if one is missing or
    damaged, and ``FormatError`` if a later release wrote it.
    """

    def __init__(
        self,
        storage: Storage,
        path: str,
        state: type[AnyState],
        *,
        for_writing: bool = False,
    ) -> None:
        self.storage = storage
        self.path = path
        self._may_list_late = storage.local_path("") is not None
        self._trusts_listing = for_writing
        self._state = state
        self._seen: Snapshot[AnyState] | None = None
        self._has_looked = False
        self._read: dict[int, LogEntry] = {}

    def newest(self) -> Snapshot[AnyState] | None:
        """Read the newest entry from the storage; return None if the log is empty."""
        for _ in range(_LOOKS):
            seq = self.newest_seq()
            self._has_looked = True
            if self._seen and self._seen.seq == seq:
                return self._seen
            entry = self._find(seq) if seq else None
            if entry or not seq:
                self._seen = self.snapshot(entry) if entry else None
                return self._seen
            # The whole log may have been deleted after the listing: list again.
        raise self._missing(seq)

    def refresh(self) -> bool:
        """Read entries added since the last read; return whether there were any.

        One request if there are none.
        """
        before = self._seen
        if before is None and (first := self._find(1)):
            self._seen = self.snapshot(first)
            self.newest()
        while self._seen and (after := self._find_new(self._seen.seq + 1)):
            self._seen = self.snapshot(after)
        self._has_looked = True
        return self._seen is not before

    def seen(self) -> Snapshot[AnyState] | None:
        """Return the newest entry of the last read; read it if there was none yet."""
        return self._seen if self._has_looked else self.newest()

    def state(self) -> AnyState:
        """Read the newest state from the storage; it is empty if there is no entry."""
        self.newest()
        return self.seen_state()

    def seen_state(self) -> AnyState:
        """Return the state of the last read; read it if there was none yet."""
        found = self.seen()
        return found.state if found else self._state.empty()

    def decided(self, decide: Callable[[AnyState], Answer]) -> Answer:
        """Return what *decide* returns for the state of the last read, or raise as it.

        It is called again if it raises and there are entries that were not listed.
        """
        while True:
            try:
                return decide(self.seen_state())
            except HopsArtifactsError:
                if not self._was_late():
                    raise

    def entry(self, seq: int) -> LogEntry:
        """Return entry *seq*."""
        found = self._find(seq)
        if found is None:
            raise self._missing(seq)
        return found

    def snapshot(self, entry: LogEntry) -> Snapshot[AnyState]:
        """Return *entry* with the state as of it."""
        body, kind = entry.body, self._state
        where = layout.log_entry(self.path, body.seq)
        head = decode_part(bytes(body.head), kind.head_type, where)
        records = Records[Any](kind.record_type, self, body.seq, body.tree)
        index = Index(seq=body.seq, tree=body.index, source=self)
        state = kind(head, records, index)
        return Snapshot(body=body, sha256=entry.sha256, state=state)

    def content(self, seq: int) -> bytes:
        """Return the content of entry *seq*, if possible from the newest entry."""
        copy = self._seen.content_of(seq) if self._seen else None
        return bytes(self.entry(seq).body.content) if copy is None else copy

    def document(self, seq: int, kind: type[Document]) -> Document:
        """Return the content of entry *seq* as a document of type *kind*.

        A content of another type is damage.
        """
        where = layout.log_entry(self.path, seq)
        return decode_part(self.content(seq), kind, where)

    def fetch(self, numbers: Iterable[int]) -> dict[int, LogEntry]:
        """Return entries by number, in order; reads those not cached concurrently."""
        wanted = sorted(set(numbers))
        unread = [seq for seq in wanted if seq not in self._read]
        workers = _ABREAST if self.storage.capabilities.workers > 1 else 1
        each_result(lambda seq, _: self.entry(seq), unread, workers)
        return {seq: self._read[seq] for seq in wanted}

    def trees(self, numbers: Iterable[int]) -> Mapping[int, Tree]:
        """Return the trees of entries, read concurrently; see ``pages.EntrySource``."""
        return {seq: it.body.tree for seq, it in self.fetch(numbers).items()}

    def leaves(self, number: int) -> Leaves:
        """Return the leaves of an entry; see ``pages.EntrySource``."""
        return self.entry(number).body.index

    def entries(self) -> Iterator[LogEntry]:
        """Yield every entry in order, checking the digest chain."""
        previous: LogEntry | None = None
        numbers = range(1, self.newest_seq() + 1)
        for first in range(0, len(numbers), _AHEAD):
            for current in self._read_all(numbers[first : first + _AHEAD]):
                self._check_link(previous, current)
                previous = current
                yield current

    def audit(self) -> Snapshot[AnyState] | None:
        """Check every entry, the digest chain and all records; return the newest entry.

        All operations are replayed, so that a record without an operation is found.

        Raises:
            IntegrityError: the digest of an entry differs from the one in its
                successor, its state differs from the replayed one, or the newest one
                contradicts itself.
        """
        retold, newest = LogAudit(self._state, self.path), None
        for newest in self.entries():
            retold.take(newest.body)
        if newest is None:
            return None
        self._seen, self._has_looked = self.snapshot(newest), True
        if odd := self._seen.state.contradiction():
            raise damaged(self.path, newest.seq, f"says {odd}, unlike its records")
        return self._seen

    def append(
        self, decide: Callable[[AnyState, int], Draft[AnyState] | None]
    ) -> Snapshot[AnyState] | None:
        """Commit the entry that *decide* returns for the newest state.

        *decide* is called with that state (an empty one if the log is empty) and the
        number of the new entry. It returns a draft, returns None to commit nothing, or
        raises. It is called again after each lost race. Returns the newest entry.

        Raises:
            CommitUncertainError: the storage failed and the outcome is unknown.
            ConflictError: a thousand races were lost in a row, or the log is full.
        """
        with ExitStack() as held:
            for attempt in range(_LOST_RACES_LIMIT):
                draft = self.decided(lambda state: decide(state, self._seen_seq() + 1))
                before, seq = self._seen, self._seen_seq() + 1
                if draft is None:
                    if self._was_late():
                        continue
                    return before
                if seq > layout.MOST_ENTRIES:
                    raise ConflictError(
                        f"{self.path} has {layout.MOST_ENTRIES} entries, and no log "
                        "can have more: continue under another name"
                    )
                token = draft.token or new_token()
                taken = self._commit(before, seq, draft, token)
                self._check_link(before, taken)
                self._read[seq], self._seen = taken, self.snapshot(taken)
                if taken.token == token:
                    return self._seen
                self._trusts_listing = False
                if attempt == 0:
                    held.enter_context(turn(self.storage, self.path))
                else:
                    back_off(attempt)
                # Other writers may have committed more: catch up before retrying.
                self.newest()
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
        """Try to create entry *seq*; return ours, or the one of a faster writer."""
        content, head = encode(draft.content), draft.state.head
        last = before.state.head.last if before else 0
        body = EntryBody(
            format=FORMAT,
            seq=seq,
            log=self.path,
            token=token,
            time=now(),
            writer=writer(),
            op=draft.op,
            head=msgspec.Raw(encode(head)),
            tree=draft.state.records.written_out(last, head.last),
            previous=before.sha256 if before else None,
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
        return found or LogEntry(body=body, sha256=sha256_of(data))

    def _carried(
        self, before: Snapshot[AnyState] | None, wanted: int, seq: int
    ) -> Carried | None:
        """Return the content of entry *wanted* if it is small and in the cache."""
        if before is None or wanted in {0, seq}:
            return None
        content = before.content_of(wanted)
        if content is None and wanted in self._read:
            content = self._read[wanted].content_of(wanted)
        if content is None or len(content) > CARRIED_LIMIT_BYTES:
            return None
        return Carried(entry=wanted, content=msgspec.Raw(content))

    def _read_all(self, numbers: range) -> list[LogEntry]:
        """Return entries in order, read concurrently if there are many; cache none."""

        def one(seq: int, _: Stop) -> LogEntry:
            if found := self._load(seq):
                return found
            raise self._missing(seq)

        workers = self.storage.capabilities.workers if len(numbers) > _MANY else 1
        return each_result(one, numbers, workers)

    def _find(self, seq: int) -> LogEntry | None:
        """Return entry *seq*, reading it into the cache; None if it does not exist."""
        found = self._read.get(seq) or self._load(seq)
        if found:
            self._read[seq] = found
        return found

    def _find_new(self, seq: int) -> LogEntry | None:
        """Return entry *seq*, which usually does not exist yet."""
        path = layout.log_entry(self.path, seq)
        if self._may_list_late and self.storage.stat(path) is None:
            return None
        return self._find(seq)

    def _load(self, seq: int) -> LogEntry | None:
        try:
            data = self.storage.read(layout.log_entry(self.path, seq))
        except PathNotFoundError:
            return None
        return unpacked(data, self.path, seq)

    def _seen_seq(self) -> int:
        return self._seen.seq if self._seen else 0

    def _was_late(self) -> bool:
        """Read entries that were not listed; return whether there were any."""
        was_trusted, self._trusts_listing = self._trusts_listing, False
        return was_trusted and self._may_list_late and self.refresh()

    def newest_seq(self) -> int:
        """Return the number of the newest entry, without reading it; 0 if none."""
        # If the listing is out of date, a newer one was seen.
        newest = max(newest_seq(self.storage, self.path), self._seen_seq())
        if self._may_list_late and not self._trusts_listing:
            # A network mount may list from its cache, but looks up a single name.
            while self.storage.stat(layout.log_entry(self.path, newest + 1)):
                newest += 1
        return newest

    def _check_link(self, previous: LogEntry | None, current: LogEntry) -> None:
        if current.body.previous != (previous.sha256 if previous else None):
            how = "does not follow the entry before it: one of the two was replaced"
            raise damaged(self.path, current.seq, how)

    def _missing(self, seq: int) -> IntegrityError:
        return damaged(self.path, seq, "is missing, although there are later ones")
