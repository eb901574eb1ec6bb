"""Every order in which the storage calls of several writers can happen.

Each actor runs the real code in a thread of its own and halts before every storage
call that others could notice; the explorer picks who goes on. A run is replayed from
its choices, so each choice that was not taken is tried by a later run. Runs that meet
in the same state (the same bytes stored, and each actor having seen the same) go on
in the same way, so only the first of them does.

A log entry that is there never changes, so reading it is a halt only while a call may
still fail. Where even so there is too much to see, the number of times that a writer is
held up for another (and not because it came to its end) is bounded.

At each halt an actor may also crash for good, and a call may fail before it does
anything, or lose its answer, as often as the budget allows. So may a search for the
first name of a folder be answered as of the beginning, as network mounts do.
"""

import hashlib
import itertools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from hopsartifacts.errors import AlreadyExistsError, PathNotFoundError, StorageError
from hopsartifacts.storage.contract import Capabilities, Entry, Storage
from hopsartifacts.store import identity

Verb = Literal["go", "crash", "fail", "lose", "late"]
Choice = tuple[str, Verb]
Function = Callable[[Storage], Any]


class Stopped(BaseException):
    """This actor's process is gone: nothing it tries from now on has an effect."""


class ViolationError(AssertionError):
    """A schedule after which an invariant does not hold."""


class DictStorage:
    """The contract on a dict; each call is one step."""

    def __init__(
        self, files: Mapping[str, bytes] | None = None, *, moves_trees: bool = True
    ) -> None:
        self.files = dict(files or {})
        self.url = "dict://project"
        # Not shared, so that no journal on the disk makes one run differ from the next.
        self.capabilities = Capabilities(
            has_modes=False,
            workers=1,
            moves_trees=moves_trees,
            is_shared=False,
        )

    def create(self, path: str, data: bytes) -> bool:
        if self.stat(path):
            return False
        self.files[path] = data
        return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        self.files[path] = b"".join(chunks)

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise PathNotFoundError(f"{path!r} does not exist")
        return self.files[path]

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        yield self.read(path)[start:]

    def stat(self, path: str) -> Entry | None:
        if path in self.files:
            return self._file(path)
        if any(known.startswith(f"{path}/") for known in self.files):
            return Entry(path=path, kind="directory")
        return None

    def list(self, path: str) -> list[Entry]:
        below = (name.removeprefix(f"{path}/") for name in self._below(path))
        names = sorted({f"{path}/{name.split('/')[0]}" for name in below})
        return [entry for name in names if (entry := self.stat(name))]

    def find(self, path: str) -> Iterator[Entry]:
        yield from [self._file(name) for name in self._below(path)]

    def first(self, path: str) -> str | None:
        return next(iter(self._below(path)), None)

    def copy(self, source: str, target: str) -> bool:
        self.files[target] = self.read(source)
        return True

    def move(self, source: str, target: str) -> None:
        if not self.create(target, self.read(source)):
            raise AlreadyExistsError(f"{target!r} exists")
        del self.files[source]

    def move_tree(self, source: str, target: str) -> bool:
        if self.stat(target):
            return False
        for name in self._below(source):
            self.files[target + name.removeprefix(source)] = self.files.pop(name)
        return True

    def protect(self, path: str) -> None:
        pass

    def unprotect(self, path: str) -> None:
        pass

    def delete_tree(self, path: str) -> None:
        self.files.pop(path, None)
        for name in self._below(path):
            del self.files[name]

    def unfinished(self, path: str) -> Iterator[Entry]:  # noqa: ARG002 - the contract's
        yield from ()

    def discard_unfinished(self, entry: Entry) -> None:
        pass

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 - the contract's
        return None

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:  # noqa: ARG002 - the contract's
        yield from ()

    def _below(self, path: str) -> Sequence[str]:
        return sorted(name for name in self.files if name.startswith(f"{path}/"))

    def _file(self, path: str) -> Entry:
        size_bytes = len(self.files[path])
        return Entry(path=path, kind="file", size_bytes=size_bytes, modified=0.0)


@dataclass
class Outcome:
    """What became of an actor."""

    value: Any = None
    error: Exception | None = None
    is_stopped: bool = False


@dataclass
class Scenario:
    """Who runs against what, and what has to hold when all have come to their end."""

    actors: Mapping[str, Function]
    check: Callable[[Storage, dict[str, Outcome]], None]
    files: Mapping[str, bytes] = field(default_factory=dict)
    halts: Callable[[str, str], bool] = lambda method, path: (
        method in {"create", "read", "list", "first"} and "/_log" in path
    )
    """Whether others could notice a call: its method and path."""
    crashes: int = 0
    """How many actors may crash in a run."""
    failures: int = 0
    """How many calls may fail or lose their answer in a run."""
    late: int = 0
    """How many searches for a first name may answer as of the beginning of the run."""
    switches: int | None = None
    """How often an actor that could go on may be held up; None for any number."""
    moves_trees: bool = True
    """False for a storage whose versions are filled in the place reserved for them."""
    is_create_atomic: bool = True
    """False for a storage that looks first and then writes."""


@dataclass
class Explored:
    """How much there was to see."""

    runs: int = 0
    states: int = 0
    ends: int = 0


class _Actor:
    def __init__(self, name: str, function: Function) -> None:
        self.name = name
        self.function = function
        self.outcome = Outcome()
        self.halted_at: tuple[str, str] | None = None
        self.is_done = False
        self.seen = b""
        self.verb: Verb = "go"
        self.tokens = itertools.count(1)
        self.turn = threading.Semaphore(0)
        self.arrived = threading.Semaphore(0)
        self.thread: threading.Thread | None = None

    def run(self, storage: "_Stepped") -> None:
        _LOCAL.actor = self
        try:
            self.outcome.value = self.function(storage)
        except Stopped:
            self.outcome.is_stopped = True
        except Exception as error:  # noqa: BLE001 - the check judges it
            self.outcome.error = error
        self.is_done = True
        self.halted_at = None
        self.arrived.release()

    def halt(self, method: str, path: str) -> Verb:
        self.halted_at = (method, path)
        self.arrived.release()
        self.turn.acquire()
        return self.verb

    def saw(self, what: object) -> None:
        self.seen = hashlib.sha256(self.seen + repr(what).encode()).digest()


class _Stepped:
    """The storage as one actor has it."""

    def __init__(self, run: "_Run", actor: _Actor, scenario: Scenario) -> None:
        self._run = run
        self._inner = inner = run.storage
        self._actor = actor
        self._scenario = scenario
        self._is_gone = False
        self.url = inner.url
        self.capabilities = inner.capabilities

    def create(self, path: str, data: bytes) -> bool:
        if self._scenario.is_create_atomic:
            return bool(self._step("create", path, self._inner.create, path, data))
        if self._step("create", path, self._inner.stat, path):
            return False
        self._step("create", path, self._inner.write, path, [data])
        return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        self._step("write", path, self._inner.write, path, list(chunks))

    def read(self, path: str) -> bytes:
        return bytes(self._step("read", path, self._inner.read, path))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        yield self._step("chunks", path, self._inner.read, path)[start:]

    def stat(self, path: str) -> Entry | None:
        found: Entry | None = self._step("stat", path, self._inner.stat, path)
        return found

    def list(self, path: str) -> list[Entry]:
        return list(self._step("list", path, self._inner.list, path))

    def find(self, path: str) -> Iterator[Entry]:
        yield from self._step("find", path, lambda: list(self._inner.find(path)))

    def first(self, path: str) -> str | None:
        found: str | None = self._step("first", path, self._inner.first, path)
        return found

    def _first_as_it_was(self, path: str) -> str | None:
        return DictStorage(self._scenario.files).first(path)

    def copy(self, source: str, target: str) -> bool:
        return bool(self._step("copy", target, self._inner.copy, source, target))

    def move(self, source: str, target: str) -> None:
        self._step("move", source, self._inner.move, source, target)

    def move_tree(self, source: str, target: str) -> bool:
        moved = self._step("move_tree", target, self._inner.move_tree, source, target)
        return bool(moved)

    def protect(self, path: str) -> None:
        pass

    def unprotect(self, path: str) -> None:
        pass

    def delete_tree(self, path: str) -> None:
        self._step("delete_tree", path, self._inner.delete_tree, path)

    def unfinished(self, path: str) -> Iterator[Entry]:  # noqa: ARG002 - the contract's
        yield from ()

    def discard_unfinished(self, entry: Entry) -> None:
        pass

    def local_path(self, path: str) -> Path | None:
        # Only a mount is late.
        return Path("/mount") / path if self._scenario.late else None

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:  # noqa: ARG002 - the contract's
        yield from ()

    def _step(
        self, method: str, path: str, work: Callable[..., Any], *given: Any
    ) -> Any:
        verb: Verb = "go"
        if not self._is_gone and self._is_halt(method, path):
            verb = self._actor.halt(method, path)
            self._is_gone = verb == "crash"
        if self._is_gone:
            raise Stopped
        if verb == "fail":
            self._actor.saw(verb)
            raise StorageError(f"{method} {path} failed")
        if verb == "late":
            work = self._first_as_it_was
        try:
            result = work(*given)
        except PathNotFoundError as error:
            result = error
        if verb == "lose":
            self._actor.saw(verb)
            raise StorageError(f"{method} {path} lost its answer")
        self._actor.saw(result)
        if isinstance(result, PathNotFoundError):
            raise result
        return result

    def _is_halt(self, method: str, path: str) -> bool:
        if method == "read" and not self._run.failures and path in self._inner.files:
            return "/_log/" not in path and self._scenario.halts(method, path)
        return self._scenario.halts(method, path)


class _Run:
    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.storage = DictStorage(scenario.files, moves_trees=scenario.moves_trees)
        self._crashes, self.failures = scenario.crashes, scenario.failures
        self._late = scenario.late
        self._switches, self._last = scenario.switches, ""
        self._actors = {
            name: _Actor(name, function) for name, function in scenario.actors.items()
        }
        for actor in self._actors.values():
            stepped = _Stepped(self, actor, scenario)
            actor.thread = threading.Thread(
                target=actor.run, args=(stepped,), daemon=True
            )
            actor.thread.start()
            actor.arrived.acquire()

    @property
    def outcomes(self) -> dict[str, Outcome]:
        return {name: actor.outcome for name, actor in self._actors.items()}

    def choices(self) -> list[Choice]:
        waiting = [actor for actor in self._actors.values() if not actor.is_done]
        if self._switches == 0:
            last = [actor for actor in waiting if actor.name == self._last]
            waiting = last or waiting
        found: list[Choice] = [(actor.name, "go") for actor in waiting]
        if self._crashes:
            found += [(actor.name, "crash") for actor in waiting]
        if self.failures:
            found += [(actor.name, "fail") for actor in waiting]
            found += [(actor.name, "lose") for actor in waiting if _has_effect(actor)]
        if self._late:
            found += [(it.name, "late") for it in waiting if _halts_at(it) == "first"]
        return found

    def take(self, choice: Choice) -> None:
        name, verb = choice
        self._crashes -= verb == "crash"
        self.failures -= verb in {"fail", "lose"}
        self._late -= verb == "late"
        if self._switches is not None and self._last != name:
            self._switches -= self._is_waiting(self._last)
            self._last = name
        self._let(self._actors[name], verb)

    def key(self) -> bytes:
        stored = hashlib.sha256(repr(sorted(self.storage.files.items())).encode())
        for actor in self._actors.values():
            stored.update(repr((actor.seen, actor.halted_at, actor.outcome)).encode())
        stored.update(repr((self._crashes, self.failures, self._late)).encode())
        stored.update(repr((self._switches, self._last)).encode())
        return stored.digest()

    def abandon(self) -> None:
        for actor in self._actors.values():
            while not actor.is_done:
                self._let(actor, "crash")
            if actor.thread:
                actor.thread.join()

    def _is_waiting(self, name: str) -> bool:
        return name in self._actors and not self._actors[name].is_done

    def _let(self, actor: _Actor, verb: Verb) -> None:
        actor.verb = verb
        actor.turn.release()
        actor.arrived.acquire()


def explore(scenario: Scenario) -> Explored:
    """Run every schedule of *scenario*.

    Raises:
        ViolationError: names the schedule after which the check failed.
    """
    seen: set[bytes] = set()
    explored = Explored()
    untried: list[tuple[Choice, ...]] = [()]
    while untried:
        schedule = list(untried.pop())
        run = _Run(scenario)
        explored.runs += 1
        try:
            for choice in schedule:
                run.take(choice)
            while (key := run.key()) not in seen and (choices := run.choices()):
                seen.add(key)
                untried += [(*schedule, other) for other in choices[1:]]
                schedule.append(choices[0])
                run.take(choices[0])
            if key not in seen:
                seen.add(key)
                explored.ends += 1
                _judge(scenario, run, schedule)
        finally:
            run.abandon()
    explored.states = len(seen)
    return explored


def _judge(scenario: Scenario, run: _Run, schedule: list[Choice]) -> None:
    try:
        scenario.check(run.storage, run.outcomes)
    except Exception as error:
        steps = " ".join(f"{name}:{verb}" for name, verb in schedule)
        raise ViolationError(f"{error!r} after {steps}; {run.outcomes}") from error


def make_deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out of the code what differs between two runs of one schedule."""
    fixed = {"new_token": _token, "now": lambda: "2026-01-01T00:00:00Z"}
    made = {name: getattr(identity, name) for name in fixed}
    users = [it for name, it in sys.modules.items() if "hopsartifacts." in name]
    for module in users:
        if module is identity:
            continue  # what is imported later takes them from there
        for name, known in made.items():
            if getattr(module, name, None) is known:
                monkeypatch.setattr(module, name, fixed[name])
    monkeypatch.setattr("hopsartifacts.store.once.pause_s", lambda _: 0.0)
    # So that two faults are enough to leave a commit uncertain.
    monkeypatch.setattr("hopsartifacts.store.once._TRIES", 2)


def _token() -> str:
    actor: _Actor | None = getattr(_LOCAL, "actor", None)
    if actor is None:
        return f"setup{next(_SETUP)}"
    return f"{actor.name}{next(actor.tokens)}"


def _has_effect(actor: _Actor) -> bool:
    return _halts_at(actor) not in {"", "read", "list", "first", "stat"}


def _halts_at(actor: _Actor) -> str:
    return actor.halted_at[0] if actor.halted_at else ""


_LOCAL = threading.local()
_SETUP = itertools.count(1)
