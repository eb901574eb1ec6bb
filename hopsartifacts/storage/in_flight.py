"""Transfers under way at the same moment, in bounded memory, in the order they began.

Each transfer may always have one piece under way; further ones only while all
transfers of a storage together hold less than its budget. So none waits for another,
whatever order a caller takes their pieces in.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
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
    """The pieces of one transfer that are under way, oldest first.

    On leaving it as a context manager, what has not begun yet never does.
    """

    def __init__(self, budget: Budget, most: int) -> None:
        self._budget = budget
        self._most = most
        self._pieces: deque[tuple[Future[Result], int]] = deque()

    def __len__(self) -> int:
        return len(self._pieces)

    def start(self, size: int, begin: Callable[[], "Future[Result]"]) -> bool:
        """Begin one more piece of *size* bytes if there is room, and say whether."""
        is_counted = len(self._pieces) < self._most and self._budget.take(size)
        if self._pieces and not is_counted:
            return False
        self._pieces.append((begin(), size if is_counted else 0))
        return True

    def oldest(self) -> Result:
        """Wait for the oldest piece and return what came of it, or raise its error."""
        piece, size = self._pieces[0]
        # If the wait is interrupted it stays, to be cancelled with the others.
        wait([piece])
        self._pieces.popleft()
        self._budget.give_back(size)
        return piece.result()

    def settle(self) -> None:
        """Wait until nothing is under way, whatever comes of it."""
        wait([piece for piece, _ in self._pieces])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._pieces:
            piece, size = self._pieces.popleft()
            piece.cancel()
            self._budget.give_back(size)
