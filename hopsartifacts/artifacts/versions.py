"""Artifact versions: reused if the content is equal, otherwise created by a log entry.

The files are stored inside the entry, so the commit is a single object and numbers have
no gaps. If the files are too large, a first entry registers the writer's token, the
files are stored in the private folder of that token, and a second entry creates the
version.
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
    RequestedVersion,
)
from hopsartifacts.artifacts.payloads import (
    Payloads,
    PreparedArtifact,
    Readers,
    prepare,
)
from hopsartifacts.errors import (
    ArtifactNotFoundError,
    CommitUncertainError,
    ConflictError,
    HopsArtifactsError,
    InUseError,
    InvalidDeploymentError,
    NotFoundError,
    StorageError,
    StorageRefusedError,
)
from hopsartifacts.machine.identity import new_token
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store import two_phase_delete
from hopsartifacts.store.entries import Draft, Snapshot
from hopsartifacts.store.log import Log

_NEAR = 100
"""How many versions are compared to find the nearest one."""

NewArtifact = tuple[ArtifactSource, ...] | PreparedArtifact


class _SweptError(ConflictError):
    """Garbage collection gave up this writer and is deleting the files it stored."""


class ArtifactStore:
    """The artifact versions of one model version."""

    def __init__(
        self,
        storage: Storage,
        model: str,
        version: int,
        log: Log[ArtifactState] | None = None,
    ) -> None:
        """Create the store for version *version* of *model*.

        If *log* is given, it is read only once. Otherwise each call reads it again.
        """
        self._storage = storage
        self._given = log
        self.model = model
        self.version = version
        self._payloads = Payloads(storage, model, version)

    def versions(self) -> dict[int, ArtifactVersion]:
        """Return all versions by number, including 0."""
        return {0: EMPTY, **self._log().seen_state().live()}

    def get(self, number: int) -> ArtifactVersion:
        """Return one version.

        Raises:
            ArtifactNotFoundError: the version does not exist.
        """
        if number == 0:
            return EMPTY
        return self._log().decided(lambda state: self._pick(state, number))

    def decide(self, given: NewArtifact, asked: RequestedVersion) -> Decision:
        """Return the decision that ``save`` would make, without storing anything.

        Raises the same errors as ``save``.
        """
        prepared = _prepared(given)
        if not prepared.records and asked in {None, 0, CREATE, MODEL_ONLY}:
            # It is version 0, which is in no log.
            return self._decide(ArtifactState.empty(), prepared, asked)
        return self._log().decided(lambda it: self._decide(it, prepared, asked))

    def save(self, given: NewArtifact, asked: RequestedVersion) -> Decision:
        """Find or create the version that contains the files *given*.

        *given* is a tuple of sources, or the result of ``payloads.prepare`` for them.

        Raises:
            InvalidDeploymentError: *asked* is ``MODEL-ONLY`` although there are files,
                or a version with other files; the message lists the differences.
            ArtifactNotFoundError: *asked* is a number that does not exist.
            InvalidNameError: a file name breaks the rules.
            SourceChangedError: a file changed while it was read.
        """
        prepared, log = _prepared(given), self._log()
        # Most saves find an equal version, so look before storing large files.
        decision = self._decide(log.seen_state(), prepared, asked)
        return self._carried_out(log, decision, prepared)

    def carry_out(self, decision: Decision, prepared: PreparedArtifact) -> Decision:
        """Carry out a decision of ``decide``; return the final decision.

        The final decision differs if other writers created versions meanwhile. Raises
        as ``save``.
        """
        return self._carried_out(self._log(), decision, prepared)

    def nearest(self, prepared: PreparedArtifact) -> int | None:
        """Return the version that shares the most files with *prepared*.

        Of several, it is the newest one. Files with the same name and other bytes count
        less than equal ones. Only the ``_NEAR`` newest versions are compared.

        Returns:
            Its number; None if no version has a file of the same name.
        """
        names = {it.path for it in prepared.records}
        files = {(it.path, it.digest.sha256) for it in prepared.records}
        best, found = (0, 0), None
        for number, version in self._log().seen_state().records.newest(_NEAR).items():
            if not version.is_live:
                continue
            equal = sum((it.path, it.digest.sha256) in files for it in version.files)
            named = sum(it.path in names for it in version.files)
            if named and (equal, named) >= best:
                best, found = (equal, named), number
        return found

    def read(self, number: int) -> Readers:
        """Return functions that read the committed files of a version, by path.

        They read the log or the writer's private folder, not ``Artifacts/<n>``.
        """
        log = self._log()
        return self._payloads.read(log, self._pick(log.seen_state(), number))

    def project(self, number: int) -> None:
        """Write the missing files of a version's folder ``Artifacts/<n>``."""
        log = self._log()
        sealed = self._pick(log.seen_state(), number)
        if number:
            self._payloads.project(log, number, sealed)

    def delete(self, number: int, users: Callable[[], list[str]]) -> None:
        """Delete a version permanently, unless a deployment uses it.

        *users* returns the names of the deployments that use it.

        Raises:
            ArtifactNotFoundError: the version does not exist.
            InvalidDeploymentError: it is 0, which always exists.
            InUseError: it is in use; nothing was deleted.
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

        two_phase_delete.delete(self._target(number), refuse_used)
        # The version is deleted. verify() and gc() find files that are left.
        with suppress(StorageError):
            folder = layout.artifact_dir(self.model, self.version, number)
            self._storage.delete_tree(folder)
            if sealed.payload:
                self._payloads.drop(sealed.payload)

    def withdraw_deletion(self, number: int) -> None:
        """Remove a deletion mark, because the caller has begun to use the version.

        Raises:
            ArtifactNotFoundError: the version does not exist, or was deleted.
        """
        if number:
            log = self._log()
            log.refresh()
            if self._pick(log.seen_state(), number).mark:
                two_phase_delete.withdraw(self._target(number), log)

    def _target(self, number: int) -> two_phase_delete.Target[ArtifactState]:
        def marked(state: ArtifactState, mark: int) -> ArtifactState:
            status = "deleting" if mark else "made"
            after = replace(self._pick(state, number), status=status, mark=mark)
            return state.changed(number, after)

        def deleted(state: ArtifactState) -> ArtifactState:
            self._pick(state, number)
            return state.without_version(number)

        return two_phase_delete.Target(
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
        self, state: ArtifactState, prepared: PreparedArtifact, asked: RequestedVersion
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
                "artifact_version 'MODEL-ONLY' is version 0, which has no files, but "
                f"these were given: {', '.join(decision.files)}; leave one of the two "
                "out"
            )
        same = None if asked == CREATE else state.same_as(prepared.identity)
        if same is not None:
            return msgspec.structs.replace(decision, version=same)
        return msgspec.structs.replace(
            decision, version=state.next_version, is_new=True
        )

    def _checked_number(
        self, state: ArtifactState, prepared: PreparedArtifact, asked: int
    ) -> ArtifactVersion:
        sealed = self._pick(state, asked)
        if prepared.records and prepared.identity != sealed.identity:
            difference = compare(sealed.files, prepared.records)
            raise InvalidDeploymentError(
                f"artifact version {asked} has other files than given: {difference}; "
                "leave out artifact_version to get the right one, or the files to "
                f"use version {asked} as it is"
            )
        return sealed

    def _carried_out(
        self, log: Log[ArtifactState], decision: Decision, prepared: PreparedArtifact
    ) -> Decision:
        while decision.is_new:
            # If garbage collection gave up this writer, start again with a new token.
            with suppress(_SweptError):
                return self._create(log, prepared, decision.asked)
        # On a disk this look is cheap. Elsewhere a start writes missing files.
        is_asked = decision.version and not decision.is_kept
        if is_asked and self._storage.capabilities.moves_trees:
            folder = layout.artifact_dir(self.model, self.version, decision.version)
            found = self._storage.stat(folder)
            # A complete folder is read-only, where there are modes.
            if found is None or not found.is_read_only:
                self._project(log, decision.version, log.seen_state())
        return decision

    def _create(
        self,
        log: Log[ArtifactState],
        prepared: PreparedArtifact,
        asked: RequestedVersion,
    ) -> Decision:
        token, is_big = new_token(), prepared.inline is None
        try:
            if is_big:
                self._payloads.store(prepared, token, lambda: _stage(log, token))
            decision, after = self._commit(log, prepared, asked, token)
        except CommitUncertainError:
            raise  # the stored files may be in use
        except HopsArtifactsError:
            # No other exceptions: after an interrupt the files may be in use, too.
            if is_big:
                self._give_up(token)
            raise
        is_ours = after.token == token
        if is_big and not is_ours:
            self._give_up(token)
        self._project(log, decision.version, after.state, is_new=is_ours)
        return decision

    def _give_up(self, token: str) -> None:
        """Delete the files that were stored for a version that was not created."""
        # gc() finds files that are left.
        place = (self._storage, self.model, self.version)
        with suppress(HopsArtifactsError):
            try:
                is_free = give_up_payload(*place, token)
            except StorageRefusedError:
                # The disk may be full, and the entry needs some room: free it first.
                # No other writer has this token, and this one does not try again.
                if token in artifact_log(*place).state().head.staged:
                    self._payloads.drop(token)
                is_free = give_up_payload(*place, token)
            if is_free:
                self._payloads.drop(token)

    def _commit(
        self,
        log: Log[ArtifactState],
        prepared: PreparedArtifact,
        asked: RequestedVersion,
        token: str,
    ) -> tuple[Decision, Snapshot[ArtifactState]]:
        """Commit the version if it is new; return the decision and the newest entry."""
        decision: Decision | None = None
        is_big = prepared.inline is None

        def decide(state: ArtifactState, seq: int) -> Draft[ArtifactState] | None:
            nonlocal decision
            decision = self._decide(state, prepared, asked)
            if not decision.is_new:
                return None
            if is_big and token not in state.head.staged:
                raise _SweptError(f"garbage collection gave up the writer {token}")
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
            raise StorageError("the artifact log was never read")
        return decision, after

    def _project(
        self,
        log: Log[ArtifactState],
        number: int,
        state: ArtifactState,
        *,
        is_new: bool = False,
    ) -> None:
        """Try to write the folder of a committed version."""
        sealed = state.records.get(number)
        if sealed is None:
            return
        # If this fails, the next process that needs the folder writes it.
        with suppress(StorageError, ConflictError, NotFoundError):
            self._payloads.project(log, number, sealed, is_new=is_new)


def _prepared(given: NewArtifact) -> PreparedArtifact:
    return given if isinstance(given, PreparedArtifact) else prepare(given)


def artifact_log(storage: Storage, model: str, version: int) -> Log[ArtifactState]:
    """Return the artifact log of a model version."""
    return Log(storage, layout.artifact_log(model, version), ArtifactState)


def give_up_payload(storage: Storage, model: str, version: int, token: str) -> bool:
    """Give up the writer *token*, so that its later commit is refused.

    Returns:
        True if no version uses its files, now or later; False if one does.
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
    """Register *token* as a writer that is storing large files."""
    log.append(lambda state, seq: _staged(state, "stage", token, seq))


def _staged(
    state: ArtifactState, kind: str, token: str, entry: int | None
) -> Draft[ArtifactState]:
    staged = {it: n for it, n in state.head.staged.items() if it != token}
    if entry:
        staged[token] = entry
    op = {"kind": kind, "token": token}
    return Draft(op=op, state=state.changed(staged=staged))
