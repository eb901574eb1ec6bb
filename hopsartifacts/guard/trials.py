"""What the doctor tries: each trial breaks one promise if the back end lets it.

A trial gets a folder of its own. It returns what it found; it raises what the back
end raises.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import msgspec

from hopsartifacts.errors import PathNotFoundError, StorageError
from hopsartifacts.guard.rival import Answer, Order
from hopsartifacts.guard.rivals import NoRivalsError, Rivals, rivals
from hopsartifacts.storage.contract import Capabilities, Storage
from hopsartifacts.store.proof import (
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


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a trial."""

    outcome: Outcome
    detail: str = ""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to try."""

    name: str
    run: Callable[[Storage, str], Found]
    meaning: str
    """What follows for a project if it does not hold."""


HELD = Found(outcome="held")


def reads(storage: Storage, folder: str) -> Found:
    """Read and list what is not there."""
    if storage.list(folder):
        return _broken("a folder that nobody made has something in it")
    try:
        storage.read(f"{folder}/object")
    except PathNotFoundError:
        return HELD
    return _broken("an object that nobody made can be read")


def writes(storage: Storage, folder: str) -> Found:
    """Write an object."""
    storage.write(f"{folder}/object", [b"data"])
    return HELD


def reads_back(storage: Storage, folder: str) -> Found:
    """Write an object, read it whole and from its middle, list it, replace it."""
    path = f"{folder}/object"
    storage.write(path, [b"da", b"ta"])
    if storage.read(path) != b"data" or b"".join(storage.chunks(path, 2)) != b"ta":
        return _broken("what was written is not what is read")
    if [entry.path for entry in storage.list(folder)] != [path]:
        return _broken("what was written is not listed")
    storage.write(path, [b"other"])
    if storage.read(path) != b"other":
        return _broken("what was written again is not what is read")
    return HELD


def deletes(storage: Storage, folder: str) -> Found:
    """Delete an object and look for it."""
    path = f"{folder}/object"
    storage.write(path, [b"data"])
    storage.delete_tree(path)
    if storage.stat(path):
        return _broken("what was deleted is still there")
    return HELD


def creates_once(storage: Storage, folder: str) -> Found:
    """Create an object twice."""
    if is_overwriting(storage, f"{folder}/object"):
        return _broken("the second creation of an object was not refused")
    return HELD


def threads_race(storage: Storage, folder: str) -> Found:
    """Let the threads of this process create one object at the same moment."""
    with ThreadPoolExecutor(_WRITERS) as pool:

        def race(path: str) -> list[Answer]:
            barrier = Barrier(_WRITERS)

            def create(writer: int) -> Answer:
                barrier.wait()
                try:
                    return Answer(is_yes=storage.create(path, str(writer).encode()))
                except StorageError as error:
                    return Answer(error=str(error))

            return list(pool.map(create, range(_WRITERS)))

        return _judged(storage, folder, race)


def processes_race(storage: Storage, folder: str) -> Found:
    """Let processes that opened the storage anew race, and see what they see."""
    if not storage.capabilities.is_shared:
        return _not_tried("no other process sees what is in memory")
    if storage.capabilities.is_single_writer:
        return _doubtful("only one process may write, as was asked for")
    try:
        with rivals(storage, _PROCESSES) as racing:
            found = _judged(storage, folder, lambda path: _raced(racing, path))
            return found if found.outcome != "held" else _seen(storage, racing, folder)
    except NoRivalsError as error:
        return _not_tried(f"another process cannot open it: {error}")


def whole(storage: Storage, folder: str) -> Found:
    """Create a large object while somebody reads it."""
    path, data, is_done = f"{folder}/object", b"x" * _LARGE_BYTES, Event()

    def watch() -> Found:
        while True:
            is_last = is_done.is_set()
            try:
                found = storage.read(path)
            except PathNotFoundError:
                if is_last:
                    return _broken("it was never seen")
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


def replaces(storage: Storage, folder: str) -> Found:
    """Replace an object again and again while somebody reads it."""
    if storage.capabilities.is_single_writer:
        return _doubtful("it takes two steps, between which there is no object")
    path, is_done = f"{folder}/object", Event()
    contents = [bytes([turn]) * _REPLACED_BYTES for turn in range(_REPLACEMENTS)]
    storage.write(path, [contents[0]])

    def watch() -> Found:
        while not is_done.is_set():
            try:
                if storage.read(path) not in contents:
                    return _broken("a reader saw neither the old bytes nor the new")
            except PathNotFoundError:
                return _broken("a reader found nothing while it was replaced")
        return HELD

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            for content in contents:
                storage.write(path, [content])
        finally:
            is_done.set()
        return watching.result()


def protects(storage: Storage, folder: str) -> Found:
    """Make a file read-only and look whether it is."""
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


def lists_freshly(storage: Storage, folder: str) -> Found:
    """Look for each object right after it was created, and after it was deleted."""
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


def tells_the_time(storage: Storage, folder: str) -> Found:
    """Compare the time of a fresh object with the clock of this machine."""
    path, before = f"{folder}/object", time.time()
    storage.write(path, [b"data"])
    after = time.time()
    entry = storage.stat(path)
    if entry is None or entry.modified is None:
        return _doubtful("it does not say when an object was written")
    # It may tell whole seconds only, which are those that have passed.
    behind = before - (entry.modified + _COARSEST_CLOCK_S)
    ahead = entry.modified - after
    if max(behind, ahead) <= 0:
        return HELD
    if max(behind, ahead) <= _SKEW_LIMIT_S:
        return Found(outcome="held", detail=f"off by {max(behind, ahead):.1f} s")
    way = "ahead of" if ahead > 0 else "behind"
    return _doubtful(
        f"it is {max(behind, ahead):.0f} s {way} the clock of this machine"
    )


def _broken(detail: str) -> Found:
    return Found(outcome="broken", detail=detail)


def _not_tried(detail: str) -> Found:
    return Found(outcome="not tried", detail=detail)


def _doubtful(detail: str) -> Found:
    return Found(outcome="warning", detail=detail)


def _raced(racing: Rivals, path: str) -> list[Answer]:
    at = time.time() + _HEAD_START_S
    return racing.ask(
        [
            Order(kind="create", path=path, data=str(writer), at=at)
            for writer in range(_PROCESSES)
        ]
    )


def _seen(storage: Storage, racing: Rivals, folder: str) -> Found:
    """Create an object here and let the other processes look at once."""
    for turn in range(_ROUNDS):
        path = f"{folder}/seen-{turn}"
        storage.create(path, path.encode())
        answers = racing.ask([Order(kind="look", path=path)] * _PROCESSES)
        for answer in answers:
            if answer.error:
                return _broken(f"another process cannot read it: {answer.error}")
            if not answer.is_yes:
                return _broken("another process does not list a new object at once")
            if answer.data != path:
                return _broken("another process reads other bytes")
    return HELD


def _judged(
    storage: Storage, folder: str, race: Callable[[str], Sequence[Answer]]
) -> Found:
    """Hold some races and say whether each had one winner, whose bytes stayed.

    A writer that got an error may have won: writers know how to find that out. So
    rounds without a winner are no flaw, unless there never is one.
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
            return _broken(f"the bytes are not the winner's in round {turn}")
        rounds_won += len(winners)
    return HELD if rounds_won else _broken("nobody was ever told that he won")


READS = Trial(
    name="it can be read",
    run=reads,
    meaning="nothing of a project can be seen here; check the URL and the credentials",
)
WRITES = Trial(
    name="it can be written",
    run=writes,
    meaning="nothing can be saved here, though what is there may be read; check the "
    "URL and the rights of the credentials",
)
_BEFORE = (
    Trial(
        name="what is written is read",
        run=reads_back,
        meaning="what is saved may come back as something else, or not at all",
    ),
    Trial(
        name="it can be deleted from",
        run=deletes,
        meaning="deleted versions keep their bytes, and what failed saves left stays; "
        "let the credentials delete",
    ),
)
_AFTER = (
    Trial(
        name=f"one winner of {_WRITERS} threads",
        run=threads_race,
        meaning="two writers at the same moment could get one version number, and one "
        "of them would lose what he saved",
    ),
    Trial(
        name=f"one winner of {_PROCESSES} processes",
        run=processes_race,
        meaning="two processes could get one version number, or not see each other's "
        "versions; write from one process only, elsewhere",
    ),
    Trial(
        name="an object is whole or not there",
        run=whole,
        meaning="a reader could take half an entry for a damaged log",
    ),
    Trial(
        name="an object is replaced in one step",
        run=replaces,
        meaning="if the writer ends between the two steps, one of your own files is "
        "lost; nothing that was committed is ever replaced",
    ),
    Trial(
        name="files can be made read-only",
        run=protects,
        meaning="sealed files can be edited by accident; verify finds what was edited",
    ),
    Trial(
        name="listings are fresh",
        run=lists_freshly,
        meaning="new versions may not be seen, and deleted ones seem to be there; turn "
        "off what caches listings",
    ),
    Trial(
        name="its clock is right",
        run=tells_the_time,
        meaning="grace periods, after which what was abandoned may be cleared, come "
        "out longer or shorter by as much; nothing else goes by this clock",
    ),
)


def trials(capabilities: Capabilities) -> tuple[Trial, ...]:
    """Return what is tried, in order."""
    once = Trial(
        name=EXCLUSIVE, run=creates_once, meaning=exclusive_meaning(capabilities)
    )
    return (READS, WRITES, *_BEFORE, once, *_AFTER)
