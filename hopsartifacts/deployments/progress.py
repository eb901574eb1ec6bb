"""How far the newest start, update or stop of a deployment is, step by step.

A run reports each step that it reaches. The reports of one start (or update, or stop)
are in a row; what the run reports after them says how it ended.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from hopsartifacts.serving.contract import ConditionType, Reported, Status

Kind = Literal["start", "update", "stop"]
StepStatus = Literal["done", "running", "failed", "waiting", "not reached"]
"""Steps after one that failed are ``not reached``; ``waiting`` ones may still come."""

_REACHED: frozenset[StepStatus] = frozenset({"done", "running", "failed"})
_KINDS: dict[Status, Kind] = {
    "Starting": "start",
    "Updating": "update",
    "Stopping": "stop",
}
_STARTING: tuple[ConditionType, ...] = ("SCHEDULED", "INITIALIZED", "STARTED", "READY")
_STEPS: dict[Kind, tuple[ConditionType, ...]] = {
    "start": _STARTING,
    "update": _STARTING,
    "stop": ("STOPPED",),
}


class RunStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a start, an update or a stop.

    Attributes:
        name: the type of its condition.
        at: when it was reached, or failed; None if neither, or if it is not known.
        reason: what happened, in words; None before that, or if it is not known.
    """

    name: ConditionType
    status: StepStatus
    at: datetime | None = None
    reason: str | None = None


class RunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a start, an update or a stop.

    Attributes:
        version: the deployment version that it is about; None if it is not known.
        began: its first report; None if it is not known.
        steps: all of its steps, in order, also those that were not reached.
    """

    kind: Kind
    version: int | None
    began: datetime | None
    steps: tuple[RunStep, ...]


def unreached(kind: Kind, status: StepStatus = "waiting") -> list[RunStep]:
    """Return the steps of *kind*, of which none was reached."""
    return [RunStep(name=name, status=status) for name in _STEPS[kind]]


def newest_progress(reports: Sequence[Reported]) -> RunProgress | None:
    """Return the progress of the newest start, update or stop in *reports*.

    Args:
        reports: what one run reported, oldest first.
    """
    ends = [index for index, it in enumerate(reports) if it.status in _KINDS]
    if not ends:
        return None
    last = reports[ends[-1]]
    first = end = ends[-1]
    while first and _is_same(reports[first - 1], last):
        first -= 1
    during, after = reports[first : end + 1], reports[end + 1 :]
    kind = _KINDS[last.status]
    return RunProgress(
        kind=kind,
        version=last.next_version or last.version,
        began=during[0].at,
        steps=tuple(_steps(kind, during, after)),
    )


def _is_same(report: Reported, last: Reported) -> bool:
    """Return whether both reports are of the same start, update or stop."""
    is_same_kind = report.status == last.status
    return is_same_kind and report.next_version == last.next_version


def _steps(
    kind: Kind, during: Sequence[Reported], after: Sequence[Reported]
) -> list[RunStep]:
    reached = {it.condition.type: it for it in reversed(during)}
    steps = [_reached(it, reached.get(it.name)) for it in unreached(kind)]
    steps = _with_passed(steps)
    # The last step is reached when the others are, and the run has settled.
    steps[-1] = _going_on(steps[-1], during[-1])
    if after:
        return _with_passed(_settled(steps, during[-1], after))
    index = next(i for i, it in enumerate(steps) if it.status != "done")
    going_on = msgspec.structs.replace(steps[index], status="running")
    return [*steps[:index], going_on, *steps[index + 1 :]]


def _with_passed(steps: list[RunStep]) -> list[RunStep]:
    """Return the steps, those before the last that was reached as done.

    Of steps that follow each other quickly, a run may report only the last.
    """
    last = max(i for i, it in enumerate(steps) if not i or it.status in _REACHED)
    passed = [msgspec.structs.replace(it, status="done") for it in steps[:last]]
    return [*passed, *steps[last:]]


def _reached(step: RunStep, report: Reported | None) -> RunStep:
    if report is None:
        return step
    reason = report.condition.reason
    return RunStep(name=step.name, status="done", at=report.at, reason=reason)


def _going_on(step: RunStep, report: Reported) -> RunStep:
    if step.status == "waiting":
        return step
    return RunStep(name=step.name, status="waiting", reason=report.condition.reason)


def _settled(
    steps: list[RunStep], during: Reported, after: Sequence[Reported]
) -> list[RunStep]:
    """Return the steps, the last of them as the run has settled."""
    last, name = after[-1], steps[-1].name
    if last.status == "Failed":
        return _failed(steps, last.condition.type, last)
    wanted = during.next_version
    if wanted is not None and after[0].version != wanted:
        # The update was refused: the version before it continues.
        due = next(it.name for it in steps if it.status != "done")
        return _failed(steps, due, after[0])
    is_there = last.condition.status
    status: StepStatus = "done" if is_there else "running"
    reason = last.condition.reason
    at = after[0].at if is_there else None
    end = RunStep(name=name, status=status, at=at, reason=reason)
    return [*steps[:-1], end]


def _failed(
    steps: list[RunStep], name: ConditionType, report: Reported
) -> list[RunStep]:
    """Return the steps of which *name* failed; those after it were not reached."""
    names = [it.name for it in steps]
    index = names.index(name) if name in names else len(names) - 1
    reason = report.condition.reason
    failed = RunStep(name=names[index], status="failed", at=report.at, reason=reason)
    rest = [RunStep(name=it, status="not reached") for it in names[index + 1 :]]
    return [*steps[:index], failed, *rest]
