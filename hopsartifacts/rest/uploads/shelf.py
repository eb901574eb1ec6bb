"""Every unfinished upload of one server, by where it goes and whose it is."""

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any

from hopsartifacts.errors import ConflictError
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.uploads.area import Area
from hopsartifacts.rest.uploads.files import on_disk
from hopsartifacts.rest.uploads.places import Place
from hopsartifacts.rest.uploads.values import UploadLimits


class Shelf:
    """The areas in one folder, which no other server uses; any thread may use it."""

    def __init__(self, folder: Path, limits: UploadLimits) -> None:
        """Take the folder with what an earlier server left there.

        Raises:
            ConflictError: another server uses it.
            StorageError: it cannot be used.
        """
        self._spool = folder / "spool"
        self._limits = limits
        self._lock = RLock()
        self._areas: dict[tuple[str, str], Area] = {}
        with on_disk("keep uploads"):
            self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = _locked(folder)
            for entry in sorted(self._spool.iterdir()):
                area = Area.load(entry, limits)
                is_lost = area and area.place.kind != "version"
                if area is None or (is_lost and area.status == "ending"):
                    # Killed before anything was acknowledged, or nothing of it is sure.
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    self._areas[_key(area.place, area.owner)] = area

    def find(self, place: Place, owner: str) -> Area | None:
        """Return the area of *place*; a version's may be another owner's."""
        with self._lock:
            return self._areas.get(_key(place, owner))

    def all(self) -> list[Area]:
        """Return every area there is now."""
        with self._lock:
            return list(self._areas.values())

    def visible(self, place: Place, owner: str) -> Area | None:
        """Return the area of *place*, if *owner* is to see what it holds."""
        area = self.find(place, owner)
        return area if area and _is_visible(area, owner) else None

    def all_visible(self, owner: str) -> list[Area]:
        """Return the folders that *owner* is to see."""
        return [
            area
            for area in self.all()
            if area.place.kind != "own" and _is_visible(area, owner)
        ]

    def open(
        self,
        place: Place,
        owner: str,
        use: Callable[[Area], None] = lambda _: None,
    ) -> tuple[Area, bool]:
        """Return the area of *place* and whether it is new.

        Args:
            place: of the upload.
            owner: of the area, if it is new.
            use: called with one that is there before anybody else finds it; may raise.

        Raises:
            RefusedError: this owner has too many.
        """
        with self._lock:
            key = _key(place, owner)
            if area := self._areas.get(key):
                use(area)
                return area, False
            self._check_count(owner)
            area = Area.begin(self._spool, place, owner, self._limits)
            if place.kind == "version":
                area.status = "claiming"
            self._areas[key] = area
            return area, True

    def drop(self, area: Area) -> None:
        """Delete an area."""
        with self._lock:
            key = _key(area.place, area.owner)
            if self._areas.get(key) is area:
                del self._areas[key]
        area.discard()

    def close(self) -> None:
        """Let go of the folder; what is unfinished stays there."""
        with self._lock:
            for area in self._areas.values():
                area.close()
            self._areas.clear()
        self._held.release()

    def _check_count(self, owner: str) -> None:
        own = sum(
            area.owner == owner and area.status != "delivered"
            for area in self._areas.values()
        )
        if own >= self._limits.max_open:
            raise RefusedError(
                f"{own} uploads of yours are unfinished: finish or remove some", 429
            )


def _locked(folder: Path) -> Any:
    # Imported late: asyncio comes with it.
    from filelock import FileLock, Timeout  # noqa: PLC0415 - see above

    lock = FileLock(folder / "lock", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise ConflictError(
            f"another server keeps its uploads in {str(folder)!r}: end it, or give "
            "this one a folder of its own"
        ) from error
    return lock


def _key(place: Place, owner: str) -> tuple[str, str]:
    # A number has one claimant; scripts and own files each owner has for himself.
    return place.top, "" if place.kind == "version" else owner


def _is_visible(area: Area, owner: str) -> bool:
    if area.owner != owner or area.status not in {"open", "sealing"}:
        return False
    return area.place.kind != "version" or not area.may_begin_anew
