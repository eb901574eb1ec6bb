"""Artifact versions: found again by content, or made by one log entry.

The bytes travel inside the entry, so the commit is one object and numbers have no
gaps. For bytes too big for an entry a first entry names the writer's token; they are
put under that, which no other writer shares, and a second entry makes the version.
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
from hopsartifacts.store.entries import Draft, Snapshot
from hopsartifacts.store.identity import new_token
from hopsartifacts.store.log import Log

Given = tuple[ArtifactSource, ...] | Prepared


class _SweptError(ConflictError):
    """The writer was taken for gone, and what it had put down is being deleted."""


class ArtifactStore:
    """The artifact versions of one model version."""

    def __init__(
        self,
        storage: Storage,
        model: str,
        version: int,
        log: Log[ArtifactState] | None = None,
    ) -> None:
        """Take the artifacts of *model* in *version*.

        A *log* that is given is read once; without it each call reads it anew.
        """
        self._storage = storage
        self._given = log
        self.model = model
        self.version = version
        self._payloads = Payloads(storage, model, version)

    def versions(self) -> dict[int, ArtifactVersion]:
        """Return all versions by number, 0 included."""
        return {0: EMPTY, **self._log().seen_state().live()}

    def get(self, number: int) -> ArtifactVersion:
        """Return one version.

        Raises:
            ArtifactNotFoundError: there is no such version.
        """
        return self._pick(self._log().seen_state(), number)

    def decide(self, given: Given, asked: Asked) -> Decision:
        """Say which version ``save`` would give, storing nothing; raises as it."""
        return self._decide(self._log().seen_state(), _prepared(given), asked)

    def save(self, given: Given, asked: Asked) -> Decision:
        """Return the version that holds the files *given*, made if need be.

        They are given as sources, or as what ``payloads.prepare`` has read of them.

        Raises:
            InvalidDeploymentError: ``MODEL-ONLY`` with files, or a number whose files
                differ; the message shows how.
            ArtifactNotFoundError: the number does not exist.
            InvalidNameError: a file name breaks the rules.
            SourceChangedError: a file changed while it was read.
        """
        prepared, log = _prepared(given), self._log()
        # Most saves find their artifact, so look before moving big files.
        state = log.seen_state()
        decision = self._decide(state, prepared, asked)
        while decision.is_new:
            # Taken for gone, a writer begins again under another token.
            with suppress(_SweptError):
                return self._create(log, prepared, asked)
        folder = layout.artifact_dir(self.model, self.version, decision.version)
        if self._storage.capabilities.moves_trees and not self._storage.stat(folder):
            # A look costs nothing here; elsewhere whoever starts it makes it good.
            self._project(log, decision.version, state, is_new=False)
        return decision

    def read(self, number: int) -> Readers:
        """Return readers of the sealed bytes of a version, by path.

        They read the log or the writer's payload, not the folder people see.
        """
        log = self._log()
        return self._payloads.read(log, self._pick(log.seen_state(), number))

    def project(self, number: int) -> None:
        """Write the folder of a version, as far as it is not there."""
        log = self._log()
        sealed = self._pick(log.seen_state(), number)
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
            log = self._log()
            log.refresh()
            fence.withdraw(self._target(number), log)

    def _target(self, number: int) -> fence.Target[ArtifactState]:
        def marked(state: ArtifactState, mark: int) -> ArtifactState:
            status = "deleting" if mark else "made"
            after = replace(self._pick(state, number), status=status, mark=mark)
            return state.changed(number, after)

        def deleted(state: ArtifactState) -> ArtifactState:
            self._pick(state, number)
            return state.without_version(number)

        return fence.Target(
            log=self._log,
            op={"version": number},
            mark=lambda state: self._pick(state, number).mark,
            marked=marked,
            deleted=deleted,
        )

    def _log(self) -> Log[ArtifactState]:
        return self._given or artifact_log(self._storage, self.model, self.version)

    def _pick(self, state: ArtifactState, number: int) -> ArtifactVersion:
        was = state.records.get(number) if number else EMPTY
        if was and was.is_live:
            return was
        known = ", ".join(map(str, [0, *state.live()]))
        fate = " (it was deleted)" if was else ""
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
            compared=state.head.last,
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
                self._payloads.store(prepared, token, lambda: _stage(log, token))
            decision, after = self._commit(log, prepared, asked, token)
        except CommitUncertainError:
            raise  # the payload may be in use
        except HopsArtifactsError:
            # Nothing else: after an interrupt the payload may be in use too.
            if is_big:
                self._give_up(token)
            raise
        is_ours = after.token == token
        if is_big and not is_ours:
            self._give_up(token)
        self._project(log, decision.version, after.state, is_new=is_ours)
        return decision

    def _give_up(self, token: str) -> None:
        """Drop what was put down for a version that was not made."""
        # What stays behind is found by gc.
        with suppress(HopsArtifactsError):
            if give_up_payload(self._storage, self.model, self.version, token):
                self._payloads.drop(token)

    def _commit(
        self, log: Log[ArtifactState], prepared: Prepared, asked: Asked, token: str
    ) -> tuple[Decision, Snapshot[ArtifactState]]:
        """Return what was decided, and the entry that makes it so."""
        decision: Decision | None = None
        is_big = prepared.inline is None

        def decide(state: ArtifactState, seq: int) -> Draft[ArtifactState] | None:
            nonlocal decision
            decision = self._decide(state, prepared, asked)
            if not decision.is_new:
                return None
            if is_big and token not in state.head.staged:
                raise _SweptError(f"writer {token} was taken for gone")
            made = ArtifactVersion(
                identity=prepared.identity,
                files=prepared.records,
                entry=seq,
                payload=token if is_big else None,
            )
            return Draft(
                op={"kind": "create", "version": decision.version, "asked": asked},
                state=state.with_version(decision.version, made),
                content=prepared.inline,
                token=token,
            )

        after = log.append(decide)
        if decision is None or after is None:
            raise StorageError("the artifact log was never asked")
        return decision, after

    def _project(
        self,
        log: Log[ArtifactState],
        number: int,
        state: ArtifactState,
        *,
        is_new: bool,
    ) -> None:
        """Write the folder of a version that is committed, if that can be done now."""
        sealed = state.records.get(number)
        if sealed is None:
            return
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


def _prepared(given: Given) -> Prepared:
    return given if isinstance(given, Prepared) else prepare(given)


def artifact_log(storage: Storage, model: str, version: int) -> Log[ArtifactState]:
    """Return the log of a model version's artifacts."""
    return Log(storage, layout.artifact_log(model, version), ArtifactState)


def give_up_payload(storage: Storage, model: str, version: int, token: str) -> bool:
    """Refuse from now on what *token* would commit as an artifact version.

    Returns:
        Whether nothing uses its payload, now or ever; False if it is in use after all.
    """
    log = artifact_log(storage, model, version)

    def decide(state: ArtifactState, _: int) -> Draft[ArtifactState] | None:
        if token not in state.head.staged:
            return None
        return _staged(state, "abort", token, None)

    after = log.append(decide)
    state = after.state if after else ArtifactState.empty()
    return all(it.payload != token for it in state.live().values())


def _stage(log: Log[ArtifactState], token: str) -> None:
    """Let *token* put bytes down."""
    log.append(lambda state, seq: _staged(state, "stage", token, seq))


def _staged(
    state: ArtifactState, kind: str, token: str, entry: int | None
) -> Draft[ArtifactState]:
    staged = {it: n for it, n in state.head.staged.items() if it != token}
    if entry:
        staged[token] = entry
    op = {"kind": kind, "token": token}
    return Draft(op=op, state=state.changed(staged=staged))
