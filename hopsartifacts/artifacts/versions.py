"""Artifact versions: found again by content, or made by one log entry.

The bytes travel inside the entry, so the commit is one object and numbers have no
gaps. The folder ``Artifacts/<n>`` is a projection of the entry: written afterwards,
and again by anybody who misses it. Bytes too big for an entry are put under the
writer's own token first; they are never shared between writers.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from hopsartifacts import layout
from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.difference import compare
from hopsartifacts.artifacts.documents import (
    CREATE,
    EMPTY,
    MODEL_ONLY,
    ArtifactRecord,
    ArtifactSource,
    ArtifactState,
    ArtifactVersion,
    Asked,
    checked_sources,
    identity_of,
)
from hopsartifacts.digests import Hasher, digest_of
from hopsartifacts.documents import decode
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    CommitUncertainError,
    HopsArtifactsError,
    IntegrityError,
    InvalidDeploymentError,
    SourceChangedError,
    StorageError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.identity import new_token
from hopsartifacts.store.log import Log

INLINE_LIMIT_BYTES = 256 * 1024
"""Artifacts up to this size lie inside their log entry."""


class _Prepared(msgspec.Struct, frozen=True, kw_only=True):
    records: tuple[ArtifactRecord, ...]
    inline: dict[str, bytes] | None
    sources: tuple[ArtifactSource, ...]

    @property
    def identity(self) -> str:
        return identity_of(self.records)


class ArtifactStore:
    """The artifact versions of one model version."""

    def __init__(self, storage: Storage, model: str, version: int) -> None:
        self._storage = storage
        self.model = model
        self.version = version
        self._log = Log(storage, layout.artifact_log(model, version), ArtifactState)

    def versions(self) -> dict[int, ArtifactVersion]:
        """Return all versions by number, 0 included."""
        return {0: EMPTY, **dict(sorted(self._state().versions.items()))}

    def get(self, number: int) -> ArtifactVersion:
        """Return one version.

        Raises:
            ArtifactNotFoundError: there is no such version.
        """
        return self._pick(self.versions(), number)

    def decide(self, sources: tuple[ArtifactSource, ...], asked: Asked) -> Decision:
        """Say which version ``save`` would give, storing nothing; raises as it."""
        return self._decide(self._state(), self._prepare(sources), asked)

    def save(self, sources: tuple[ArtifactSource, ...], asked: Asked) -> Decision:
        """Return the version that holds *sources*, made if need be.

        Raises:
            InvalidDeploymentError: ``MODEL-ONLY`` with files, or a number whose files
                differ; the message shows how.
            ArtifactNotFoundError: the number does not exist.
            InvalidNameError: a file name breaks the rules.
            SourceChangedError: a file changed while it was read.
        """
        prepared = self._prepare(sources)
        # Most saves find their artifact, so look before moving big files.
        decision = self._decide(self._state(), prepared, asked)
        if decision.is_new:
            decision = self._commit(prepared, asked)
        # It is committed: the folder is written by whoever needs it next.
        with suppress(StorageError):
            self.project(decision.version)
        return decision

    def read(self, number: int) -> dict[str, Callable[[], Iterator[bytes]]]:
        """Return readers of the sealed bytes of a version, by path.

        They read the log or the writer's payload, not the folder people see.
        """
        sealed = self.get(number)
        if sealed.payload is None:
            inline = self._inline(sealed)
            return {
                path: lambda data=data: iter([data])  # type: ignore[misc]  # bound now
                for path, data in inline.items()
            }
        folder = layout.artifact_payload(self.model, self.version, sealed.payload)
        return {
            file.path: lambda path=file.path: self._storage.chunks(f"{folder}/{path}")  # type: ignore[misc]  # bound now
            for file in sealed.files
        }

    def project(self, number: int) -> None:
        """Write the folder of a version, as far as it is not there."""
        if number == 0:
            return
        sealed = self.get(number)
        folder = layout.artifact_dir(self.model, self.version, number)
        if self._storage.capabilities.moves_trees:
            if self._storage.stat(folder) is None:
                self._project_aside(number, folder)
            return
        there = {(entry.path, entry.size_bytes) for entry in self._storage.find(folder)}
        readers = self.read(number)
        for file in sealed.files:
            path = f"{folder}/{file.path}"
            if (path, file.digest.size_bytes) not in there:
                self._storage.write(path, readers[file.path]())

    def _project_aside(self, number: int, folder: str) -> None:
        staging = layout.staging_dir(new_token())
        try:
            for path, chunks in self.read(number).items():
                self._storage.write(f"{staging}/{path}", chunks())
            if self._storage.move_tree(staging, folder):
                self._storage.protect(folder)
        finally:
            with suppress(StorageError):
                self._storage.delete_tree(staging)

    def _state(self) -> ArtifactState:
        head = self._log.head()
        return head.state if head else ArtifactState()

    def _pick(
        self, versions: dict[int, ArtifactVersion], number: int
    ) -> ArtifactVersion:
        if number in versions:
            return versions[number]
        known = ", ".join(map(str, versions))
        raise ArtifactNotFoundError(
            f"model {self.model!r} version {self.version} has no artifact version "
            f"{number}: it has {known}"
        )

    def _prepare(self, sources: tuple[ArtifactSource, ...]) -> _Prepared:
        records: list[ArtifactRecord] = []
        kept: dict[str, bytes] = {}
        total = 0
        checked = checked_sources(sources)
        for source in checked:
            hasher, parts = Hasher(), []
            for chunk in hasher.through(source.chunks()):
                total += len(chunk)
                if total <= INLINE_LIMIT_BYTES:
                    parts.append(chunk)
            kept[source.path] = b"".join(parts)
            record = ArtifactRecord(
                role=source.role, path=source.path, digest=hasher.digest()
            )
            records.append(record)
        inline = kept if total <= INLINE_LIMIT_BYTES else None
        return _Prepared(records=tuple(records), inline=inline, sources=checked)

    def _decide(
        self, state: ArtifactState, prepared: _Prepared, asked: Asked
    ) -> Decision:
        decision = Decision(
            version=0,
            is_new=False,
            asked=asked,
            identity=prepared.identity,
            files=tuple(record.path for record in prepared.records),
            compared=tuple(sorted(state.versions)),
        )
        if isinstance(asked, int):
            sealed = self._checked_number(state, prepared, asked)
            return msgspec.structs.replace(
                decision,
                version=asked,
                identity=sealed.identity,
                files=tuple(record.path for record in sealed.files),
            )
        if not prepared.records:
            return decision
        if asked == MODEL_ONLY:
            raise InvalidDeploymentError(
                "artifact_version 'MODEL-ONLY' is version 0, which never holds a "
                f"file, but there is {', '.join(decision.files)}: leave one of the "
                "two out"
            )
        same = None if asked == CREATE else state.same_as(prepared.identity)
        if same is not None:
            return msgspec.structs.replace(decision, version=same)
        return msgspec.structs.replace(
            decision, version=state.next_version, is_new=True
        )

    def _checked_number(
        self, state: ArtifactState, prepared: _Prepared, asked: int
    ) -> ArtifactVersion:
        sealed = self._pick({0: EMPTY, **state.versions}, asked)
        if prepared.records and prepared.identity != sealed.identity:
            difference = compare(sealed.files, prepared.records)
            raise InvalidDeploymentError(
                f"artifact version {asked} holds other files than given: {difference}; "
                "leave out artifact_version to get the right one, or the files to "
                f"use version {asked} as it is"
            )
        return sealed

    def _commit(self, prepared: _Prepared, asked: Asked) -> Decision:
        token = new_token()
        decision: Decision | None = None

        def decide(
            state: ArtifactState | None, seq: int
        ) -> Draft[ArtifactState] | None:
            nonlocal decision
            state = state or ArtifactState()
            decision = self._decide(state, prepared, asked)
            if not decision.is_new:
                return None
            made = ArtifactVersion(
                identity=prepared.identity,
                files=prepared.records,
                entry=seq,
                payload=token if prepared.inline is None else None,
            )
            return Draft(
                op={"kind": "create", "version": decision.version, "asked": asked},
                state=state.with_version(decision.version, made),
                payload=prepared.inline,
                token=token,
            )

        try:
            if prepared.inline is None:
                self._store_payload(prepared, token)
            head = self._log.append(decide)
        except CommitUncertainError:
            raise  # the payload may be in use
        except HopsArtifactsError:
            # Nothing else: after an interrupt the payload may be in use too.
            self._drop_payload(token)
            raise
        if head is None or head.token != token:
            self._drop_payload(token)
        if decision is None:
            raise StorageError("the artifact log was never asked")
        return decision

    def _store_payload(self, prepared: _Prepared, token: str) -> None:
        target = layout.artifact_payload(self.model, self.version, token)
        moves = self._storage.capabilities.moves_trees
        folder = layout.staging_dir(token) if moves else target
        try:
            for source, record in zip(prepared.sources, prepared.records, strict=True):
                hasher = Hasher()
                chunks = hasher.through(source.chunks())
                self._storage.write(f"{folder}/{record.path}", chunks)
                if hasher.digest() != record.digest:
                    raise SourceChangedError(
                        f"artifact file {source.name!r} was changed while it was "
                        "being saved; nothing was stored: save again"
                    )
            if moves:
                self._storage.move_tree(folder, target)
                self._storage.protect(target)
        finally:
            if moves:
                with suppress(StorageError):
                    self._storage.delete_tree(folder)

    def _drop_payload(self, token: str) -> None:
        with suppress(StorageError):
            self._storage.delete_tree(
                layout.artifact_payload(self.model, self.version, token)
            )

    def _inline(self, sealed: ArtifactVersion) -> dict[str, bytes]:
        if not sealed.files:
            return {}
        payload = bytes(self._log.entry(sealed.entry).body.payload)
        found = decode(payload, dict[str, bytes], self._log.path)
        for file in sealed.files:
            if digest_of(found.get(file.path, b"")) != file.digest:
                raise IntegrityError(
                    f"log entry {layout.log_entry(self._log.path, sealed.entry)} does "
                    f"not hold {file.path!r} as sealed: restore it from a backup"
                )
        return found
