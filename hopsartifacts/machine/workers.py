"""A function applied to many items by a thread pool; the first failure stops it."""

import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Condition, Event, Lock
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_WAIT_S = 0.5


class Stopped(Exception):  # noqa: N818 - no failure of its own
    """Raised by work that stops because other work has failed."""


class Stop:
    """A flag that asks workers to stop."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """Ask all workers to stop."""
        self._event.set()

    def check(self) -> None:
        """Raise ``Stopped`` if the flag is set; call this regularly in long work."""
        if self._event.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Sleep until the time is over or the flag is set; then do as ``check``."""
        self._event.wait(seconds)
        self.check()


def each(
    work: Callable[[Item, Stop], None], items: Iterable[Item], workers: int
) -> None:
    """Call *work* with every item, in *workers* threads; return when all are done.

    Items are taken when a thread is free. With one worker, the caller's own thread is
    used. If work fails, the other threads stop, and the first exception is raised.
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
    pulling, changed = 0, Condition()

    def count(change: int) -> None:
        nonlocal pulling
        with changed:
            pulling += change
            changed.notify_all()

    def pull() -> None:
        count(1)
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
        finally:
            count(-1)

    with ThreadPoolExecutor(workers, thread_name_prefix="hopsartifacts") as pool:
        try:
            pending = {pool.submit(pull) for _ in range(workers)}
            while pending:
                # With a timeout: a signal that another thread gets does not end a wait.
                _, pending = wait(pending, _WAIT_S)
        except BaseException:
            stop.set()
            # The pool does not wait for a thread whose start was interrupted.
            with changed:
                changed.wait_for(lambda: not pulling)
            raise
    if failures:
        raise failures[0]


def each_result(
    work: Callable[[Item, Stop], Result], items: Sequence[Item], workers: int
) -> list[Result]:
    """Return the results of *work* for *items*, in order; otherwise as ``each``."""
    done: dict[int, Result] = {}

    def one(numbered: tuple[int, Item], stop: Stop) -> None:
        number, item = numbered
        done[number] = work(item, stop)

    each(one, enumerate(items), min(workers, len(items)))
    return [done[number] for number in range(len(items))]


def pause_s(failures: int, scale: float = 1.0) -> float:
    """Return the back-off after *failures* in a row, times *scale*, with jitter."""
    longest = scale * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(failures, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - only to spread load
