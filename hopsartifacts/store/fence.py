"""Deleting what somebody may begin to use meanwhile, in another log.

The deletion marks its target first, asks who uses it, and then deletes it unless the
mark was withdrawn. Whoever begins to use it commits that first, and withdraws the mark
then. So either the deletion sees the user, or the user sees that the target is gone.
"""

from collections.abc import Callable
from typing import Any, Generic

import msgspec

from hopsartifacts.errors import InUseError
from hopsartifacts.store.entries import Draft, State
from hopsartifacts.store.log import Log

MARK, WITHDRAW, DELETE = "deleting", "sealed", "delete"


class Target(msgspec.Struct, Generic[State], frozen=True, kw_only=True):
    """One thing in a log that can be deleted; every function gets a state.

    Those that cannot find it raise the error for that.
    """

    log: Callable[[], Log[State]]
    op: dict[str, Any]
    """What names it in an operation."""
    is_marked: Callable[[State | None], bool]
    marked: Callable[[State | None], State]
    unmarked: Callable[[State | None], State]
    deleted: Callable[[State | None], State]
    """May raise ``InUseError`` for users in the same log."""

    def operation(self, kind: str) -> dict[str, Any]:
        """Return what an entry of *kind* says of it."""
        return {"kind": kind, **self.op}


def withdraw(target: Target[State]) -> bool:
    """Take off the mark of a deletion that waits, or was left by a crash.

    Whoever put it there asks for users again, and finds the caller among them.

    Returns:
        Whether there was a mark.
    """
    was_marked = False

    def decide(state: State | None, _: int) -> Draft[State] | None:
        nonlocal was_marked
        was_marked = target.is_marked(state)
        if not was_marked:
            return None
        after = target.unmarked(state)
        return Draft(op=target.operation(WITHDRAW), state=after)

    target.log().append(decide)
    return was_marked


def delete(
    target: Target[State],
    refuse_used: Callable[[], None],
    *,
    bury: Callable[[], None] = lambda: None,
) -> None:
    """Delete *target*, unless somebody uses it.

    Args:
        target: what.
        refuse_used: raises ``InUseError`` if somebody uses it.
        bury: called while it is marked, before it is deleted.

    Raises:
        InUseError: as *refuse_used*, or from *target*; nothing was deleted.
    """
    refuse_used()
    while not _try(target, refuse_used, bury):
        pass  # somebody began to use it and withdrew the mark: ask again


def _try(
    target: Target[State],
    refuse_used: Callable[[], None],
    bury: Callable[[], None],
) -> bool:
    """Return False if the mark was withdrawn before the target could be deleted."""
    log = target.log()
    marked = _mark(log, target)
    try:
        refuse_used()
        bury()
        return _delete(log, target, marked)
    except InUseError:
        withdraw(target)
        raise


def _mark(log: Log[State], target: Target[State]) -> int:
    """Return the number of a log entry at which the target is marked."""

    def decide(state: State | None, _: int) -> Draft[State] | None:
        if target.is_marked(state):
            return None
        return Draft(op=target.operation(MARK), state=target.marked(state))

    head = log.append(decide)
    return head.seq if head else 0


def _delete(log: Log[State], target: Target[State], marked: int) -> bool:
    is_withdrawn = False
    withdrawal = target.operation(WITHDRAW)

    def decide(state: State | None, seq: int) -> Draft[State] | None:
        nonlocal is_withdrawn
        between = range(marked + 1, seq)
        is_withdrawn = any(log.entry(n).body.op == withdrawal for n in between)
        after = target.deleted(state)
        if is_withdrawn:
            return None
        return Draft(op=target.operation(DELETE), state=after)

    log.append(decide)
    return not is_withdrawn
