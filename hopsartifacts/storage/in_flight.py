"""Transfers under way at the same moment, in bounded memory.

Each transfer may always have one piece under way; further ones only while all
transfers of a storage together hold less than its budget. So none waits for another,
whatever order a caller takes their pieces in.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from threading import Lock
from typing import Generic, Self, TypeVar

Result = TypeVar("Result")


class Budget:
    """Bytes that all transfers of one storage may hold beyond one piece each."""

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Take *size* bytes if they are left; never wait."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Return what was taken."""
        with self._lock:
            self._left += size


class InFlight(Generic[Result]):
    """The pieces of one transfer that are under way, numbered from 1 as they began.

    On leaving it as a context manager, what has not begun yet never does.
    """

    def __init__(self, budget: Budget, most: int) -> None:
        self._budget = budget
        self._most = most
        self._pieces: deque[tuple[Future[Result], int, int]] = deque()
        self._begun = 0

    def __len__(self) -> int:
        return len(self._pieces)

    def start(self, size: int, begin: Callable[[], "Future[Result]"]) -> bool:
        """Begin one more piece of *size* bytes if there is room, and say whether."""
        is_counted = len(self._pieces) < self._most and self._budget.take(size)
        if self._pieces and not is_counted:
            return False
        self._begun += 1
        self._pieces.append((begin(), size if is_counted else 0, self._begun))
        return True

    def oldest(self) -> Result:
        """Wait for the oldest piece and return what came of it, or raise its error."""
        # If the wait is interrupted it stays, to be cancelled with the others.
        wait([self._pieces[0][0]])
        return self._taken(0)[1]

    def first_to_end(self) -> tuple[int, Result]:
        """Wait until any piece ends; return its number and what came of it, or raise.

        For pieces whose order does not matter: a slow one holds up no other.
        """
        wait([piece for piece, *_ in self._pieces], return_when=FIRST_COMPLETED)
        ended = (at for at, (piece, *_) in enumerate(self._pieces) if piece.done())
        return self._taken(next(ended))

    def _taken(self, place: int) -> tuple[int, Result]:
        piece, size, number = self._pieces[place]
        del self._pieces[place]
        self._budget.give_back(size)
        return number, piece.result()

    def settle(self) -> None:
        """Wait until nothing is under way, whatever comes of it."""
        wait([piece for piece, *_ in self._pieces])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._pieces:
            piece, size, _number = self._pieces.popleft()
            piece.cancel()
            self._budget.give_back(size)
