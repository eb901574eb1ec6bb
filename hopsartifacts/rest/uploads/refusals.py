"""Refused claims, after which a client deletes the version's folder nevertheless.

The official client deletes the folder whenever a save fails, even if another client has
the version. So for each refusal, one deletion is ignored.
"""

import time
from threading import Lock


class Refusals:
    """Refusals by path and owner, kept for a while; may be used from any thread."""

    def __init__(self, forgotten_s: float) -> None:
        self._forgotten_s = forgotten_s
        self._lock = Lock()
        self._at: dict[tuple[str, str], list[float]] = {}

    def add(self, path: str, owner: str) -> None:
        """Record that *owner* was refused *path*."""
        with self._lock:
            self._at.setdefault((path, owner), []).append(time.monotonic())

    def take(self, path: str, owner: str) -> bool:
        """Return whether *owner* was refused *path*, and remove one such refusal."""
        self.forget_old()
        with self._lock:
            times = self._at.get((path, owner))
            if not times:
                return False
            times.pop()
            return True

    def forget_old(self) -> None:
        """Remove refusals that no deletion has followed in time."""
        before = time.monotonic() - self._forgotten_s
        with self._lock:
            for key, times in list(self._at.items()):
                self._at[key] = [at for at in times if at >= before]
                if not self._at[key]:
                    del self._at[key]
