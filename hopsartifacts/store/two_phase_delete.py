"""Two-phase deletion of an object that another log may begin to reference meanwhile.

The deletion marks its target, looks for references, and deletes the target unless the
mark was removed in between. A process that adds a reference commits it first and then
removes the mark. So either the deletion sees the reference, or that process sees that
the target is deleted.
"""

from collections.abc import Callable
from typing import Any, Generic

import msgspec

from hopsartifacts.errors import InUseError
from hopsartifacts.store.entries import AnyState, Draft
from hopsartifacts.store.log import Log

MARK, WITHDRAW, DELETE = "mark", "withdraw", "delete"


class Target(msgspec.Struct, Generic[AnyState], frozen=True, kw_only=True):
    """A deletable record of a log, described by functions of the log's state.

    Each function raises the matching ``NotFoundError`` if the record does not exist.
    """

    log: Callable[[], Log[AnyState]]
    op: dict[str, Any]
    """The members that identify it in an operation."""
    mark: Callable[[AnyState], int]
    """Returns the number of the entry that marked it; 0 if it is not marked."""
    marked: Callable[[AnyState, int], AnyState]
    """Returns the state with the mark of an entry; entry 0 removes the mark."""
    deleted: Callable[[AnyState], AnyState]
    """Returns the state without it; raises ``InUseError`` if this log references it."""


def withdraw(target: Target[AnyState], log: Log[AnyState] | None = None) -> bool:
    """Remove the mark of a deletion; return whether there was one.

    A deletion in progress then looks for references again and finds the caller's. Give
    the target's *log* if it was read since the reference was committed.
    """
    was_marked = False

    def decide(state: AnyState, _: int) -> Draft[AnyState] | None:
        nonlocal was_marked
        was_marked = target.mark(state) > 0
        if not was_marked:
            return None
        return Draft(op={"kind": WITHDRAW, **target.op}, state=target.marked(state, 0))

    (log or target.log()).append(decide)
    return was_marked


def delete(
    target: Target[AnyState],
    refuse_used: Callable[[], None],
    *,
    hide: Callable[[], None] = lambda: None,
) -> None:
    """Delete *target* unless it is in use.

    Args:
        target: the record to delete.
        refuse_used: raises ``InUseError`` if the target is in use.
        hide: called after marking and before deleting; removes copies through which
            readers find the target without reading the log.

    Raises:
        InUseError: *refuse_used* or *target* raised it; nothing was deleted.
    """
    refuse_used()
    is_deleted = False
    # If another process adds a reference and removes the mark, look again.
    while not is_deleted:
        log = target.log()
        mark = _mark(log, target)
        try:
            refuse_used()
            hide()
            is_deleted = _delete(log, target, mark)
        except InUseError:
            withdraw(target)
            raise


def _mark(log: Log[AnyState], target: Target[AnyState]) -> int:
    """Mark the target if it is not marked; return the entry that marked it."""

    def decide(state: AnyState, seq: int) -> Draft[AnyState] | None:
        if target.mark(state):
            return None
        return Draft(op={"kind": MARK, **target.op}, state=target.marked(state, seq))

    log.append(decide)
    return target.mark(log.seen_state())


def _delete(log: Log[AnyState], target: Target[AnyState], mark: int) -> bool:
    """Return False if the mark was removed before the target was deleted."""
    is_withdrawn = False

    def decide(state: AnyState, _: int) -> Draft[AnyState] | None:
        nonlocal is_withdrawn
        after = target.deleted(state)
        is_withdrawn = target.mark(state) != mark
        if is_withdrawn:
            return None
        return Draft(op={"kind": DELETE, **target.op}, state=after)

    log.append(decide)
    return not is_withdrawn
