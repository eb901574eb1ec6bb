"""Writers that are interrupted on purpose, and the garbage that they leave."""

from collections.abc import Callable
from contextlib import suppress

from hopsartifacts import layout
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.faults import (
    FAIL,
    STOP_BEFORE,
    Fault,
    FaultyStorage,
    InjectedStop,
    StorageCall,
)

Matches = Callable[[StorageCall], bool]

_GONE = "fedcba9876543210fedcba9876543210"
"""The token of a writer that left no other trace."""


def cut_off(storage: Storage, work: Callable[[Storage], object], at: Matches) -> None:
    """Run *work* up to the first call that matches, and simulate a crash there."""
    is_gone = False

    def plan(call: StorageCall) -> Fault | None:
        nonlocal is_gone
        is_gone = is_gone or at(call)
        return STOP_BEFORE if is_gone else None

    with suppress(InjectedStop):
        work(FaultyStorage(storage, plan))
        raise AssertionError("the writer ended normally")


def keeping_files(storage: Storage) -> Storage:
    """Return *storage* with all deletions failing, except those of manifest copies."""

    def plan(call: StorageCall) -> Fault | None:
        is_copy = call.path.endswith(layout.MANIFEST)
        return FAIL if call.method == "delete_tree" and not is_copy else None

    return FaultyStorage(storage, plan)


def nth_entry(number: int, log: str) -> Matches:
    """Match the *number*-th attempt to create an entry of *log*."""
    seen = 0

    def matches(call: StorageCall) -> bool:
        nonlocal seen
        seen += call.method == "create" and call.path.startswith(f"{log}/")
        return seen == number

    return matches


def writes(part: str) -> Matches:
    """Match writes to paths that contain *part*."""
    return lambda it: it.method in {"create", "write"} and part in it.path


def put_aside(storage: Storage) -> None:
    """Leave private files of a writer: a temporary file and a probe."""
    storage.write(f"{layout.TEMPORARY}/{_GONE}", [b"half a file"])
    storage.write(layout.probe(_GONE), [b"a question"])
