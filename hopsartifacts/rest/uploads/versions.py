"""Versions of models whose files are uploaded: claimed, then sealed or given up."""

import os
import time
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from threading import Lock

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import Digest
from hopsartifacts.errors import (
    AlreadyExistsError,
    ConflictError,
    HopsArtifactsError,
    InvalidInputError,
    InvalidModelError,
    SourceChangedError,
)
from hopsartifacts.names import distinct_paths, model_name, tag_name
from hopsartifacts.registry.documents import EmbeddedFile, Manifest, ModelState
from hopsartifacts.registry.given import (
    checked_description,
    checked_metrics,
    checked_tag,
    embedded,
)
from hopsartifacts.registry.reservations import (
    Claim,
    check_held,
    claim_version,
    give_up_claim,
    number_for,
)
from hopsartifacts.registry.save import NewVersion, save_version
from hopsartifacts.registry.sources import Fingerprint, Source, SourceFile
from hopsartifacts.registry.versions import model_state
from hopsartifacts.rest.own_folder import on_disk
from hopsartifacts.rest.uploads.area import Area, Status
from hopsartifacts.rest.uploads.contents import Assembly
from hopsartifacts.rest.uploads.shelf import Shelf
from hopsartifacts.rest.uploads.values import (
    Details,
    UploadLimits,
    UploadPlace,
    place_of,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.values import misspelt

_FEW = 5


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

        area = self._shelf.open(place, owner, use)
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
            new = _new_version(area, details, self._limits.max_embedded_bytes)
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


class SpooledSource(Source, frozen=True, kw_only=True):
    """The files of an upload, which are stored under generated names."""

    def check_unchanged(
        self,
        stored: Mapping[str, Digest],  # noqa: ARG002 - these files are never mapped
    ) -> None:
        """Compare the files' times, which is enough as only this server writes there.

        Raises:
            SourceChangedError: a file in the spool was changed.
        """
        for file in self.files:
            try:
                found = Fingerprint.of(os.lstat(file.location))
            except OSError:
                found = None
            if found != file.fingerprint:
                raise SourceChangedError(
                    f"{file.path!r} was changed on the server's disk while the model "
                    "was being saved: save again"
                )


def _new_version(area: Area, details: Details, max_embedded_bytes: int) -> NewVersion:
    """Return the version whose files were uploaded to *area*.

    Raises:
        InvalidModelError: a file is missing or incomplete, or there are none; or
            metrics, tags, the example or the schema are not valid.
        InvalidNameError: two file names are the same on some systems.
    """
    model = area.place.model
    _check_whole(area)
    prefix = f"{layout.FILES}/"
    files = {
        path.removeprefix(prefix): upload
        for path, upload in sorted(area.contents.files.items())
        if path.startswith(prefix)
    }
    if not files:
        raise InvalidModelError(
            f"no file was uploaded to {area.place.top}/{layout.FILES}: a model has at "
            "least one (empty folders are not stored)"
        )
    distinct_paths(files)
    tags = {tag_name(tag): checked_tag(tag, it) for tag, it in details.tags.items()}
    return NewVersion(
        model=model,
        framework=details.framework,
        description=checked_description(details.description, model),
        source=SpooledSource(
            root=area.folder,
            files=tuple(_source_file(path, it) for path, it in files.items()),
        ),
        metrics=checked_metrics(details.metrics),
        tags=tags,
        input_example=_embedded(area, layout.INPUT_EXAMPLE, max_embedded_bytes),
        model_schema=_embedded(area, layout.MODEL_SCHEMA, max_embedded_bytes),
    )


def _check_whole(area: Area) -> None:
    for path, upload in sorted(area.contents.files.items()):
        if not upload.is_whole:
            raise InvalidModelError(
                f"{path!r} is incomplete: {len(upload.digests)} of {upload.parts} "
                "chunks came; save again"
            )
    unsent = area.contents.unsent
    if unsent:
        more = f" and {len(unsent) - _FEW} more" if len(unsent) > _FEW else ""
        named = ", ".join(map(repr, unsent[:_FEW]))
        raise InvalidModelError(
            f"{named}{more} was not uploaded: some clients before 4.6 send no empty "
            "files, so such a file would be lost. Write something into the file, leave "
            "it out, or update the client"
        )


def _source_file(path: str, upload: Assembly) -> SourceFile:
    with on_disk("read an upload"):
        found = os.lstat(upload.location)
    return SourceFile(
        path=path, location=str(upload.location), fingerprint=Fingerprint.of(found)
    )


def _embedded(area: Area, name: str, limit: int) -> EmbeddedFile | None:
    upload = area.contents.files.get(name)
    if upload is None:
        return None
    if upload.begun.size > limit:
        raise InvalidModelError(
            f"{name} has {upload.begun.size} bytes, but may have at most {limit}: make "
            "it smaller"
        )
    with on_disk("read an upload"):
        data = Path(upload.location).read_bytes()
    try:
        msgspec.json.decode(data)
        text = data.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        words = misspelt(data, name) or error
        raise InvalidModelError(f"{name} is not JSON: {words}") from error
    return embedded(text)


class Refusals:
    """Refused claims, after which a client deletes the version's folder nevertheless.

    The official client deletes the folder whenever a save fails, even if another client
    has the version. So for each refusal, one deletion is ignored. Refusals are kept for
    a while; they may be used from any thread.
    """

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
