"""Every order in which the storage calls of several writers can happen.

Each actor runs the real code. The explorer holds it before every storage call that
others could notice, and picks who goes on. What an actor does depends only on the
answers that it got, so the code runs once for each row of answers, in a thread of its
own that is handed them one by one; whoever gets the same answers again is known to do
the same. States that are the same (the same bytes stored, and each actor having got
the same answers) are gone on from once.

A log entry that is there never changes, so an actor is held before reading it only
while a call may still fail. Where even so there is too much to see, the number of times
that a writer is held up for another (and not because it came to its end) is bounded.

Where it is held an actor may also crash for good, and a call may fail before it does
anything, or lose its answer, as often as the budget allows. So may a search for the
first name of a folder be answered as of the beginning, as network mounts do.
"""

import itertools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

from hopsartifacts.errors import AlreadyExistsError, PathNotFoundError, StorageError
from hopsartifacts.machine import identity
from hopsartifacts.storage.contract import Capabilities, FileInfo, Storage

Verb = Literal["go", "crash", "fail", "lose", "late"]
Choice = tuple[str, Verb]
Function = Callable[[Storage], Any]
Answer = tuple[type[Exception] | None, Any]
"""What is raised, and its message; or None, and what is returned."""


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

    def stat(self, path: str) -> FileInfo | None:
        if path in self.files:
            return self._file(path)
        if any(known.startswith(f"{path}/") for known in self.files):
            return FileInfo(path=path, kind="directory")
        return None

    def list(self, path: str) -> list[FileInfo]:
        below = (name.removeprefix(f"{path}/") for name in self._below(path))
        names = sorted({f"{path}/{name.split('/')[0]}" for name in below})
        return [entry for name in names if (entry := self.stat(name))]

    def find(self, path: str) -> Iterator[FileInfo]:
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

    def unfinished(self, path: str) -> Iterator[FileInfo]:  # noqa: ARG002 - the contract's
        yield from ()

    def discard_unfinished(self, entry: FileInfo) -> None:
        pass

    def local_path(self, path: str) -> Path | None:  # noqa: ARG002 - the contract's
        return None

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:  # noqa: ARG002 - the contract's
        yield from ()

    def _below(self, path: str) -> Sequence[str]:
        return sorted(name for name in self.files if name.startswith(f"{path}/"))

    def _file(self, path: str) -> FileInfo:
        size_bytes = len(self.files[path])
        return FileInfo(path=path, kind="file", size_bytes=size_bytes, modified=0.0)


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
    """How often the code of an actor was begun."""
    states: int = 0
    ends: int = 0


@dataclass(frozen=True)
class _Call:
    """A call that an actor wants to make."""

    method: str
    path: str
    does: str
    """The method of ``DictStorage`` that does it."""
    given: tuple[Any, ...]


@dataclass(eq=False)
class _Point:
    """Where an actor is after a row of answers."""

    answers: tuple[Answer, ...] = ()
    call: _Call | None = None
    """What it wants next; None at its end."""
    outcome: Outcome = field(default_factory=Outcome)
    """What became of it, at its end."""
    is_known: bool = False
    """Whether some thread has been there."""
    after: dict[Answer, "_Point"] = field(default_factory=dict)


class _Stepped:
    """The storage as one actor has it: each call waits for its answer."""

    def __init__(self, thread: "_Thread", scenario: Scenario) -> None:
        self._ask = thread.ask
        self._scenario = scenario
        like = DictStorage(moves_trees=scenario.moves_trees)
        self.url, self.capabilities = like.url, like.capabilities

    def create(self, path: str, data: bytes) -> bool:
        if self._scenario.is_create_atomic:
            return bool(self._step("create", path, path, data))
        if self._step("create", path, path, does="stat"):
            return False
        self._step("create", path, path, (data,), does="write")
        return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        self._step("write", path, path, tuple(chunks))

    def read(self, path: str) -> bytes:
        return bytes(self._step("read", path, path))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        yield self._step("chunks", path, path, does="read")[start:]

    def stat(self, path: str) -> FileInfo | None:
        found: FileInfo | None = self._step("stat", path, path)
        return found

    def list(self, path: str) -> list[FileInfo]:
        return list(self._step("list", path, path))

    def find(self, path: str) -> Iterator[FileInfo]:
        yield from self._step("find", path, path)

    def first(self, path: str) -> str | None:
        found: str | None = self._step("first", path, path)
        return found

    def copy(self, source: str, target: str) -> bool:
        return bool(self._step("copy", target, source, target))

    def move(self, source: str, target: str) -> None:
        self._step("move", source, source, target)

    def move_tree(self, source: str, target: str) -> bool:
        return bool(self._step("move_tree", target, source, target))

    def protect(self, path: str) -> None:
        pass

    def unprotect(self, path: str) -> None:
        pass

    def delete_tree(self, path: str) -> None:
        self._step("delete_tree", path, path)

    def unfinished(self, path: str) -> Iterator[FileInfo]:  # noqa: ARG002 - the contract's
        yield from ()

    def discard_unfinished(self, entry: FileInfo) -> None:
        pass

    def local_path(self, path: str) -> Path | None:
        # Only a mount is late.
        return Path("/mount") / path if self._scenario.late else None

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:  # noqa: ARG002 - the contract's
        yield from ()

    def _step(self, method: str, path: str, *given: Any, does: str = "") -> Any:
        error, found = self._ask(_Call(method, path, does or method, given))
        if error:
            raise error(found)
        return found


class _Thread:
    """The code of an actor while it runs."""

    def __init__(self, actor: "_Actor", scenario: Scenario) -> None:
        self.name = actor.name
        self.tokens = itertools.count(1)
        self.point = actor.first
        self._wants: _Call | None = None
        self._outcome = Outcome()
        self._answer: Answer = (None, None)
        self._is_gone = False
        self._answered, self._arrived = threading.Semaphore(0), threading.Semaphore(0)
        stepped = _Stepped(self, scenario)
        self._thread = threading.Thread(
            target=self._run, args=(actor.function, stepped), daemon=True
        )
        self._thread.start()
        self._arrive()

    def go_on(self, answer: Answer) -> None:
        """Answer its call, and let it run to the next one or to its end."""
        before, self._answer = self.point, answer
        self.point = before.after.setdefault(answer, _Point((*before.answers, answer)))
        self._answered.release()
        self._arrive()

    def stop(self) -> None:
        """Let it see that it is gone."""
        self._is_gone = True
        self._answered.release()
        self._thread.join()

    def ask(self, call: _Call) -> Answer:
        """Return the answer to a call, when there is one."""
        if not self._is_gone:
            self._wants = call
            self._arrived.release()
            self._answered.acquire()
        if self._is_gone:
            raise Stopped
        return self._answer

    def _arrive(self) -> None:
        self._arrived.acquire()
        if self.point.is_known:
            assert self.point.call == self._wants, "one schedule, and two ways to go on"
        self.point.call, self.point.is_known = self._wants, True
        if self._wants is None:
            self.point.outcome = self._outcome

    def _run(self, function: Function, storage: Storage) -> None:
        _LOCAL.actor = self
        try:
            self._outcome.value = function(storage)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - the check judges it
            self._outcome.error = error
        self._wants = None
        self._arrived.release()


class _Actor:
    """An actor, and all that is known of what it does."""

    def __init__(self, name: str, function: Function, scenario: Scenario) -> None:
        self.name = name
        self.function = function
        self.first = _Point()
        self.runs = 0
        self._scenario = scenario
        self._thread = self._begun()

    def after(self, point: _Point, answer: Answer) -> _Point:
        """Return where it is once its call at *point* got *answer*."""
        if answer not in point.after:
            if self._thread.point is not point:
                self.stop()
                self._thread = self._begun()
                for earlier in point.answers:
                    self._thread.go_on(earlier)
            self._thread.go_on(answer)
        return point.after[answer]

    def stop(self) -> None:
        """End its thread."""
        self._thread.stop()

    def _begun(self) -> _Thread:
        self.runs += 1
        return _Thread(self, self._scenario)


@dataclass(frozen=True)
class _State:
    """What is stored, where each actor is, and what may still happen."""

    files: Mapping[str, bytes]
    points: Mapping[str, _Point]
    crashes: int
    failures: int
    late: int
    switches: int | None
    last: str = ""
    """Who went on last, if that matters."""
    schedule: tuple[Any, ...] = ()
    """The choice that led here, after the schedule before it."""

    @property
    def outcomes(self) -> dict[str, Outcome]:
        return {name: it.outcome for name, it in self.points.items()}

    def choices(self) -> list[Choice]:
        waiting = {name: it.call for name, it in self.points.items() if it.call}
        if self.switches == 0 and self.last in waiting:
            waiting = {self.last: waiting[self.last]}
        found: list[Choice] = [(name, "go") for name in waiting]
        if self.crashes:
            found += [(name, "crash") for name in waiting]
        if self.failures:
            found += [(name, "fail") for name in waiting]
            changing = {it for it, call in waiting.items() if call.method not in _LOOKS}
            found += [(name, "lose") for name in waiting if name in changing]
        if self.late:
            found += [
                (it, "late") for it, to in waiting.items() if to.method == "first"
            ]
        return found

    def spent(self, choice: Choice) -> "_State":
        """Return this state with what a choice takes from the budgets taken."""
        name, verb = choice
        switches, last = self.switches, self.last
        if switches is not None and last != name:
            switches -= last in self.points and self.points[last].call is not None
            last = name
        return replace(
            self,
            crashes=self.crashes - (verb == "crash"),
            failures=self.failures - (verb in {"fail", "lose"}),
            late=self.late - (verb == "late"),
            switches=switches,
            last=last,
            schedule=(self.schedule, f"{name}:{verb}"),
        )


class _Explorer:
    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._actors = {
            name: _Actor(name, function, scenario)
            for name, function in scenario.actors.items()
        }
        self._files = dict[tuple[str, bytes], int]()
        self._stores = dict[frozenset[int], int]()
        self._judged = set[tuple[Any, ...]]()

    def explore(self) -> Explored:
        explored, seen = Explored(), set[tuple[Any, ...]]()
        untried: list[Callable[[], _State]] = [self._begin]
        while untried:
            state = untried.pop()()
            key = self._key(state)
            if key in seen:
                continue
            seen.add(key)
            choices = state.choices()
            untried += [partial(self._after, state, it) for it in reversed(choices)]
            if not choices:
                explored.ends += 1
                self._judge(state)
        explored.runs = sum(actor.runs for actor in self._actors.values())
        explored.states = len(seen)
        return explored

    def stop(self) -> None:
        for actor in self._actors.values():
            actor.stop()

    def _begin(self) -> _State:
        given = self._scenario
        state = _State(
            files=given.files,
            points={name: actor.first for name, actor in self._actors.items()},
            crashes=given.crashes,
            failures=given.failures,
            late=given.late,
            switches=given.switches,
        )
        for name in self._actors:
            state = self._until_it_halts(state, name)
        return state

    def _after(self, state: _State, choice: Choice) -> _State:
        """Return the state after *choice*, with each actor held or at its end."""
        name, verb = choice
        return self._until_it_halts(self._step(state.spent(choice), name, verb), name)

    def _until_it_halts(self, state: _State, name: str) -> _State:
        while (call := state.points[name].call) and not self._is_halt(state, call):
            state = self._step(state, name, "go")
        return state

    def _is_halt(self, state: _State, call: _Call) -> bool:
        if call.method == "read" and not state.failures and call.path in state.files:
            return "/_log/" not in call.path and self._halts(call)
        return self._halts(call)

    def _halts(self, call: _Call) -> bool:
        return self._scenario.halts(call.method, call.path)

    def _step(self, state: _State, name: str, verb: Verb) -> _State:
        point = state.points[name]
        assert point.call
        if verb == "crash":
            gone = _Point(outcome=Outcome(is_stopped=True))
            after, files = point.after.setdefault((None, Stopped), gone), state.files
        else:
            answer, files = self._answer(state, point.call, verb)
            after = self._actors[name].after(point, answer)
        return replace(state, files=files, points={**state.points, name: after})

    def _answer(
        self, state: _State, call: _Call, verb: Verb
    ) -> tuple[Answer, Mapping[str, bytes]]:
        """Return the answer to a call, and what is stored then."""
        what = f"{call.method} {call.path}"
        if verb == "fail":
            return (StorageError, f"{what} failed"), state.files
        files = self._scenario.files if verb == "late" else state.files
        storage = DictStorage(files, moves_trees=self._scenario.moves_trees)
        answer: Answer
        try:
            found = getattr(storage, call.does)(*call.given)
            if call.does in {"find", "list"}:
                found = tuple(found)
            answer = (None, found)
        except (AlreadyExistsError, PathNotFoundError) as error:
            answer = (type(error), str(error))
        if verb == "lose":
            answer = (StorageError, f"{what} lost its answer")
        return answer, state.files if call.does in _LOOKS else storage.files

    def _key(self, state: _State) -> tuple[Any, ...]:
        budgets = state.crashes, state.failures, state.late, state.switches, state.last
        return (self._stored(state), *state.points.values(), *budgets)

    def _stored(self, state: _State) -> int:
        """Return a number that only states with the same files have."""
        files = frozenset(
            self._files.setdefault(file, len(self._files))
            for file in state.files.items()
        )
        return self._stores.setdefault(files, len(self._stores))

    def _judge(self, state: _State) -> None:
        """Check an end, unless another one had the same files and outcomes."""
        told = [
            (repr(it), getattr(it.error, "__dict__", {}))
            for it in state.outcomes.values()
        ]
        key = self._stored(state), repr(told)
        if key in self._judged:
            return
        self._judged.add(key)
        storage = DictStorage(state.files, moves_trees=self._scenario.moves_trees)
        try:
            self._scenario.check(storage, state.outcomes)
        except Exception as error:
            steps, schedule = list[str](), state.schedule
            while schedule:
                schedule, step = schedule
                steps.insert(0, step)
            raise ViolationError(
                f"{error!r} after {' '.join(steps)}; {state.outcomes}"
            ) from error


def explore(scenario: Scenario) -> Explored:
    """Run every schedule of *scenario*.

    Raises:
        ViolationError: names the schedule after which the check failed.
    """
    explorer = _Explorer(scenario)
    try:
        return explorer.explore()
    finally:
        explorer.stop()


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
    monkeypatch.setattr(sys.modules[__name__], "_SETUP", itertools.count(1))
    monkeypatch.setattr("hopsartifacts.store.races.pause_s", lambda *_: 0.0)
    # So that two faults are enough to leave a commit uncertain.
    monkeypatch.setattr("hopsartifacts.store.races._TRIES", 2)


def _token() -> str:
    actor: _Thread | None = getattr(_LOCAL, "actor", None)
    if actor is None:
        return f"setup{next(_SETUP)}"
    return f"{actor.name}{next(actor.tokens)}"


_LOOKS = {"read", "chunks", "list", "find", "first", "stat"}
_LOCAL = threading.local()
_SETUP = itertools.count(1)
