"""The doctor: tries on a real back end what the store is built on, and says what held.

Objects are made under ``.hopsartifacts/probes`` and deleted again, as far as the back
end's listings show them.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import encode_pretty
from hopsartifacts.errors import (
    HopsArtifactsError,
    PathNotFoundError,
    UnsafeStorageError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.identity import new_token, now
from hopsartifacts.store.proof import prove_create

_WRITERS = 8
_ROUNDS = 5
_CLEARINGS = 10
_PAUSE_S = 0.2
_LARGE_BYTES = 4 * 1024 * 1024


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried and what held; ``str()`` gives a table and the verdict."""

    url: str
    time: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether the back end can keep a project."""
        return all(check.ok for check in self.checks)

    def __str__(self) -> str:
        width = max(len(check.name) for check in self.checks)
        lines = [
            f"  {'ok ' if check.ok else 'NO '} {check.name:<{width}}  {check.detail}"
            for check in self.checks
        ]
        verdict = "can keep a project" if self.ok else "cannot keep a project"
        return "\n".join([self.url, *lines, f"Verdict: it {verdict}."])


def examine(storage: Storage) -> DoctorReport:
    """Try everything and return what held; the verdict is kept in the project.

    What the back end refuses to do counts as not held, and is said in its own words.
    """
    trials: dict[str, Callable[[Storage, str], str | None]] = {
        "write, read, list and delete": _rights,
        "an object is created only once": _sequential,
        f"one winner of {_WRITERS} at the same moment": _raced,
        "an object is whole or not there": _whole,
        "listings are fresh": _fresh,
    }
    report = DoctorReport(
        url=storage.url,
        time=now(),
        checks=tuple(_tried(storage, name, trial) for name, trial in trials.items()),
    )
    if report.ok:
        storage.write(layout.VERDICT, [encode_pretty(report)])
    return report


def _tried(
    storage: Storage, name: str, trial: Callable[[Storage, str], str | None]
) -> Check:
    folder = layout.probe(new_token())
    started = time.monotonic()
    try:
        flaw = trial(storage, folder)
        _clear(storage, folder)
    except HopsArtifactsError as error:
        flaw = str(error)
    seconds = time.monotonic() - started
    return Check(name=name, ok=flaw is None, detail=flaw or f"{seconds:.2f} s")


def _clear(storage: Storage, folder: str) -> None:
    """Delete what a trial left; one whose listings lag may need more than one go."""
    for _ in range(_CLEARINGS):
        storage.delete_tree(folder)
        if not any(True for _ in storage.find(folder)):
            return
        time.sleep(_PAUSE_S)


def _rights(storage: Storage, folder: str) -> str | None:
    path = f"{folder}/object"
    storage.write(path, [b"data"])
    if storage.read(path) != b"data":
        return "what was written is not what is read"
    if [entry.path for entry in storage.list(folder)] != [path]:
        return "what was written is not listed"
    storage.delete_tree(path)
    return "what was deleted is still there" if storage.stat(path) else None


def _sequential(storage: Storage, _: str) -> str | None:
    try:
        prove_create(storage)
    except UnsafeStorageError:
        return "the second creation of an object was not refused"
    return None


def _raced(storage: Storage, folder: str) -> str | None:
    with ThreadPoolExecutor(_WRITERS) as pool:
        for turn in range(_ROUNDS):
            path, barrier = f"{folder}/{turn}", Barrier(_WRITERS)

            def create(
                writer: int, path: str = path, barrier: Barrier = barrier
            ) -> bool:
                barrier.wait()
                return storage.create(path, str(writer).encode())

            winners = [
                writer
                for writer, won in enumerate(pool.map(create, range(_WRITERS)))
                if won
            ]
            if len(winners) > 1:
                return f"{len(winners)} writers were told they won in round {turn}"
            # With no winner his answer was lost, which writers know how to handle.
            if winners and storage.read(path) != str(winners[0]).encode():
                return f"the bytes are not the winner's in round {turn}"
    return None


def _whole(storage: Storage, folder: str) -> str | None:
    path, data, is_done = f"{folder}/object", b"x" * _LARGE_BYTES, Event()

    def watch() -> str | None:
        while True:
            is_last = is_done.is_set()
            try:
                found = storage.read(path)
            except PathNotFoundError:
                if is_last:
                    return "it was never seen"
                continue
            return None if found == data else f"a reader saw {len(found)} bytes of it"

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            storage.create(path, data)
        finally:
            is_done.set()
        return watching.result()


def _fresh(storage: Storage, folder: str) -> str | None:
    for turn in range(_ROUNDS):
        path = f"{folder}/{turn:03d}"
        storage.create(path, b"")
        if path not in {entry.path for entry in storage.list(folder)}:
            return "a new object is not listed at once"
        if storage.stat(path) is None:
            return "a new object is not found at once"
    for turn in range(_ROUNDS):
        path = f"{folder}/{turn:03d}"
        storage.delete_tree(path)
        if path in {entry.path for entry in storage.list(folder)}:
            return "a deleted object is still listed"
    return None
