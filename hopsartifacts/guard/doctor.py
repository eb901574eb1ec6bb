"""The doctor: tries on a real back end what the store is built on, and says what held.

Objects are made under ``.hopsartifacts/probes`` and deleted again, as far as the back
end lets us and its listings show them.
"""

import time
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import encode_pretty
from hopsartifacts.errors import HopsArtifactsError, StorageError
from hopsartifacts.guard.trials import WRITES, Found, Trial, trials
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.identity import new_token, now, writer
from hopsartifacts.store.proof import Check, Outcome, Verdict, kept_verdict, versions

_CLEARINGS = 10
_PAUSE_S = 0.2
_MARKS: dict[Outcome, str] = {
    "held": "ok",
    "warning": "warning",
    "not tried": "-",
    "broken": "NO",
    "failed": "FAILED",
}


class DoctorReport(Verdict, frozen=True, kw_only=True):
    """What was tried and what held; ``str()`` gives a table and the verdict.

    ``ok`` tells whether the back end can keep a project.
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
                lines += [f"{indent}that means: {check.meaning}"]
        lines += self.notes
        lines += [f"Verdict: {self._verdict()}."]
        return "\n".join(line.rstrip() for line in lines)

    def _verdict(self) -> str:
        if self.ok:
            return "it can keep a project"
        if any(check.outcome == "broken" for check in self.checks):
            return "it cannot keep a project"
        return "unproven: not everything could be tried"


def examine(storage: Storage) -> DoctorReport:
    """Try everything and return what held; the verdict is kept in the project.

    What the back end refuses is said in its own words. Where it refused or failed and
    broke no promise nothing was learned, so what is kept stays as it is.
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
    """Try one after the other; what cannot be written to cannot be tried further."""
    is_writable = True
    for number, trial in enumerate(trials(storage.capabilities)):
        if is_writable:
            found = _found(storage, f"{folder}/{number}", trial)
        else:
            found = Found(outcome="not tried", detail="nothing can be written")
        if trial is WRITES and found.outcome == "failed":
            is_writable = False
        yield Check(
            name=trial.name,
            ok=is_writable and found.outcome not in {"broken", "failed"},
            detail=found.detail,
            outcome=found.outcome,
            meaning=trial.meaning,
        )


def _found(storage: Storage, folder: str, trial: Trial) -> Found:
    started = time.monotonic()
    try:
        found = trial.run(storage, folder)
    except HopsArtifactsError as error:
        return Found(outcome="failed", detail=str(error))
    if found.outcome != "held":
        return found
    seconds = f"{time.monotonic() - started:.2f} s"
    detail = f"{seconds}, {found.detail}" if found.detail else seconds
    return Found(outcome="held", detail=detail)


def _cleared(storage: Storage, folder: str) -> Iterator[str]:
    """Delete what the trials left; say so if it does not go.

    A back end whose listings lag may need more than one go.
    """
    try:
        for turn in range(_CLEARINGS):
            if turn:
                time.sleep(_PAUSE_S)
            storage.delete_tree(folder)
            if not any(True for _ in storage.find(folder)):
                return
    except StorageError as error:
        yield f"What was tried may lie in {folder} still: {error}"
    else:
        yield f"What was tried lies in {folder} still: it does not go away"


def _kept(storage: Storage, report: DoctorReport) -> Iterator[str]:
    """Keep the verdict; yield what somebody has to be told about it."""
    try:
        earlier = kept_verdict(storage)
    except HopsArtifactsError:
        earlier = None  # whatever it was, this takes its place
    try:
        storage.write(layout.VERDICT, [encode_pretty(report)])
        is_project = storage.stat(layout.MARKER) is not None
    except StorageError as error:
        yield f"The verdict could not be kept: {error}"
        return
    if report.ok and earlier and not earlier.ok:
        yield f"This takes the place of the no of {earlier.time}"
    if not report.ok and is_project:
        yield (
            "There is a project here already: let nobody write to it before this is "
            "mended, then verify it"
        )
