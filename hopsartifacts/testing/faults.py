"""A storage that counts its calls and fails at selected ones, and writers it cuts off.

Everything built on a storage must survive a failure of any call, before or after the
call has its effect. So run an operation once per call, and let a later call fail each
time, until a run ends before its fault is due:

    for number in itertools.count(1):
        storage = FaultyStorage(MemoryStorage("p"), {number: LOSE_ANSWER})
        ...  # run the operation, then check the result without faults
        if len(storage.calls) < number:
            break
"""

import itertools
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import StorageError
from hopsartifacts.storage.contract import Capabilities, FileInfo, Storage

_GONE = "fedcba9876543210fedcba9876543210"
"""The token of a writer that left no other trace."""


class StorageCall(msgspec.Struct, frozen=True):
    """One call of a storage method."""

    number: int
    """Counted from 1, in the order in which calls start."""
    method: str
    path: str


class Fault(msgspec.Struct, frozen=True):
    """Actions before and after one call; either may raise, or never return.

    If *before* returns or is None, the call does its work.
    """

    before: Callable[[StorageCall], None] | None = None
    after: Callable[[StorageCall], None] | None = None


Matches = Callable[[StorageCall], bool]
Plan = Mapping[int, Fault] | Callable[[StorageCall], Fault | None]
"""The faults by call number, or a function that returns the fault for a call."""


def fail(call: StorageCall) -> None:
    """Raise the error of a failed storage."""
    raise StorageError(f"call {call.number}, {call.method} {call.path!r}, was broken")


def kill(_: StorageCall) -> None:
    """Kill this process immediately, like a crash of the machine."""
    os.kill(os.getpid(), signal.SIGKILL)


class InjectedStop(BaseException):
    """The writer has crashed: none of its later calls have an effect."""


def stop(call: StorageCall) -> None:
    """Replace ``kill`` where a separate process would not see the files."""
    raise InjectedStop(str(call))


FAIL = Fault(before=fail)
"""The call has no effect, and the caller gets an error."""
LOSE_ANSWER = Fault(after=fail)
"""The call has its full effect, and the caller gets an error."""
KILL_BEFORE = Fault(before=kill)
"""The process is killed before the call has an effect."""
KILL_AFTER = Fault(after=kill)
"""The process is killed after the call has its full effect."""
STOP_BEFORE = Fault(before=stop)
"""As ``KILL_BEFORE``; every later call must also be stopped."""
STOP_AFTER = Fault(after=stop)
"""As ``KILL_AFTER``; every later call must be stopped before its effect."""

READS = frozenset({"read", "chunks", "stat", "list", "find", "first", "unfinished"})
"""The methods that change nothing."""


class Nth:
    """A plan: *fault* at call *number*, and *then* at every later call.

    With *only_changes*, calls that only read are neither counted nor broken.
    """

    def __init__(
        self,
        number: int,
        fault: Fault,
        *,
        then: Fault | None = None,
        only_changes: bool = False,
    ) -> None:
        self._number = number
        self._fault = fault
        self._then = then
        self._only_changes = only_changes
        self._count = itertools.count(1)
        self.was_due = False

    def __call__(self, call: StorageCall) -> Fault | None:
        """Return the fault for *call*, or None."""
        if self._only_changes and call.method in READS:
            return self._then if self.was_due else None
        number = next(self._count)
        if number < self._number:
            return None
        self.was_due = True
        return self._fault if number == self._number else self._then


class FaultyStorage(Storage):
    """The storage *inner* with the faults of *plan*; otherwise it keeps the contract.

    ``chunks`` and ``find`` count as one call each, which starts when the first item is
    requested and ends when the last was returned. ``url``, ``capabilities`` and
    ``local_path`` do not access the storage and are not counted.

    Attributes:
        calls: all calls so far, in the order in which they started.
    """

    def __init__(self, inner: Storage, plan: Plan | None = None) -> None:
        self._inner = inner
        self._plan = plan or {}
        self._lock = Lock()
        self.calls: list[StorageCall] = []

    @property
    def url(self) -> str:
        """See ``Storage.url``."""
        return self._inner.url

    @property
    def capabilities(self) -> Capabilities:
        """See ``Storage.capabilities``."""
        return self._inner.capabilities

    def create(self, path: str, data: bytes) -> bool:
        """See ``Storage.create``."""
        with self._call("create", path):
            return self._inner.create(path, data)

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """See ``Storage.write``."""
        with self._call("write", path):
            self._inner.write(path, chunks)

    def read(self, path: str) -> bytes:
        """See ``Storage.read``."""
        with self._call("read", path):
            return self._inner.read(path)

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """See ``Storage.chunks``."""
        with self._call("chunks", path):
            yield from self._inner.chunks(path, start)

    def stat(self, path: str) -> FileInfo | None:
        """See ``Storage.stat``."""
        with self._call("stat", path):
            return self._inner.stat(path)

    def list(self, path: str) -> list[FileInfo]:
        """See ``Storage.list``."""
        with self._call("list", path):
            return self._inner.list(path)

    def find(self, path: str) -> Iterator[FileInfo]:
        """See ``Storage.find``."""
        with self._call("find", path):
            yield from self._inner.find(path)

    def first(self, path: str) -> str | None:
        """See ``Storage.first``."""
        with self._call("first", path):
            return self._inner.first(path)

    def copy(self, source: str, target: str) -> bool:
        """See ``Storage.copy``."""
        with self._call("copy", source):
            return self._inner.copy(source, target)

    def move(self, source: str, target: str) -> None:
        """See ``Storage.move``."""
        with self._call("move", source):
            self._inner.move(source, target)

    def move_tree(self, source: str, target: str) -> bool:
        """See ``Storage.move_tree``."""
        with self._call("move_tree", source):
            return self._inner.move_tree(source, target)

    def protect(self, path: str) -> None:
        """See ``Storage.protect``."""
        with self._call("protect", path):
            self._inner.protect(path)

    def unprotect(self, path: str) -> None:
        """See ``Storage.unprotect``."""
        with self._call("unprotect", path):
            self._inner.unprotect(path)

    def delete_tree(self, path: str) -> None:
        """See ``Storage.delete_tree``."""
        with self._call("delete_tree", path):
            self._inner.delete_tree(path)

    def unfinished(self, path: str) -> Iterator[FileInfo]:
        """See ``Storage.unfinished``."""
        with self._call("unfinished", path):
            yield from self._inner.unfinished(path)

    def discard_unfinished(self, entry: FileInfo) -> None:
        """See ``Storage.discard_unfinished``."""
        with self._call("discard_unfinished", entry.path):
            self._inner.discard_unfinished(entry)

    def local_path(self, path: str) -> Path | None:
        """See ``Storage.local_path``."""
        return self._inner.local_path(path)

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """See ``Storage.previous``."""
        return self._inner.previous(path)

    @contextmanager
    def _call(self, method: str, path: str) -> Iterator[None]:
        with self._lock:
            call = StorageCall(len(self.calls) + 1, method, path)
            self.calls.append(call)
        plan = self._plan
        fault = plan.get(call.number) if isinstance(plan, Mapping) else plan(call)
        if fault and fault.before:
            fault.before(call)
        try:
            yield
        except Exception:
            # A missing object is also an answer.
            if fault and fault.after:
                fault.after(call)
            raise
        if fault and fault.after:
            fault.after(call)


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
