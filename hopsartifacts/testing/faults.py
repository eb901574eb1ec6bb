"""A storage that counts every call and fails at those it is told to.

Everything built on a storage must survive a failure of any call, before it did
anything or after it did everything. So run an operation once per call, and fail a
later call each time, until a run is over before its fault was due:

    for number in itertools.count(1):
        storage = FaultyStorage(MemoryStorage("p"), {number: LOSE_ANSWER})
        ...  # the operation; then look at what it left, without faults
        if len(storage.calls) < number:
            break
"""

import itertools
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import msgspec

from hopsartifacts.errors import StorageError
from hopsartifacts.storage.contract import Capabilities, Entry, Storage


class Call(msgspec.Struct, frozen=True):
    """One call of a storage method."""

    number: int
    """Counted from 1 in the order in which calls begin."""
    method: str
    path: str


class Fault(msgspec.Struct, frozen=True):
    """What happens around one call; either part may raise, or never return.

    Without *after* the call does its work if *before* returns.
    """

    before: Callable[[Call], None] | None = None
    after: Callable[[Call], None] | None = None


Plan = Mapping[int, Fault] | Callable[[Call], Fault | None]
"""The faults by number of the call, or a function that picks one for a call."""


def fail(call: Call) -> None:
    """Raise the error of a storage that broke."""
    raise StorageError(f"call {call.number}, {call.method} {call.path!r}, was broken")


def kill(_: Call) -> None:
    """End this process at once, as a crash of the machine would."""
    os.kill(os.getpid(), signal.SIGKILL)


class Stopped(BaseException):
    """This writer is gone: nothing it still tries has an effect."""


def stop(call: Call) -> None:
    """Take the place of ``kill`` where a process of its own would see no files."""
    raise Stopped(str(call))


FAIL = Fault(before=fail)
"""Nothing is done, and the caller gets an error."""
LOSE_ANSWER = Fault(after=fail)
"""All is done, and the caller gets an error."""
KILL_BEFORE = Fault(before=kill)
"""The process ends before anything is done."""
KILL_AFTER = Fault(after=kill)
"""The process ends when all is done."""
STOP_BEFORE = Fault(before=stop)
"""As ``KILL_BEFORE``; every later call has to be stopped too."""
STOP_AFTER = Fault(after=stop)
"""As ``KILL_AFTER``; every later call has to be stopped before."""

READS = frozenset({"read", "chunks", "stat", "list", "find", "first", "unfinished"})
"""The methods that change nothing."""


class Nth:
    """A plan: *fault* at the call *number*, and *then* at every later one.

    With *only_changes* calls that only read are neither counted nor broken.
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

    def __call__(self, call: Call) -> Fault | None:
        """Return what is to happen around *call*."""
        if self._only_changes and call.method in READS:
            return self._then if self.was_due else None
        number = next(self._count)
        if number < self._number:
            return None
        self.was_due = True
        return self._fault if number == self._number else self._then


class FaultyStorage(Storage):
    """The storage *inner* with the faults of *plan*; it keeps the contract else.

    ``chunks`` and ``find`` count as one call each, which begins when the first part
    is asked for and has had its effect when the last was given. ``url``,
    ``capabilities`` and ``local_path`` touch no storage and are not counted.

    Attributes:
        calls: every call so far, in the order in which they began.
    """

    def __init__(self, inner: Storage, plan: Plan | None = None) -> None:
        self._inner = inner
        self._plan = plan or {}
        self._lock = Lock()
        self.calls: list[Call] = []

    @property
    def url(self) -> str:
        """See the contract."""
        return self._inner.url

    @property
    def capabilities(self) -> Capabilities:
        """See the contract."""
        return self._inner.capabilities

    def create(self, path: str, data: bytes) -> bool:
        """See the contract."""
        with self._call("create", path):
            return self._inner.create(path, data)

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """See the contract."""
        with self._call("write", path):
            self._inner.write(path, chunks)

    def read(self, path: str) -> bytes:
        """See the contract."""
        with self._call("read", path):
            return self._inner.read(path)

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """See the contract."""
        with self._call("chunks", path):
            yield from self._inner.chunks(path, start)

    def stat(self, path: str) -> Entry | None:
        """See the contract."""
        with self._call("stat", path):
            return self._inner.stat(path)

    def list(self, path: str) -> list[Entry]:
        """See the contract."""
        with self._call("list", path):
            return self._inner.list(path)

    def find(self, path: str) -> Iterator[Entry]:
        """See the contract."""
        with self._call("find", path):
            yield from self._inner.find(path)

    def first(self, path: str) -> str | None:
        """See the contract."""
        with self._call("first", path):
            return self._inner.first(path)

    def copy(self, source: str, target: str) -> bool:
        """See the contract."""
        with self._call("copy", source):
            return self._inner.copy(source, target)

    def move(self, source: str, target: str) -> None:
        """See the contract."""
        with self._call("move", source):
            self._inner.move(source, target)

    def move_tree(self, source: str, target: str) -> bool:
        """See the contract."""
        with self._call("move_tree", source):
            return self._inner.move_tree(source, target)

    def protect(self, path: str) -> None:
        """See the contract."""
        with self._call("protect", path):
            self._inner.protect(path)

    def unprotect(self, path: str) -> None:
        """See the contract."""
        with self._call("unprotect", path):
            self._inner.unprotect(path)

    def delete_tree(self, path: str) -> None:
        """See the contract."""
        with self._call("delete_tree", path):
            self._inner.delete_tree(path)

    def unfinished(self, path: str) -> Iterator[Entry]:
        """See the contract."""
        with self._call("unfinished", path):
            yield from self._inner.unfinished(path)

    def discard_unfinished(self, entry: Entry) -> None:
        """See the contract."""
        with self._call("discard_unfinished", entry.path):
            self._inner.discard_unfinished(entry)

    def local_path(self, path: str) -> Path | None:
        """See the contract."""
        return self._inner.local_path(path)

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """See the contract."""
        return self._inner.previous(path)

    @contextmanager
    def _call(self, method: str, path: str) -> Iterator[None]:
        with self._lock:
            call = Call(len(self.calls) + 1, method, path)
            self.calls.append(call)
        plan = self._plan
        fault = plan.get(call.number) if isinstance(plan, Mapping) else plan(call)
        if fault and fault.before:
            fault.before(call)
        try:
            yield
        except Exception:
            # That something is not there is an answer too.
            if fault and fault.after:
                fault.after(call)
            raise
        if fault and fault.after:
            fault.after(call)
