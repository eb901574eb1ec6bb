"""Artifact versions: found again by content, or made by one log entry.

The bytes travel inside the entry, so the commit is one object and numbers have no
gaps. Bytes too big for an entry are put under the writer's own token first; they are
never shared between writers.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from hopsartifacts import layout
from hopsartifacts.artifacts.decision import Decision
from hopsartifacts.artifacts.difference import compare
from hopsartifacts.artifacts.documents import (
    CREATE,
    EMPTY,
    MODEL_ONLY,
    ArtifactSource,
    ArtifactState,
    ArtifactVersion,
    Asked,
)
from hopsartifacts.artifacts.payloads import Payloads, Prepared, Readers, prepare
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    CommitUncertainError,
    ConflictError,
    HopsArtifactsError,
    InUseError,
    InvalidDeploymentError,
    StorageError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store import fence
from hopsartifacts.store.entries import Draft, Head
from hopsartifacts.store.identity import new_token
from hopsartifacts.store.log import Log


class _CondemnedError(ConflictError):
    """The writer was taken for gone, and what it had put down is being deleted."""


class ArtifactStore:
    """The artifact versions of one model version."""

    def __init__(self, storage: Storage, model: str, version: int) -> None:
        self._storage = storage
        self.model = model
        self.version = version
        self._payloads = Payloads(storage, model, version)

    def versions(self) -> dict[int, ArtifactVersion]:
        """Return all versions by number, 0 included."""
        return _with_empty(_state_of(self._log()))

    def get(self, number: int) -> ArtifactVersion:
        """Return one version.

        Raises:
            ArtifactNotFoundError: there is no such version.
        """
        return self._pick(_state_of(self._log()), number)

    def decide(self, sources: tuple[ArtifactSource, ...], asked: Asked) -> Decision:
        """Say which version ``save`` would give, storing nothing; raises as it."""
        return self._decide(_state_of(self._log()), prepare(sources), asked)

    def save(self, sources: tuple[ArtifactSource, ...], asked: Asked) -> Decision:
        """Return the version that holds *sources*, made if need be.

        Raises:
            InvalidDeploymentError: ``MODEL-ONLY`` with files, or a number whose files
                differ; the message shows how.
            ArtifactNotFoundError: the number does not exist.
            InvalidNameError: a file name breaks the rules.
            SourceChangedError: a file changed while it was read.
        """
        prepared, log = prepare(sources), self._log()
        # Most saves find their artifact, so look before moving big files.
        state = _state_of(log)
        decision = self._decide(state, prepared, asked)
        while decision.is_new:
            # Taken for gone, a writer begins again under another token.
            with suppress(_CondemnedError):
                return self._create(log, prepared, asked)
        if self._storage.capabilities.moves_trees:
            # A look costs nothing here; elsewhere whoever starts it makes it good.
            self._project(log, decision.version, state, is_new=False)
        return decision

    def read(self, number: int) -> Readers:
        """Return readers of the sealed bytes of a version, by path.

        They read the log or the writer's payload, not the folder people see.
        """
        log = self._log()
        return self._payloads.read(log, self._pick(_state_of(log), number))

    def project(self, number: int) -> None:
        """Write the folder of a version, as far as it is not there."""
        log = self._log()
        sealed = self._pick(_state_of(log), number)
        if number:
            self._payloads.project(
                number, sealed, lambda: self._payloads.read(log, sealed)
            )

    def delete(self, number: int, users: Callable[[], list[str]]) -> None:
        """Delete a version for good, unless *users* names somebody who needs it.

        Raises:
            ArtifactNotFoundError: there is no such version.
            InvalidDeploymentError: it is 0, which is always there.
            InUseError: *users* named somebody; nothing was deleted.
        """
        sealed = self.get(number)
        if number == 0:
            raise InvalidDeploymentError(
                "artifact version 0 is the empty one that every model version has: it "
                "cannot be deleted"
            )

        def refuse_used() -> None:
            if named := users():
                raise InUseError(
                    f"artifact version {number} of model {self.model!r} version "
                    f"{self.version} is used by {', '.join(named)}: delete the "
                    "deployment first"
                )

        fence.delete(self._target(number), refuse_used)
        # It is deleted: files that stay behind are found by verify and gc.
        with suppress(StorageError):
            folder = layout.artifact_dir(self.model, self.version, number)
            self._storage.delete_tree(folder)
            if sealed.payload:
                self._payloads.drop(sealed.payload)

    def withdraw_deletion(self, number: int) -> None:
        """Take the mark of a deletion off: somebody has begun to use the version.

        Raises:
            ArtifactNotFoundError: there is no such version (any more).
        """
        if number:
            fence.withdraw(self._target(number))

    def _target(self, number: int) -> fence.Target[ArtifactState]:
        def known(state: ArtifactState | None) -> ArtifactState:
            self._pick(state or ArtifactState(), number)
            return state or ArtifactState()

        def unmarked(state: ArtifactState | None) -> ArtifactState:
            rest = tuple(n for n in known(state).deleting if n != number)
            return replace(known(state), deleting=rest)

        return fence.Target(
            log=self._log,
            op={"version": number},
            is_marked=lambda state: number in known(state).deleting,
            marked=lambda state: replace(
                known(state), deleting=(*known(state).deleting, number)
            ),
            unmarked=unmarked,
            deleted=lambda state: known(state).without_version(number),
        )

    def _log(self) -> Log[ArtifactState]:
        path = layout.artifact_log(self.model, self.version)
        return Log(self._storage, path, ArtifactState)

    def _pick(self, state: ArtifactState, number: int) -> ArtifactVersion:
        versions = _with_empty(state)
        if number in versions:
            return versions[number]
        known = ", ".join(map(str, versions))
        fate = " (it was deleted)" if number in state.deleted else ""
        raise ArtifactNotFoundError(
            f"model {self.model!r} version {self.version} has no artifact version "
            f"{number}{fate}: it has {known}"
        )

    def _decide(
        self, state: ArtifactState, prepared: Prepared, asked: Asked
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
        self, state: ArtifactState, prepared: Prepared, asked: int
    ) -> ArtifactVersion:
        sealed = self._pick(state, asked)
        if prepared.records and prepared.identity != sealed.identity:
            difference = compare(sealed.files, prepared.records)
            raise InvalidDeploymentError(
                f"artifact version {asked} holds other files than given: {difference}; "
                "leave out artifact_version to get the right one, or the files to "
                f"use version {asked} as it is"
            )
        return sealed

    def _create(
        self, log: Log[ArtifactState], prepared: Prepared, asked: Asked
    ) -> Decision:
        token, is_big = new_token(), prepared.inline is None
        try:
            if is_big:
                self._payloads.store(prepared, token)
            decision, head = self._commit(log, prepared, asked, token)
        except CommitUncertainError:
            raise  # the payload may be in use
        except HopsArtifactsError:
            # Nothing else: after an interrupt the payload may be in use too.
            if is_big:
                self._payloads.drop(token)
            raise
        is_ours = head.token == token
        if is_big and not is_ours:
            self._payloads.drop(token)
        self._project(log, decision.version, head.state, is_new=is_ours)
        return decision

    def _commit(
        self, log: Log[ArtifactState], prepared: Prepared, asked: Asked, token: str
    ) -> tuple[Decision, Head[ArtifactState]]:
        """Return what was decided, and the entry that makes it so."""
        decision: Decision | None = None

        def decide(
            state: ArtifactState | None, seq: int
        ) -> Draft[ArtifactState] | None:
            nonlocal decision
            state = state or ArtifactState()
            decision = self._decide(state, prepared, asked)
            if not decision.is_new:
                return None
            if token in state.condemned:
                raise _CondemnedError(f"writer {token} was taken for gone")
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

        head = log.append(decide)
        if decision is None or head is None:
            raise StorageError("the artifact log was never asked")
        return decision, head

    def _project(
        self,
        log: Log[ArtifactState],
        number: int,
        state: ArtifactState,
        *,
        is_new: bool,
    ) -> None:
        """Write the folder of a version that is committed, if that can be done now."""
        if number not in state.versions:
            return
        sealed = state.versions[number]
        # Whoever needs it next writes it, if this fails, or it is swept meanwhile.
        with suppress(StorageError, ConflictError):
            if is_new and not self._storage.capabilities.moves_trees:
                # Nobody can have written it: spare the look.
                readers = self._payloads.read(log, sealed)
                self._payloads.project_files(number, sealed, list(readers), readers)
            else:
                self._payloads.project(
                    number, sealed, lambda: self._payloads.read(log, sealed)
                )


def _with_empty(state: ArtifactState) -> dict[int, ArtifactVersion]:
    return {0: EMPTY, **dict(sorted(state.versions.items()))}


def _state_of(log: Log[ArtifactState]) -> ArtifactState:
    head = log.head()
    return head.state if head else ArtifactState()
