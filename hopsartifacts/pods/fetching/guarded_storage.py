"""The storage of a project as the init container uses it: only for reading, and timed.

A store may stall in many ways: a connection that is never answered, a mount that hangs.
No client detects all of them. So each call is noted here, and a thread ends the process
if none of them makes progress.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple, NoReturn

from msgspec.structs import replace

from hopsartifacts.errors import StorageError, StorageRefusedError
from hopsartifacts.storage.contract import Capabilities, FileInfo, Storage

_TOLD_S = 1.0
"""Failures after a shorter time do not name it."""


class Silence(NamedTuple):
    """For how long a storage has not answered, and the path it was asked for first."""

    path: str
    seconds: float


class CallClock:
    """The calls that a storage has not answered yet, and when it last answered one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = count()
        self._waiting: dict[int, tuple[str, float]] = {}
        self._last = time.monotonic()

    @contextmanager
    def call(self, path: str) -> Iterator[float]:
        """Note that the block waits for an answer about *path*; yield when it began."""
        began = time.monotonic()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = (path, began)
        try:
            yield began
        finally:
            with self._lock:
                del self._waiting[number]
                self._last = time.monotonic()

    def silence(self) -> Silence | None:
        """Return the current silence; None if no call is waiting."""
        with self._lock:
            if not self._waiting:
                return None
            path, began = next(iter(self._waiting.values()))
            return Silence(path, time.monotonic() - max(began, self._last))

    def watch(self, limit_s: float, ended: Callable[[Silence], None]) -> None:
        """Call *ended* in a thread once a silence lasts *limit_s* seconds."""

        def run() -> None:
            while True:
                found = self.silence()
                if found and found.seconds >= limit_s:
                    ended(found)
                    return
                time.sleep(min(1.0, limit_s / 10))

        Thread(target=run, name="stalls", daemon=True).start()


class GuardedStorage(Storage):
    """Another storage, which it can only read.

    Args:
        storage: the other one.
        clock: is told of every call.
    """

    def __init__(self, storage: Storage, clock: CallClock) -> None:
        self._storage = storage
        self._clock = clock

    @property
    def url(self) -> str:
        """The URL of the other storage."""
        return self._storage.url

    @property
    def capabilities(self) -> Capabilities:
        """Those of the other storage; modes cannot be set."""
        if self.local_path("") is not None:
            # A local storage would try whether it can set modes, in the project itself.
            return Capabilities(has_modes=False)
        return replace(self._storage.capabilities, has_modes=False)

    def read(self, path: str) -> bytes:
        """Return the content; see ``Storage.read``."""
        with self._timed(path):
            return self._storage.read(path)

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield the content; see ``Storage.chunks``."""
        chunks = iter(self._storage.chunks(path, start))
        while True:
            with self._timed(path):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def stat(self, path: str) -> FileInfo | None:
        """Describe the path; see ``Storage.stat``."""
        with self._timed(path):
            return self._storage.stat(path)

    def list(self, path: str) -> list[FileInfo]:
        """Return the children; see ``Storage.list``."""
        with self._timed(path):
            return self._storage.list(path)

    def find(self, path: str) -> Iterator[FileInfo]:
        """Yield everything below the path; see ``Storage.find``."""
        with self._timed(path):
            found = [*self._storage.find(path)]
        yield from found

    def first(self, path: str) -> str | None:
        """Return the first path below; see ``Storage.first``."""
        with self._timed(path):
            return self._storage.first(path)

    def local_path(self, path: str) -> Path | None:
        """Return the local path; see ``Storage.local_path``."""
        return self._storage.local_path(path)

    def _refused(self, *_: Any, **__: Any) -> NoReturn:
        raise StorageRefusedError(f"the project {self.url} is open only for reading")

    create = write = copy = move = move_tree = delete_tree = _refused
    protect = unprotect = discard_unfinished = _refused

    @contextmanager
    def _timed(self, path: str) -> Iterator[None]:
        with self._clock.call(path) as began:
            try:
                yield
            except StorageError as error:
                seconds = time.monotonic() - began
                if seconds < _TOLD_S:
                    raise
                raise type(error)(
                    f"{error} (this took {seconds:.0f} seconds)"
                ) from error
