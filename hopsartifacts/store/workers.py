"""Doing one thing to many items at once; the first failure stops the rest."""

import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event, Lock
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_WAIT_S = 0.5


class Stopped(Exception):  # noqa: N818 - no failure of its own
    """Raised by work that gives up because something else has failed."""


class Stop:
    """Tells workers that what they do is not wanted any more."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """Let everybody stop soon."""
        self._event.set()

    def check(self) -> None:
        """Raise ``Stopped`` if so; to be called now and then during long work."""
        if self._event.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait, but not longer than it is wanted; raises as ``check``."""
        self._event.wait(seconds)
        self.check()


def each(
    work: Callable[[Item, Stop], None], items: Iterable[Item], workers: int
) -> None:
    """Call *work* with every item, *workers* at a time, in this process.

    Items are taken when there is somebody to work on them; one worker is the caller's
    own thread. Returns when all are done; of what fails the first is raised, when the
    others have stopped.
    """
    if workers > 1:
        _each_of_many(work, items, workers)
        return
    stop = Stop()
    for item in items:
        work(item, stop)


def _each_of_many(
    work: Callable[[Item, Stop], None], items: Iterable[Item], workers: int
) -> None:
    stop = Stop()
    queue, lock = iter(items), Lock()
    failures: list[BaseException] = []

    def pull() -> None:
        try:
            while True:
                stop.check()
                with lock:
                    item = next(queue)
                work(item, stop)
        except (StopIteration, Stopped):
            return
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failures.append(error)
            stop.set()

    with ThreadPoolExecutor(workers, thread_name_prefix="hopsartifacts") as pool:
        try:
            pending = {pool.submit(pull) for _ in range(workers)}
            while pending:
                # Not for ever: a signal that another thread gets does not end a wait.
                _, pending = wait(pending, _WAIT_S)
        except BaseException:
            stop.set()
            raise
    if failures:
        raise failures[0]


def each_result(
    work: Callable[[Item, Stop], Result], items: Sequence[Item], workers: int
) -> list[Result]:
    """Return what *work* makes of each of *items*, in their order; as ``each``."""
    done: dict[int, Result] = {}

    def one(numbered: tuple[int, Item], stop: Stop) -> None:
        number, item = numbered
        done[number] = work(item, stop)

    each(one, enumerate(items), min(workers, len(items)))
    return [done[number] for number in range(len(items))]


def pause_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row."""
    longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**failures)
    return random.uniform(longest / 2, longest)  # noqa: S311 - only to spread load
