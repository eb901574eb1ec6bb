"""Writers that come to no good end, on purpose, and the garbage they leave."""

from collections.abc import Callable
from contextlib import suppress

from hopsartifacts import layout
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.faults import (
    FAIL,
    STOP_BEFORE,
    Call,
    Fault,
    FaultyStorage,
    Stopped,
)

Matches = Callable[[Call], bool]

_GONE = "fedcba9876543210fedcba9876543210"
"""The token of a writer of which nothing else is known."""


def cut_off(storage: Storage, work: Callable[[Storage], object], at: Matches) -> None:
    """Do *work* up to the first call that matches: the writer is gone from there on."""
    is_gone = False

    def plan(call: Call) -> Fault | None:
        nonlocal is_gone
        is_gone = is_gone or at(call)
        return STOP_BEFORE if is_gone else None

    with suppress(Stopped):
        work(FaultyStorage(storage, plan))
        raise AssertionError("the writer came to its end")


def keeping_files(storage: Storage) -> Storage:
    """Return *storage* for somebody who can delete nothing but copies of manifests."""

    def plan(call: Call) -> Fault | None:
        is_copy = call.path.endswith(layout.MANIFEST)
        return FAIL if call.method == "delete_tree" and not is_copy else None

    return FaultyStorage(storage, plan)


def nth_entry(number: int, log: str) -> Matches:
    """Match the *number*-th try to make an entry of *log*."""
    seen = 0

    def matches(call: Call) -> bool:
        nonlocal seen
        seen += call.method == "create" and call.path.startswith(f"{log}/")
        return seen == number

    return matches


def writes(part: str) -> Matches:
    """Match writing to a path with *part* in it."""
    return lambda call: call.method == "write" and part in call.path


def put_aside(storage: Storage) -> None:
    """Leave what only its writer knows: a file on its way, and a probe."""
    storage.write(f"{layout.TEMPORARY}/{_GONE}", [b"half a file"])
    storage.write(layout.probe(_GONE), [b"a question"])
