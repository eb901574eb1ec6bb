"""Saving a model version: reserve a number, store the files, commit the manifest.

A number is reserved under the writer's token before any file is stored in its folder.
The version exists once the log contains the entry with its manifest. If the storage can
move folders, the files are first stored in a staging folder, so that a failed save
leaves nothing and uses no number. Otherwise they are stored in the reserved folder.
"""

from collections.abc import Iterator
from contextlib import nullcontext, suppress

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import HopsArtifactsError, StorageError, StorageRefusedError
from hopsartifacts.machine.identity import new_token, now, user
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.registry import reservations, versions
from hopsartifacts.registry.documents import (
    EmbeddedFile,
    FileRecord,
    Framework,
    Manifest,
    ModelState,
    Tags,
    VersionRecord,
    VersionStatus,
    embedded_by_name,
)
from hopsartifacts.registry.save_journal import SaveJournal, open_journal
from hopsartifacts.registry.sources import Source
from hopsartifacts.registry.version_files import fill, taken
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.dedup import StoredFile
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.races import check_arrived, move_in
from hopsartifacts.store.root import claim_name


class NewVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a model version to be saved."""

    model: str
    framework: Framework
    description: str
    source: Source
    requested: int | None = None
    metrics: dict[str, float | int] = {}
    tags: Tags = {}
    edited_description: str | None = None
    """The description that replaced it later, if the version is imported."""
    input_example: EmbeddedFile | None = None
    model_schema: EmbeddedFile | None = None

    @property
    def embedded(self) -> dict[str, EmbeddedFile]:
        """The example and the schema, by their names in the version's folder."""
        return embedded_by_name(self.input_example, self.model_schema)


def save_version(
    storage: Storage,
    new: NewVersion,
    callback: Callback = NO_CALLBACK,
    *,
    claim: reservations.Claim | None = None,
) -> Manifest:
    """Store *new* as a version and return its manifest.

    The version exists completely on return, and not at all if this raises. An earlier
    save of the same files that was interrupted is continued if the storage cannot move
    folders; otherwise its remains are deleted.

    Args:
        storage: the project's storage.
        new: the version to save.
        callback: receives the number of bytes done.
        claim: a number reserved earlier, used instead of the requested one. A save that
            fails may give it up, and is not continued.

    Raises:
        AlreadyExistsError: the requested number was used, or the name is too close to
            another.
        SourceChangedError: the user's files changed while they were read.
        ConflictError: the folder of the version contains other files, or the claim was
            given up.
        IntegrityError: the model's log is missing, so its numbers are unknown.
    """
    journal: SaveJournal | None = None
    if claim is None and storage.capabilities.is_shared:
        journal = open_journal(storage.url, new.model, new.source.root)
    with journal or nullcontext():
        return _Saving(storage, new, journal, callback, claim).run()


class _Saving:
    """One save, from reading the log to committing the manifest."""

    def __init__(
        self,
        storage: Storage,
        new: NewVersion,
        journal: SaveJournal | None,
        callback: Callback,
        claim: reservations.Claim | None,
    ) -> None:
        self._storage = storage
        self._new = new
        self._claim = claim
        self._journal = journal
        self._callback = callback
        self._log = versions.model_log(storage, new.model)
        self._is_staged = storage.capabilities.moves_trees
        self._token = ""
        self._attempt = new_token()
        self._is_continued = False
        self._own: set[str] = set()
        self._known: tuple[StoredFile, ...] = ()
        self._records: tuple[FileRecord, ...] = ()

    def run(self) -> Manifest:
        is_first = self._log.newest() is None
        if is_first and self._claim is None:
            reservations.open_log(
                self._storage, self._log, self._new.model, claims=not self._is_staged
            )
        state = self._log.seen_state()
        self._token, version = self._continued(state)
        self._is_continued = version is not None and self._claim is None
        if version is None:
            reservations.number_for(state, self._new.model, self._new.requested)
        self._known = tuple(_known(self._log, state))
        try:
            if self._is_staged:
                self._begin()
                self._fill(layout.staging_dir(self._token))
                if is_first:
                    claim = layout.model_name_claim(self._new.model)
                    claim_name(self._storage, claim, self._new.model, "model")
            if version is None:
                version = reservations.reserve(
                    self._log, self._new.model, self._new.requested, self._token
                )
            manifest = self._in_place(version)
        except BaseException:
            if self._is_staged:
                with suppress(StorageError):
                    self._storage.delete_tree(layout.staging_dir(self._token))
                self._finish()
            raise
        self._finish()
        return manifest

    def _continued(self, state: ModelState) -> tuple[str, int | None]:
        """Return the token to save under, and the number it has reserved, if any."""
        if self._claim:
            reservations.check_held(state, self._new.model, self._claim)
            folder = layout.version_dir(self._new.model, self._claim.version)
            if next(self._storage.find(folder), None) is not None:
                raise taken(folder)
            if self._is_staged:
                self._storage.delete_tree(layout.staging_dir(self._claim.token))
            return self._claim.token, self._claim.version
        token = self._journal.token if self._journal else None
        if token is None:
            return new_token(), None
        staging = layout.staging_dir(token)
        is_aside = self._is_staged and self._storage.stat(staging) is None
        if self._is_staged:
            # Checking these files would take as long as writing them again.
            self._storage.delete_tree(staging)
        version = reservations.taken_by(state, token, self._new.requested)
        if version is None:
            return token, None
        is_open = state.records[version].status == "reserved"
        is_wanted = self._new.requested in {None, version}
        if is_open and is_wanted and not is_aside:
            return token, version
        if is_open and _settle(self._log, version, token) == "aborted":
            with suppress(StorageError):
                versions.delete_given_up(self._storage, self._new.model, version)
        return new_token(), None

    def _in_place(self, version: int) -> Manifest:
        """Put the files into the version's folder and commit the version."""
        folder = layout.version_dir(self._new.model, version)
        is_cut = False
        try:
            if self._is_staged:
                self._move_in(folder)
            else:
                self._begin()
                try:
                    self._fill(folder)
                except StorageError:
                    is_cut = self._journal is not None
                    raise
                if self._is_continued:
                    # Check that the files of the earlier try are really there.
                    self._check_arrived(folder)
            for name in (layout.FILES, *self._new.embedded):
                self._storage.protect(f"{folder}/{name}")
            manifest = Manifest(
                model=self._new.model,
                version=version,
                id=self._token,
                framework=self._new.framework,
                description=self._new.description,
                created=now(),
                creator=user(),
                files=self._records,
                metrics=self._new.metrics,
                input_example=self._new.input_example,
                model_schema=self._new.model_schema,
            )
            self._seal(manifest)
            versions.project(self._log, version)
        except BaseException as error:
            if is_cut:
                # The next save of these files continues here, or gc() deletes them.
                raise
            if _settle(self._log, version, self._token) == "aborted":
                self._delete_own(folder, version)
                self._finish()
            # An interrupt is raised even if the version was committed.
            if not self._is_sealed(version) or not isinstance(error, Exception):
                raise
        return manifest

    def _seal(self, manifest: Manifest) -> None:
        """Commit the manifest, if the number is still reserved for this save."""
        model, number = manifest.model, manifest.version
        held, edited = (
            reservations.Claim(self._token, number),
            self._new.edited_description,
        )

        def decide(state: ModelState, seq: int) -> Draft[ModelState]:
            reservations.check_held(state, model, held)
            sealed = VersionRecord(
                status="sealed",
                id=manifest.id,
                reserved=state.records[number].reserved,
                seal=seq,
                sha256=versions.sealed_digest(manifest),
                framework=manifest.framework,
                created=manifest.created,
                creator=manifest.creator,
                files=len(manifest.files),
                size_bytes=manifest.size_bytes,
                metrics=manifest.metrics,
                tags=self._new.tags,
                description=manifest.description if edited is None else edited,
            )
            return versions.step(
                state, "seal", number, sealed, content=manifest, token=self._attempt
            )

        try:
            self._log.append(decide)
        except StorageRefusedError:
            # The disk may be full, and giving the number up needs some room: free it
            # first. No other save has this token, and this one does not try again.
            if self._is_staged and self._claim is None:
                with suppress(HopsArtifactsError):
                    reservations.check_held(self._log.state(), model, held)
                    self._delete_own(layout.version_dir(model, number), number)
            raise

    def _is_sealed(self, version: int) -> bool:
        """Return whether this save's commit succeeded; its response was lost."""
        with suppress(HopsArtifactsError):
            seal = self._log.state().records[version].seal
            return seal > 0 and self._log.entry(seal).token == self._attempt
        return False

    def _begin(self) -> None:
        if self._journal:
            self._journal.begin(self._token)

    def _finish(self) -> None:
        if self._journal:
            self._journal.forget()

    def _fill(self, folder: str) -> None:
        """Store all files below *folder*, and check that the source did not change."""
        self._records = fill(
            self._storage,
            folder,
            self._new.source.files,
            known=self._known,
            journal=self._journal,
            callback=self._callback,
            own=None if self._is_staged else self._own,
        )
        for name, content in self._new.embedded.items():
            self._own.add(name)
            self._storage.write(f"{folder}/{name}", [content.text.encode()])
        stored = {record.path: record.digest for record in self._records}
        self._new.source.check_unchanged(stored)

    def _move_in(self, folder: str) -> None:
        if not move_in(self._storage, layout.staging_dir(self._token), folder):
            raise taken(folder)
        self._check_arrived(folder)

    def _check_arrived(self, folder: str) -> None:
        embedded = self._new.embedded.items()
        sizes = {name: file.digest.size_bytes for name, file in embedded}
        for record in self._records:
            sizes[f"{layout.FILES}/{record.path}"] = record.digest.size_bytes
        check_arrived(self._storage, folder, sizes)

    def _delete_own(self, folder: str, version: int) -> None:
        """Delete the files that this save stored in *folder*, and no others."""
        with suppress(StorageError):
            if not self._is_staged:
                for name in self._own:
                    self._storage.delete_tree(f"{folder}/{name}")
            elif self._storage.stat(layout.staging_dir(self._token)) is None:
                # The staging folder was moved here, so all files are ours.
                versions.delete_given_up(self._storage, self._new.model, version)


def _known(log: versions.ModelLog, state: ModelState) -> Iterator[StoredFile]:
    """Yield the files of the newest version, since the next one usually shares most."""
    newest = state.head.latest
    if not newest:
        return
    manifest = versions.manifest_in(log, state.records[newest])
    folder = layout.files_dir(manifest.model, newest)
    seal = layout.log_entry(log.path, state.head.sealed)
    for it in manifest.files:
        yield StoredFile(folder=folder, path=it.path, digest=it.digest, seal=seal)


def _settle(log: versions.ModelLog, version: int, token: str) -> VersionStatus | None:
    """Give up a reservation, as ``give_up`` does; return None if that fails."""
    # The caller reports its first failure; the number stays reserved.
    with suppress(HopsArtifactsError):
        return versions.give_up(log, version, token)
    return None
