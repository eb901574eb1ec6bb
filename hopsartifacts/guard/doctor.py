"""The doctor: tests on a real back end what the store relies on, and reports it.

Test objects are created in ``.hopsartifacts/probes`` and deleted afterwards, as far as
the permissions and the listings of the back end allow.
"""

import time
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import encode_pretty
from hopsartifacts.errors import HopsArtifactsError, StorageError
from hopsartifacts.guard.trials import READS, WRITES, Trial, TrialResult, trials
from hopsartifacts.machine.identity import new_token, now, writer
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.storage_probe import (
    Check,
    Outcome,
    Verdict,
    kept_verdict,
    versions,
)

_CLEARINGS = 10
_PAUSE_S = 0.2
_MARKS: dict[Outcome, str] = {
    "held": "ok",
    "warning": "warning",
    "not tried": "-",
    "broken": "NO",
    "failed": "FAILED",
}
_NEEDED = frozenset({READS.name, WRITES.name})
"""The checks whose failure is itself the answer."""


class DoctorReport(Verdict, frozen=True, kw_only=True):
    """The checks and their outcomes; ``str()`` returns a table and the verdict.

    ``ok`` is whether the back end can keep a project.
    """

    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        names = max(len(check.name) for check in self.checks)
        marks = max(len(_MARKS[check.outcome]) for check in self.checks)
        indent = " " * (marks + 4)
        lines = [self.url]
        for check in self.checks:
            mark = _MARKS[check.outcome]
            lines += [f"  {mark:<{marks}}  {check.name:<{names}}  {check.detail}"]
            if check.outcome not in {"held", "not tried"}:
                lines += [f"{indent}{_consequence(check)}"]
        lines += self.notes
        lines += [f"Verdict: {self._verdict()}."]
        return "\n".join(line.rstrip() for line in lines)

    def _verdict(self) -> str:
        if self.ok:
            return "it can keep a project"
        if any(check.outcome == "broken" for check in self.checks):
            return "it cannot keep a project"
        return "unproven: not everything could be tried"


def _consequence(check: Check) -> str:
    is_unknown = check.outcome == "failed" and check.name not in _NEEDED
    words = "it is not known whether this holds; if not" if is_unknown else "that means"
    return f"{words}: {check.meaning}"


def examine(storage: Storage) -> DoctorReport:
    """Run all checks and return the report; store the verdict in the project.

    Refusals are reported in the back end's own words. If the back end refused or failed
    but broke no promise, nothing was learned, and the stored verdict is not replaced.
    """
    folder = layout.probe(new_token())
    try:
        checks = tuple(_checks(storage, folder))
    except BaseException:
        with suppress(HopsArtifactsError):
            storage.delete_tree(folder)
        raise
    notes = [*_cleared(storage, folder)]
    report = DoctorReport(
        url=storage.url,
        time=now(),
        checks=checks,
        ok=all(check.ok for check in checks),
        writer=writer(),
        versions=versions(),
    )
    if report.ok or any(check.outcome == "broken" for check in checks):
        notes += _kept(storage, report)
    return msgspec.structs.replace(report, notes=tuple(notes))


def _checks(storage: Storage, folder: str) -> Iterator[Check]:
    """Run the checks in order; if writing fails, skip the remaining ones."""
    is_writable = True
    for number, trial in enumerate(trials(storage.capabilities)):
        if is_writable:
            found = _found(storage, f"{folder}/{number}", trial)
        else:
            found = TrialResult(outcome="not tried", detail="nothing can be written")
        if trial is WRITES and found.outcome == "failed":
            is_writable = False
        yield Check(
            name=trial.name,
            ok=is_writable and found.outcome not in {"broken", "failed"},
            detail=found.detail,
            outcome=found.outcome,
            meaning=trial.meaning,
        )


def _found(storage: Storage, folder: str, trial: Trial) -> TrialResult:
    started = time.monotonic()
    try:
        found = trial.run(storage, folder)
    except HopsArtifactsError as error:
        return TrialResult(outcome="failed", detail=str(error))
    if found.outcome != "held":
        return found
    seconds = f"{time.monotonic() - started:.2f} s"
    detail = f"{seconds}, {found.detail}" if found.detail else seconds
    return TrialResult(outcome="held", detail=detail)


def _cleared(storage: Storage, folder: str) -> Iterator[str]:
    """Delete the test objects; yield a note if they remain.

    A back end with delayed listings may need several attempts.
    """
    try:
        for turn in range(_CLEARINGS):
            if turn:
                time.sleep(_PAUSE_S)
            storage.delete_tree(folder)
            if not any(True for _ in storage.find(folder)):
                return
    except StorageError as error:
        yield f"Test objects may remain in {folder}: {error}"
    else:
        yield f"Test objects remain in {folder}: they cannot be deleted"


def _kept(storage: Storage, report: DoctorReport) -> Iterator[str]:
    """Store the verdict; yield notes for the user."""
    try:
        earlier = kept_verdict(storage)
    except HopsArtifactsError:
        earlier = None  # unreadable, and replaced anyway
    try:
        storage.write(layout.VERDICT, [encode_pretty(report)])
        is_project = storage.stat(layout.MARKER) is not None
    except StorageError as error:
        yield f"The verdict could not be stored: {error}"
        return
    if report.ok and earlier and not earlier.ok:
        yield f"This replaces the negative verdict of {earlier.time}"
    if not report.ok and is_project:
        yield (
            "There is a project here already: do not write to it until this is fixed, "
            "then verify it"
        )
