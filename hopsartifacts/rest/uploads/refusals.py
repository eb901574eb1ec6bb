"""Who was refused a version's folder, and will delete it all the same.

The official client deletes the folder whenever a save fails, be it that somebody else
was first; so one deletion for each refusal removes nothing.
"""

import time
from threading import Lock


class Refusals:
    """Counts by path and owner, forgotten after a while; any thread may use it."""

    def __init__(self, forgotten_s: float) -> None:
        self._forgotten_s = forgotten_s
        self._lock = Lock()
        self._at: dict[tuple[str, str], list[float]] = {}

    def add(self, path: str, owner: str) -> None:
        """Note that *owner* was refused *path*."""
        with self._lock:
            self._at.setdefault((path, owner), []).append(time.monotonic())

    def take(self, path: str, owner: str) -> bool:
        """Tell whether *owner* was refused *path*, and count that as done."""
        self.forget_old()
        with self._lock:
            times = self._at.get((path, owner))
            if not times:
                return False
            times.pop()
            return True

    def forget_old(self) -> None:
        """Forget those who never came."""
        before = time.monotonic() - self._forgotten_s
        with self._lock:
            for key, times in list(self._at.items()):
                self._at[key] = [at for at in times if at >= before]
                if not self._at[key]:
                    del self._at[key]
