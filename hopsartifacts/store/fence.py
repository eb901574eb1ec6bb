"""Deleting what somebody may begin to use meanwhile, in another log.

The deletion marks its target first, asks who uses it, and then deletes it unless the
mark was withdrawn. Whoever begins to use it commits that first, and withdraws the mark
then. So either the deletion sees the user, or the user sees that the target is gone.
"""

from collections.abc import Callable
from typing import Any, Generic

import msgspec

from hopsartifacts.errors import InUseError
from hopsartifacts.store.entries import AnyState, Draft
from hopsartifacts.store.log import Log

MARK, WITHDRAW, DELETE = "mark", "withdraw", "delete"


class Target(msgspec.Struct, Generic[AnyState], frozen=True, kw_only=True):
    """One thing in a log that can be deleted; every function gets a state.

    Those that cannot find it raise the error for that.
    """

    log: Callable[[], Log[AnyState]]
    op: dict[str, Any]
    """What names it in an operation."""
    mark: Callable[[AnyState], int]
    """The entry that marked it; 0 if none did."""
    marked: Callable[[AnyState, int], AnyState]
    """Gets the entry that marks it; 0 takes the mark off."""
    deleted: Callable[[AnyState], AnyState]
    """May raise ``InUseError`` for users in the same log."""

    def operation(self, kind: str) -> dict[str, Any]:
        """Return what an entry of *kind* says of it."""
        return {"kind": kind, **self.op}


def withdraw(target: Target[AnyState], log: Log[AnyState] | None = None) -> bool:
    """Take off the mark of a deletion that waits, or was left by a crash.

    The deletion asks for users again then, and finds the caller among them.

    Args:
        target: what.
        log: its log, where the caller has looked at it since it committed its use.

    Returns:
        Whether there was a mark.
    """
    was_marked = False

    def decide(state: AnyState, _: int) -> Draft[AnyState] | None:
        nonlocal was_marked
        was_marked = target.mark(state) > 0
        if not was_marked:
            return None
        return Draft(op=target.operation(WITHDRAW), state=target.marked(state, 0))

    (log or target.log()).append(decide)
    return was_marked


def delete(
    target: Target[AnyState],
    refuse_used: Callable[[], None],
    *,
    hide: Callable[[], None] = lambda: None,
) -> None:
    """Delete *target*, unless somebody uses it.

    Args:
        target: what.
        refuse_used: raises ``InUseError`` if somebody uses it.
        hide: called while it is marked, before it is deleted: takes away what readers
            would find it by without asking the log.

    Raises:
        InUseError: as *refuse_used*, or from *target*; nothing was deleted.
    """
    refuse_used()
    while not _try(target, refuse_used, hide):
        pass  # somebody began to use it and withdrew the mark: ask again


def _try(
    target: Target[AnyState],
    refuse_used: Callable[[], None],
    hide: Callable[[], None],
) -> bool:
    """Return False if the mark was withdrawn before the target could be deleted."""
    log = target.log()
    mark = _mark(log, target)
    try:
        refuse_used()
        hide()
        return _delete(log, target, mark)
    except InUseError:
        withdraw(target)
        raise


def _mark(log: Log[AnyState], target: Target[AnyState]) -> int:
    """Return the number of the log entry that marks the target."""
    mark = 0

    def decide(state: AnyState, seq: int) -> Draft[AnyState] | None:
        nonlocal mark
        mark = target.mark(state)
        if mark:
            return None
        mark = seq
        return Draft(op=target.operation(MARK), state=target.marked(state, seq))

    log.append(decide)
    return mark


def _delete(log: Log[AnyState], target: Target[AnyState], mark: int) -> bool:
    is_withdrawn = False

    def decide(state: AnyState, _: int) -> Draft[AnyState] | None:
        nonlocal is_withdrawn
        after = target.deleted(state)
        is_withdrawn = target.mark(state) != mark
        if is_withdrawn:
            return None
        return Draft(op=target.operation(DELETE), state=after)

    log.append(decide)
    return not is_withdrawn
