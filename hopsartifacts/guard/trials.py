"""The checks of the doctor: each one tries to break one promise of the back end.

Each check gets a separate folder. It returns the outcome, and raises the errors of the
back end.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import msgspec

from hopsartifacts.errors import PathNotFoundError, StorageError
from hopsartifacts.guard.rivals import (
    NoRivalsError,
    RivalAnswer,
    RivalOrder,
    Rivals,
    rivals,
)
from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.store.storage_probe import (
    EXCLUSIVE,
    Outcome,
    exclusive_meaning,
    is_overwriting,
)

_WRITERS = 8
_PROCESSES = 4
_ROUNDS = 5
_LARGE_BYTES = 4 * 1024 * 1024
_REPLACED_BYTES = 64 * 1024
_REPLACEMENTS = 20
_HEAD_START_S = 0.05
_SKEW_LIMIT_S = 60
_COARSEST_CLOCK_S = 1


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a check."""

    outcome: Outcome
    detail: str = ""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One check."""

    name: str
    run: Callable[[Storage, str], TrialResult]
    """Its docstring says what it proves."""
    meaning: str
    """The consequence for a project if the promise is broken."""


HELD = TrialResult(outcome="held")


def read_access(storage: Storage, folder: str) -> TrialResult:
    """Read and list a path that does not exist.

    This proves that the credentials may read and list, and that a missing object is
    reported as missing.
    """
    if storage.list(folder):
        return _broken("a folder that was never created is not empty")
    try:
        storage.read(f"{folder}/object")
    except PathNotFoundError:
        return HELD
    return _broken("an object that was never created can be read")


def write_access(storage: Storage, folder: str) -> TrialResult:
    """Write an object.

    This proves that the credentials may write.
    """
    storage.write(f"{folder}/object", [b"data"])
    return HELD


def read_after_write(storage: Storage, folder: str) -> TrialResult:
    """Write an object, read all and a part of it, list it, and replace it.

    This proves that a reader gets exactly the bytes of the last finished write.
    """
    path = f"{folder}/object"
    storage.write(path, [b"da", b"ta"])
    if storage.read(path) != b"data" or b"".join(storage.chunks(path, 2)) != b"ta":
        return _broken("the content read differs from the content written")
    if [entry.path for entry in storage.list(folder)] != [path]:
        return _broken("a written object is not listed")
    storage.write(path, [b"other"])
    if storage.read(path) != b"other":
        return _broken("the content read is not that of the last write")
    return HELD


def delete_access(storage: Storage, folder: str) -> TrialResult:
    """Delete an object and check that it no longer exists.

    This proves that the credentials may delete, and that a deletion has an effect.
    """
    path = f"{folder}/object"
    storage.write(path, [b"data"])
    storage.delete_tree(path)
    if storage.stat(path):
        return _broken("a deleted object still exists")
    return HELD


def create_if_absent(storage: Storage, folder: str) -> TrialResult:
    """Create an object twice.

    This proves that the back end honours the condition "only if absent", on which every
    version number depends. It does not prove that it holds for concurrent writers.
    """
    if is_overwriting(storage, f"{folder}/object"):
        return _broken("the second creation of an object was not refused")
    return HELD


def create_if_absent_in_threads(storage: Storage, folder: str) -> TrialResult:
    """Let threads of this process create one object concurrently.

    This proves that one of several concurrent requests wins, and that its content is
    stored.
    """
    with ThreadPoolExecutor(_WRITERS) as pool:

        def race(path: str) -> list[RivalAnswer]:
            barrier = Barrier(_WRITERS)

            def create(writer: int) -> RivalAnswer:
                barrier.wait()
                try:
                    return RivalAnswer(
                        is_yes=storage.create(path, str(writer).encode())
                    )
                except StorageError as error:
                    return RivalAnswer(error=str(error))

            return list(pool.map(create, range(_WRITERS)))

        return _judged(storage, folder, race)


def create_if_absent_in_processes(storage: Storage, folder: str) -> TrialResult:
    """Let processes with separate connections race, and check what they see.

    This proves the same for separate clients, and that each of them sees the objects of
    the others at once. All run on this machine.
    """
    if not storage.capabilities.is_shared:
        return _not_tried("no other process can see memory")
    if storage.capabilities.is_single_writer:
        return _doubtful("only one process may write, as requested")
    try:
        with rivals(storage, _PROCESSES) as racing:
            found = _judged(storage, folder, lambda path: _raced(racing, path))
            return found if found.outcome != "held" else _seen(storage, racing, folder)
    except NoRivalsError as error:
        return _not_tried(f"another process cannot open it: {error}")


def atomic_create(storage: Storage, folder: str) -> TrialResult:
    """Create a large object during concurrent reads.

    This proves that no reader sees a part of an object.
    """
    path, data, is_done = f"{folder}/object", b"x" * _LARGE_BYTES, Event()

    def watch() -> TrialResult:
        while True:
            is_last = is_done.is_set()
            try:
                found = storage.read(path)
            except PathNotFoundError:
                if is_last:
                    return _broken("a created object was never visible")
                continue
            if found != data:
                return _broken(f"a reader saw {len(found)} bytes of {len(data)}")
            return HELD

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            storage.create(path, data)
        finally:
            is_done.set()
        return watching.result()


def atomic_replace(storage: Storage, folder: str) -> TrialResult:
    """Replace an object repeatedly during concurrent reads.

    This proves that a reader always finds the old content or the new.
    """
    if storage.capabilities.is_single_writer:
        return _doubtful("it takes two steps, and in between the object is missing")
    path, is_done = f"{folder}/object", Event()
    contents = [bytes([turn]) * _REPLACED_BYTES for turn in range(_REPLACEMENTS)]
    storage.write(path, [contents[0]])

    def watch() -> TrialResult:
        while not is_done.is_set():
            try:
                if storage.read(path) not in contents:
                    return _broken("a reader saw neither the old content nor the new")
            except PathNotFoundError:
                return _broken("a reader found no object during its replacement")
        return HELD

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            for content in contents:
                storage.write(path, [content])
        finally:
            is_done.set()
        return watching.result()


def read_only_files(storage: Storage, folder: str) -> TrialResult:
    """Make a file read-only and check its mode.

    This proves that stored files are protected against accidental edits.
    """
    is_disk = storage.local_path("") is not None
    if not storage.capabilities.has_modes and not is_disk:
        return _not_tried("there are no modes here")
    path = f"{folder}/t/object"
    storage.write(path, [b"data"])
    storage.protect(f"{folder}/t")
    entry = storage.stat(path)
    if entry and entry.is_read_only and storage.capabilities.has_modes:
        return HELD
    return _doubtful("files cannot be made read-only")


def list_after_write(storage: Storage, folder: str) -> TrialResult:
    """List and look up each object immediately after its creation and deletion.

    This proves that listings and look-ups are not cached or delayed.
    """
    paths = [f"{folder}/{turn:03d}" for turn in range(_ROUNDS)]
    for path in paths:
        storage.create(path, b"")
        if path not in {entry.path for entry in storage.list(folder)}:
            return _broken("a new object is not listed at once")
        if storage.stat(path) is None:
            return _broken("a new object is not found at once")
    for path in paths:
        storage.delete_tree(path)
        if path in {entry.path for entry in storage.list(folder)}:
            return _broken("a deleted object is still listed")
    return HELD


def clock_skew(storage: Storage, folder: str) -> TrialResult:
    """Compare the time of a new object with the local clock.

    This proves that the ages of files, which grace periods compare, are right.
    """
    path, before = f"{folder}/object", time.time()
    storage.write(path, [b"data"])
    after = time.time()
    entry = storage.stat(path)
    if entry is None or entry.modified is None:
        return _doubtful("the back end does not report when an object was written")
    # The clock may report whole seconds only, rounded down.
    behind = before - (entry.modified + _COARSEST_CLOCK_S)
    ahead = entry.modified - after
    if max(behind, ahead) <= 0:
        return HELD
    if max(behind, ahead) <= _SKEW_LIMIT_S:
        return TrialResult(outcome="held", detail=f"off by {max(behind, ahead):.1f} s")
    way = "ahead of" if ahead > 0 else "behind"
    return _doubtful(
        f"it is {max(behind, ahead):.0f} s {way} the clock of this machine"
    )


def _broken(detail: str) -> TrialResult:
    return TrialResult(outcome="broken", detail=detail)


def _not_tried(detail: str) -> TrialResult:
    return TrialResult(outcome="not tried", detail=detail)


def _doubtful(detail: str) -> TrialResult:
    return TrialResult(outcome="warning", detail=detail)


def _raced(racing: Rivals, path: str) -> list[RivalAnswer]:
    at = time.time() + _HEAD_START_S
    return racing.ask(
        [
            RivalOrder(kind="create", path=path, data=str(writer), at=at)
            for writer in range(_PROCESSES)
        ]
    )


def _seen(storage: Storage, racing: Rivals, folder: str) -> TrialResult:
    """Create an object here and let the other processes look for it immediately."""
    for turn in range(_ROUNDS):
        path = f"{folder}/seen-{turn}"
        storage.create(path, path.encode())
        answers = racing.ask([RivalOrder(kind="look", path=path)] * _PROCESSES)
        for answer in answers:
            if answer.error:
                return _broken(f"another process cannot read it: {answer.error}")
            if not answer.is_yes:
                return _broken("another process does not list a new object at once")
            if answer.data != path:
                return _broken("another process reads different content")
    return HELD


def _judged(
    storage: Storage, folder: str, race: Callable[[str], Sequence[RivalAnswer]]
) -> TrialResult:
    """Run some races and check that each has one winner, whose content stays.

    A writer that got an error may have won, and writers can find that out. So rounds
    without a winner are accepted, unless no round has one.
    """
    rounds_won = 0
    for turn in range(_ROUNDS):
        path = f"{folder}/{turn}"
        answers = race(path)
        winners = [number for number, it in enumerate(answers) if it.is_yes]
        errors = [answer.error for answer in answers if answer.error]
        if len(errors) == len(answers):
            raise StorageError(errors[0])
        if len(winners) > 1:
            return _broken(f"{len(winners)} writers were told they won in round {turn}")
        if winners and storage.read(path) != str(winners[0]).encode():
            return _broken(f"the content is not the winner's in round {turn}")
        rounds_won += len(winners)
    return HELD if rounds_won else _broken("no writer was ever told that it won")


READS = Trial(
    name="read access",
    run=read_access,
    meaning="a project cannot be read here; check the URL and the credentials",
)
WRITES = Trial(
    name="write access",
    run=write_access,
    meaning="nothing can be saved here, although existing data may be readable; check "
    "the URL and the permissions of the credentials",
)
_BEFORE = (
    Trial(
        name="read after write",
        run=read_after_write,
        meaning="saved data may be read back changed, or not at all",
    ),
    Trial(
        name="delete access",
        run=delete_access,
        meaning="deleted versions and remains of failed saves keep taking up space; "
        "allow the credentials to delete",
    ),
)
_AFTER = (
    Trial(
        name=f"{EXCLUSIVE}, {_WRITERS} threads",
        run=create_if_absent_in_threads,
        meaning="two concurrent writers could get one version number, and one of them "
        "would lose its data",
    ),
    Trial(
        name=f"{EXCLUSIVE}, {_PROCESSES} processes",
        run=create_if_absent_in_processes,
        meaning="two processes could get one version number, or not see each other's "
        "versions; use another storage for more than one process",
    ),
    Trial(
        name="atomic create",
        run=atomic_create,
        meaning="a reader could see a partial entry and report a damaged log",
    ),
    Trial(
        name="atomic replace",
        run=atomic_replace,
        meaning="if the writer crashes between the two steps, one of your own files is "
        "lost; committed files are never replaced",
    ),
    Trial(
        name="read-only files",
        run=read_only_files,
        meaning="sealed files can be edited by accident; verify finds edited files",
    ),
    Trial(
        name="list after write",
        run=list_after_write,
        meaning="new versions may be invisible, and deleted ones may seem to exist; "
        "turn off caches of listings",
    ),
    Trial(
        name="clock skew",
        run=clock_skew,
        meaning="grace periods, after which abandoned files may be deleted, are longer "
        "or shorter by that much; nothing else depends on this clock",
    ),
)


def trials(capabilities: Capabilities) -> tuple[Trial, ...]:
    """Return the checks for a back end with *capabilities*, in order."""
    once = Trial(
        name=EXCLUSIVE, run=create_if_absent, meaning=exclusive_meaning(capabilities)
    )
    return (READS, WRITES, *_BEFORE, once, *_AFTER)
