"""Repair: restores edited files from a second copy, and moves the edited ones aside.

Nothing is guessed: a changed file without a second copy is reported and moved to
quarantine, where it is not mistaken for the sealed file. Before each step, the log is
checked to confirm that the version still exists. If the version is deleted during a
step, the files written by that step are deleted too; otherwise nothing is deleted here.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import msgspec

from hopsartifacts import layout
from hopsartifacts.deployments.deployed import fate_of
from hopsartifacts.errors import HopsArtifactsError, NotFoundError, StorageError
from hopsartifacts.guard.inventory import Inventory
from hopsartifacts.guard.restoration import Restoring, Source
from hopsartifacts.guard.scope import Scope
from hopsartifacts.guard.verify import inspect
from hopsartifacts.machine.identity import new_token
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.checks import Finding, FindingKind, check_file

_WOULD_BE_MOVED = ", so it would be moved to quarantine"
_UNSOUND: frozenset[FindingKind] = frozenset({"changed", "missing", "unreadable"})


class Repaired(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that was repaired, and the action taken."""

    finding: Finding
    action: str

    def __str__(self) -> str:
        return f"{self.finding.path}: {self.action}"


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a repair; ``str()`` lists it."""

    repaired: tuple[Repaired, ...]
    unrepaired: tuple[Finding, ...]
    dry_run: bool = False
    """Whether nothing was changed: the report then says what a repair would do."""

    @property
    def ok(self) -> bool:
        """Whether everything now matches its seal."""
        return not self.unrepaired

    def __str__(self) -> str:
        verb = "would be repaired" if self.dry_run else "repaired"
        lines = [f"{len(self.repaired)} {verb}", *map(str, self.repaired)]
        if self.unrepaired:
            lines += [f"{len(self.unrepaired)} cannot be repaired here"]
            lines += map(str, self.unrepaired)
        return "\n  ".join(lines)


def repair(
    storage: Storage,
    sources: Sequence[Source] = (),
    callback: Callback = NO_CALLBACK,
    executor: Executor | None = None,
    path: str = "",
    *,
    dry_run: bool = False,
) -> RepairReport:
    """Verify, and repair every difference at or below *path* that can be repaired.

    With *dry_run* nothing is changed. The report says what would be done; copies that
    would be used are read and compared.

    Raises:
        InvalidInputError: *path* is not in a managed folder.
        PathNotFoundError: there is nothing at *path*, and nothing should be.
        StorageError: the storage does not answer.
    """
    report, inventory = inspect(storage, callback, executor, path)
    if path and report.findings:
        # Other versions may have intact copies.
        inventory = Scope.of(storage, "").inventory(storage)
    unsound = (it.path for it in report.findings if it.kind in _UNSOUND)
    restoring = Restoring(storage, inventory, unsound, sources)
    work = _Repair(storage, inventory, restoring)
    if dry_run:
        work.plan(report.findings)
        return work.report(dry_run=True)
    try:
        work.undo(report.findings)
        # A restored file may be the copy that another one needs.
        if work.repaired:
            work.undo(work.pending)
        work.quarantine()
    finally:
        restoring.clear()
        work.close_folders()
    return work.report()


class _PassedError(HopsArtifactsError):
    """Nothing is left to repair: the version was deleted, or the file is intact."""


class _Repair:
    """One run of a repair, with its results and pending findings."""

    def __init__(
        self, storage: Storage, inventory: Inventory, restoring: Restoring
    ) -> None:
        self._storage = storage
        self._inventory = inventory
        self._restoring = restoring
        self._when = (
            datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ") + f"-{new_token()[:8]}"
        )
        self._opened: set[str] = set()
        self.repaired: list[Repaired] = []
        self.pending: list[Finding] = []
        self.failed: list[Finding] = []

    def undo(self, findings: Iterable[Finding]) -> None:
        """Repair what can be repaired; the rest becomes pending."""
        todo, self.pending = list(findings), []
        for finding in todo:
            with self._noting_failure(finding):
                self._check_matters(finding)
                action = self._undo(finding)
                if action:
                    self.repaired.append(Repaired(finding=finding, action=action))
                else:
                    self.pending.append(finding)

    def plan(self, findings: Iterable[Finding]) -> None:
        """Note what ``undo`` and ``quarantine`` would do, without doing it."""
        for finding in findings:
            with self._noting_failure(finding):
                self._check_matters(finding)
                action = self._planned(finding)
                if action:
                    self.repaired.append(Repaired(finding=finding, action=action))
                else:
                    self.pending.append(finding)
        todo, self.pending = self.pending, []
        for finding in todo:
            copy = self._restored_copy(finding)
            if copy:
                action = f"would be restored from {copy}, after that"
                self.repaired.append(Repaired(finding=finding, action=action))
            else:
                self.pending.append(_without_copy(finding, _WOULD_BE_MOVED))

    def report(self, *, dry_run: bool = False) -> RepairReport:
        """Return what was done, or would be."""
        return RepairReport(
            repaired=tuple(self.repaired),
            unrepaired=tuple(sorted([*self.pending, *self.failed])),
            dry_run=dry_run,
        )

    def quarantine(self) -> None:
        """Move changed files that have no other copy to quarantine."""
        todo, self.pending = self.pending, []
        for finding in todo:
            with self._noting_failure(finding):
                self._check_matters(finding)
                self.pending.append(self._quarantined(finding))

    def close_folders(self) -> None:
        """Make the opened folders read-only again."""
        for folder in self._opened:
            with suppress(StorageError):
                self._storage.protect(folder)

    @contextmanager
    def _noting_failure(self, finding: Finding) -> Iterator[None]:
        try:
            yield
        except _PassedError:
            pass
        except HopsArtifactsError as error:
            with suppress(HopsArtifactsError):
                if not self._matters(finding):
                    return
            detail = f"{finding.detail}; repair failed: {error}"
            self.failed.append(msgspec.structs.replace(finding, detail=detail))

    def _matters(self, finding: Finding) -> bool:
        """Return, by the current log, whether *finding* still needs a repair."""
        if finding.kind == "damaged":
            return True
        if finding.kind == "unprotected":
            # Making an existing file read-only is always harmless.
            return self._storage.stat(finding.path) is not None
        fate = fate_of(self._storage, finding.path)
        if finding.kind in {"extra", "leftover"}:
            return fate != "reserved"  # it is in use by a writer
        return fate == "live"

    def _check_matters(self, finding: Finding, *put_down: str | None) -> None:
        """Raise unless *finding* still needs a repair, after deleting *put_down*.

        Raises:
            _PassedError: the finding no longer matters.
        """
        if not self._matters(finding):
            for path in filter(None, put_down):
                self._storage.delete_tree(path)
            raise _PassedError

    def _undo(self, finding: Finding) -> str | None:
        """Repair *finding* and return the action; None if it cannot be repaired."""
        if finding.kind == "unprotected":
            self._storage.protect(finding.path)
            return "made read-only"
        if finding.kind in {"extra", "leftover"}:
            aside = self._move_aside(finding.path)
            return f"moved to {aside}" if aside else "it no longer exists"
        return self._restore(finding) if finding.kind in _UNSOUND else None

    def _planned(self, finding: Finding) -> str | None:
        """Return what ``_undo`` would do; None if it cannot repair *finding*."""
        if finding.kind == "unprotected":
            return "would be made read-only"
        if finding.kind in {"extra", "leftover"}:
            return "would be moved to quarantine"
        if finding.kind not in _UNSOUND:
            return None
        origin = self._restoring.origin(finding.path)
        is_there = self._storage.stat(finding.path) is not None
        moved = "; the changed file would be moved to quarantine" if is_there else ""
        return f"would be restored from {origin}{moved}" if origin else None

    def _restored_copy(self, finding: Finding) -> str | None:
        """Return the path of a planned file that has the bytes of *finding*."""
        sealed = self._inventory.sealed
        if finding.kind not in _UNSOUND:
            return None
        for path in (it.finding.path for it in self.repaired):
            if path in sealed and sealed[path].sha256 == sealed[finding.path].sha256:
                return path
        return None

    def _restore(self, finding: Finding) -> str | None:
        path = finding.path
        if self._is_sound_again(path):
            return "it is intact again"
        prepared = self._restoring.prepare(path)
        if prepared is None:
            return None
        self._open_folders(path)
        aside = self._move_aside(path)
        is_down: bool | None = None
        try:
            is_down = prepared.put_down(self._storage, path)
            if is_down:
                self._storage.protect(path)
        finally:
            self._check_matters(finding, aside, path if is_down is not False else None)
        if not is_down:
            return None
        self._restoring.restored(path)
        moved = f"; the changed file is now {aside}" if aside else ""
        return f"restored from {prepared.origin}{moved}"

    def _quarantined(self, finding: Finding) -> Finding:
        """Return the finding with its outcome, as no intact copy exists."""
        path = finding.path
        if finding.kind not in _UNSOUND:
            return finding
        if self._is_sound_again(path):
            raise _PassedError
        aside = None
        # An unreadable file may be readable again later, so it stays.
        if finding.kind == "changed":
            self._open_folders(path)
            aside = self._move_aside(path)
            self._check_matters(finding, aside)
        moved = f", so it was moved to {aside}" if aside else ""
        return _without_copy(finding, moved)

    def _is_sound_again(self, path: str) -> bool:
        """Check again, because another repair may have restored the file."""
        entry = self._storage.stat(path)
        digest = self._inventory.sealed[path]
        kinds = (
            {it.kind for it in check_file(self._storage, entry, digest)}
            if entry
            else {"missing"}
        )
        return not kinds & _UNSOUND

    def _move_aside(self, path: str) -> str | None:
        """Move *path* to quarantine and return the target; None if it is missing."""
        target = layout.quarantine_path(self._when, path)
        entry = self._storage.stat(path)
        if entry is None:
            return None
        try:
            if entry.kind == "directory":
                return target if self._storage.move_tree(path, target) else None
            self._storage.move(path, target)
        except (NotFoundError, StorageError):
            if self._storage.stat(path) is None:
                return None
            raise
        return target

    def _open_folders(self, path: str) -> None:
        """Make the read-only folders above *path* writable until the repair ends."""
        top = self._sealed_folder(path)
        if top is None:
            return
        self._opened.add(top)
        folder = path.rpartition("/")[0]
        while f"{folder}/".startswith(f"{top}/"):
            if self._storage.stat(folder):
                self._storage.unprotect(folder)
            folder = folder.rpartition("/")[0]

    def _sealed_folder(self, path: str) -> str | None:
        for top in self._inventory.read_only_folders:
            if path.startswith(f"{top}/"):
                return top
        for payloads in self._inventory.busy:
            if path.startswith(f"{payloads}/"):
                return f"{payloads}/{path.removeprefix(f'{payloads}/').split('/')[0]}"
        return None


def _without_copy(finding: Finding, moved: str) -> Finding:
    """Return *finding* with what follows if there is no intact copy.

    Args:
        finding: the finding.
        moved: what happens to a changed file.
    """
    path = finding.path
    if finding.kind not in _UNSOUND:
        return finding
    detail = f"{finding.detail}; no intact copy was found"
    if finding.kind == "changed":
        detail += moved
    if path.startswith(f"{layout.MODELS}/"):
        _, model, version, *_ = path.split("/")
        detail += f"; model {model!r} version {version} cannot be served without it"
    return msgspec.structs.replace(finding, detail=detail)
