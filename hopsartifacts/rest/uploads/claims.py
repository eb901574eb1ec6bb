"""Claims on model version numbers, until the version is sealed or given up."""

from itertools import takewhile

from hopsartifacts import layout
from hopsartifacts.errors import (
    AlreadyExistsError,
    ConflictError,
    HopsArtifactsError,
    InvalidInputError,
)
from hopsartifacts.names import model_name
from hopsartifacts.registry.documents import Manifest, ModelState
from hopsartifacts.registry.reservations import (
    Claim,
    check_held,
    claim_version,
    give_up_claim,
    number_for,
)
from hopsartifacts.registry.save import save_version
from hopsartifacts.registry.versions import model_state
from hopsartifacts.rest.uploads.area import Area, Status
from hopsartifacts.rest.uploads.places import UploadPlace, place_of
from hopsartifacts.rest.uploads.registration import new_version
from hopsartifacts.rest.uploads.shelf import Shelf
from hopsartifacts.rest.uploads.values import Details, UploadLimits
from hopsartifacts.storage.contract import Storage


class Claims:
    """The steps of saving a version whose files are uploaded."""

    def __init__(self, storage: Storage, shelf: Shelf, limits: UploadLimits) -> None:
        self._storage = storage
        self._shelf = shelf
        self._limits = limits

    def take(self, place: UploadPlace, owner: str) -> None:
        """Claim a version's number, or reuse the claim of an earlier attempt.

        Raises:
            AlreadyExistsError: the number is taken, or the name except for its case.
        """
        before: Status = "doubtful"

        def use(area: Area) -> None:
            nonlocal before
            with area.lock:
                if not area.may_be_taken_by(owner):
                    raise AlreadyExistsError(
                        f"model {place.model!r} version {place.version} is being saved "
                        "by another client: save again to get the next number, or give "
                        "another version"
                    )
                before, area.status = area.status, "claiming"

        area, _ = self._shelf.open(place, owner, use)
        try:
            if before != "doubtful":
                check_held(self._state(place), place.model, _claim(area))
            else:
                claim_version(self._storage, place.model, place.version, area.token)
            area.hold(owner)
        except ConflictError:
            self._shelf.drop(area)
            raise
        except BaseException:
            area.status = "vacant" if before == "vacant" else "doubtful"
            raise

    def seal(self, place: UploadPlace, details: Details, owner: str) -> Manifest:
        """Seal an uploaded version; raises as ``Uploads.seal``."""
        area = self._shelf.find(place, owner)
        if area is None:
            number_for(self._state(place), place.model, place.version)
        if area is None or not area.is_of(owner):
            raise unclaimed(place)
        area.begin_seal()
        try:
            new = new_version(area, details, self._limits.max_embedded_bytes)
        except InvalidInputError:
            area.reopen()
            raise
        try:
            manifest = save_version(self._storage, new, claim=_claim(area))
        except BaseException:
            self._after_failed_seal(area)
            raise
        self._shelf.drop(area)
        return manifest

    def clear(self, area: Area) -> bool:
        """Empty an area whose folder its owner removes, or give it up.

        The number of a version stays claimed, for the next save by any client: clients
        remove the folder when a save fails, and that must not use up the number. It is
        given up if the store may hold a part of the version.

        Returns:
            Whether there was something to remove.

        Raises:
            ConflictError: it is being claimed or registered.
        """
        if area.place.kind != "version" or area.status == "ending" or area.is_tried:
            return self.end(area)
        if area.status == "doubtful":
            return False
        area.vacate()
        return True

    def end(self, area: Area) -> bool:
        """Give up an area of any kind; return False if its version is already sealed.

        Raises:
            ConflictError: it is being claimed or registered.
        """
        with area.lock:
            area.check_idle()
            area.status = "ending"
            area.lock.notify_all()
        is_given_up = True
        if area.place.kind == "version":
            is_given_up = give_up_claim(self._storage, area.place.model, _claim(area))
        self._shelf.drop(area)
        return is_given_up

    def end_if_old(self, area: Area) -> None:
        """Give up an area that was not used for a long time; raises as ``end``."""
        with area.lock:
            if area.status in {"delivered", "doubtful"}:
                limit = self._limits.takeover_s
            else:
                limit = self._limits.expiry_s
            is_idle = area.status in {"open", "vacant", "delivered", "doubtful"}
            if area.status != "ending" and not (is_idle and area.silence_s >= limit):
                return
            area.status = "ending"
        self.end(area)

    def numbers(self, model: str, owner: str) -> set[int]:
        """Return the numbers that are taken; see ``Uploads.numbers``."""
        state = model_state(self._storage, model)
        free: set[int] = set()
        newest = state.head.latest
        above = takewhile(lambda it: it[0] > newest, state.records.descending())
        taken = {number for number, _ in above}
        # A number that is being claimed may not be in the log yet.
        for area in self._shelf.all():
            if area.place.kind == "version" and area.place.model == model:
                is_free = area.may_be_taken_by(owner)
                (free if is_free else taken).add(area.place.version)
        return {number for number in taken - free if number > newest}

    def _state(self, place: UploadPlace) -> ModelState:
        return model_state(self._storage, place.model)

    def _after_failed_seal(self, area: Area) -> None:
        """Open the area again, unless its number was given up."""
        try:
            check_held(self._state(area.place), area.place.model, _claim(area))
            area.reopen(is_tried=True)
        except ConflictError:
            self._shelf.drop(area)
        except HopsArtifactsError:
            area.status = "ending"


def unclaimed(place: UploadPlace) -> ConflictError:
    """Return the error for a version that the owner has not claimed."""
    return ConflictError(
        f"{place.top!r} is not being saved with this API key: create the folder first, "
        "with a free version number"
    )


def version_place(model: str, version: int) -> UploadPlace:
    """Return the place of a version; raise ``InvalidNameError`` for a bad name."""
    return place_of(layout.version_dir(model_name(model), version))


def _claim(area: Area) -> Claim:
    return Claim(area.token, area.place.version)
