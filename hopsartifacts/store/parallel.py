"""Many things done at the same moment: bounded, in order, ended by the first error."""

from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread
from typing import Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Others:
    """What one piece of work knows of those beside it."""

    def __init__(self) -> None:
        self._is_over = Event()
        self._lock = Lock()
        self.error: BaseException | None = None

    def check(self) -> None:
        """Call often in work that takes long.

        Raises:
            BesideError: other work failed, so this is of no use to anybody.
        """
        if self._is_over.is_set():
            raise BesideError

    def fail(self, error: BaseException) -> None:
        """End the others; only the first error counts."""
        with self._lock:
            self.error = self.error or error
        self._is_over.set()


class BesideError(Exception):
    """Work was given up since other work failed; never seen outside."""


def run_all(
    work: Callable[[Item, Others], Result], items: Sequence[Item], workers: int
) -> list[Result]:
    """Return what *work* makes of each of *items*, in their order.

    It is called by up to *workers* threads at once; by the caller's own where one is
    enough. When a call raises, no further one begins, those that run are told through
    ``Others.check``, and the first error is raised when all have ended. An interrupt
    of the caller counts as one.
    """
    others = Others()
    if min(workers, len(items)) <= 1:
        return [work(item, others) for item in items]
    done: dict[int, Result] = {}
    numbers = _Numbers(len(items))

    def worker() -> None:
        try:
            for number in numbers:
                others.check()
                done[number] = work(items[number], others)
        except BesideError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised by the caller
            others.fail(error)

    _run_threads(worker, min(workers, len(items)), others)
    if others.error:
        raise others.error
    return [done[number] for number in range(len(items))]


class _Numbers:
    """Each number below *end* once, whichever thread asks."""

    def __init__(self, end: int) -> None:
        self._left = iter(range(end))
        self._lock = Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> int:
        with self._lock:
            return next(self._left)


def _run_threads(worker: Callable[[], None], count: int, others: Others) -> None:
    """Return when all have ended, also when the caller is interrupted."""
    threads: list[Thread] = []
    try:
        for _ in range(count):
            thread = Thread(target=worker, daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()
    except BaseException as error:  # noqa: BLE001 - raised when all have ended
        others.fail(error)
        for thread in threads:
            thread.join()
