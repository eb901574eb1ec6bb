"""All unfinished uploads of one server, by place and owner."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import RLock

from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.own_folder import alone_in, on_disk
from hopsartifacts.rest.uploads.area import Area
from hopsartifacts.rest.uploads.values import UploadLimits, UploadPlace


class Shelf:
    """The areas in one folder, locked for this server; may be used from any thread."""

    def __init__(self, folder: Path, limits: UploadLimits) -> None:
        """Lock the folder, and load the uploads that an earlier server left in it.

        Raises:
            InUseError: another server uses it.
            StorageError: it cannot be used.
        """
        self._spool = folder / "spool"
        self._limits = limits
        self._lock = RLock()
        self._areas: dict[tuple[str, str], Area] = {}
        with on_disk("use its folder for uploads"):
            self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = ExitStack()
            self._held.enter_context(alone_in(folder))
            for entry in sorted(self._spool.iterdir()):
                area = Area.load(entry, limits)
                is_lost = area and area.place.kind != "version"
                if area is None or (is_lost and area.status == "ending"):
                    # Nothing was acknowledged before the crash, or nothing is reliable.
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    self._areas[_key(area.place, area.owner)] = area

    def find(self, place: UploadPlace, owner: str) -> Area | None:
        """Return the area of *place*; that of a version may belong to another owner."""
        with self._lock:
            return self._areas.get(_key(place, owner))

    def all(self) -> list[Area]:
        """Return all areas."""
        with self._lock:
            return list(self._areas.values())

    def visible(self, place: UploadPlace, owner: str) -> Area | None:
        """Return the area of *place*, if its content is visible to *owner*."""
        area = self.find(place, owner)
        return area if area and _is_visible(area, owner) else None

    def all_visible(self, owner: str) -> list[Area]:
        """Return all areas that are folders and visible to *owner*."""
        return [
            area
            for area in self.all()
            if area.place.kind not in {"own", "single"} and _is_visible(area, owner)
        ]

    def open(
        self,
        place: UploadPlace,
        owner: str,
        use: Callable[[Area], None] = lambda _: None,
    ) -> Area:
        """Return the area of *place*; begin it if there is none.

        Args:
            place: the place of the upload.
            owner: owner of the area, if it is new.
            use: called with an existing area before other threads get it; may raise.

        Raises:
            RefusedError: this owner has too many areas (429).
        """
        with self._lock:
            key = _key(place, owner)
            if area := self._areas.get(key):
                use(area)
                return area
            self._check_count(owner)
            area = Area.begin(self._spool, place, owner, self._limits)
            if place.kind == "version":
                area.status = "claiming"
            self._areas[key] = area
            return area

    def drop(self, area: Area) -> None:
        """Delete an area and its files."""
        with self._lock:
            key = _key(area.place, area.owner)
            if self._areas.get(key) is area:
                del self._areas[key]
        area.discard()

    def close(self) -> None:
        """Unlock the folder; unfinished uploads stay in it."""
        with self._lock:
            for area in self._areas.values():
                area.close()
            self._areas.clear()
        self._held.close()

    def _check_count(self, owner: str) -> None:
        own = sum(
            area.owner == owner and area.status != "delivered"
            for area in self._areas.values()
        )
        if own >= self._limits.max_open:
            raise RefusedError(
                f"this API key has {own} unfinished uploads, the most allowed: finish "
                "or remove some",
                429,
            )


def _key(place: UploadPlace, owner: str) -> tuple[str, str]:
    # A number has one claimant; of scripts and own files, each owner has an area.
    return place.top, "" if place.kind == "version" else owner


def _is_visible(area: Area, owner: str) -> bool:
    if area.owner != owner or area.status not in {"open", "sealing"}:
        return False
    return area.place.kind != "version" or not area.may_start_over
