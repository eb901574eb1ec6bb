"""Compaction: the states of old entries go, all else of them stays.

Every entry carries the complete state, so logs grow with the square of the number of
versions, though only the newest state is ever read. An entry announces which ones lose
theirs, with a digest over what stays of them; then each is replaced, in one step. What
a crash leaves undone is done by the next compaction; either form of an entry is good.
Where a back end cannot replace an object in one step no log is compacted: a crash
between the two steps would lose an entry.
"""

from collections.abc import Iterator

from hopsartifacts import layout
from hopsartifacts.errors import IntegrityError
from hopsartifacts.store.entries import COMPACT, Draft, Head, State, seal, sha256_of_all
from hopsartifacts.store.log import Log

_KEPT_ENTRIES = 8
_WORTH_ENTRIES = 32


def compact(
    log: Log[State], *, kept: int = _KEPT_ENTRIES, worth: int = _WORTH_ENTRIES
) -> int:
    """Take the states out of all but the last entries of *log*.

    Safe beside writers, readers and other compactions.

    Args:
        log: which.
        kept: how many of its last entries keep theirs.
        worth: nothing more is announced for fewer entries than that.

    Returns:
        By how many bytes the log has become smaller; 0 where the back end cannot
        replace an object in one step.

    Raises:
        IntegrityError: an entry is missing or damaged; nothing is changed.
    """
    head = log.audit()
    if head is None or not log.storage.capabilities.replaces_in_one_step:
        return 0
    last = _last(head, kept, worth)
    if last > head.body.compacted:
        head = _announce(log, last)
    freed = 0
    for entry in _full(log, head.body.compacted):
        path = layout.log_entry(log.path, entry.seq)
        log.storage.write(path, [entry.stub])
        log.storage.protect(path)
        freed += _gain(entry)
    return freed


def compactable_bytes(log: Log[State], head: Head[State]) -> int:
    """Return by how many bytes ``compact`` would make *log* smaller.

    *head* is its newest entry, which the caller has just looked for.
    """
    if not log.storage.capabilities.replaces_in_one_step:
        return 0
    last = _last(head, _KEPT_ENTRIES, _WORTH_ENTRIES)
    return sum(map(_gain, _full(log, last)))


def _last(head: Head[State], kept: int, worth: int) -> int:
    """Return the number of the last entry that is to lose its state."""
    last = head.seq - kept
    is_worth_it = last - head.body.compacted >= worth
    return last if is_worth_it else head.body.compacted


def _full(log: Log[State], last: int) -> Iterator[Head[State]]:
    return (it for it in log.read_all(range(1, last + 1)) if not it.is_compacted)


def _gain(entry: Head[State]) -> int:
    return len(seal(entry.body)) - len(entry.stub)


def _announce(log: Log[State], last: int) -> Head[State]:
    def decide(state: State | None, seq: int) -> Draft[State] | None:
        done = log.entry(seq - 1).body.compacted
        if state is None or done >= last:
            return None
        stubs = [entry.stub for entry in log.read_all(range(done + 1, last + 1))]
        op = {
            "kind": COMPACT,
            "first": done + 1,
            "last": last,
            "sha256": sha256_of_all(stubs),
        }
        return Draft(op=op, state=state, compacted=last)

    head = log.append(decide)
    if head is None:
        raise IntegrityError(f"the log {log.path} has lost its entries")
    return head
