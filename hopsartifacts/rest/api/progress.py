"""How far a deployment's newest start, update or stop is: of its job, and its run."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.progress import (
    Kind,
    RunProgress,
    RunStep,
    StepStatus,
    unreached,
)
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.api.deployments import DEPLOYMENT, name_of
from hopsartifacts.rest.background import Job
from hopsartifacts.rest.deployment_states import RunStatus, run_status
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.serving.contract import ConditionType

_CHECKING = "the files and the packages are checked"
_CHECKED = "the files are as they were sealed"


class ProgressStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a start, an update or a stop.

    Attributes:
        name: the type of its condition; or ``CHECKED``, which comes before the run: the
            server checks files and packages.
        status: ``waiting`` if it was not reached yet, ``not reached`` if a step before
            it failed.
        at: when it was reached, or failed; null if neither, or if it is not known.
        reason: what happened, in words; null before that, or if it is not known.
    """

    name: Literal["CHECKED"] | ConditionType
    status: StepStatus
    at: datetime | None = None
    reason: str | None = None


class DeploymentProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the newest start, update or stop of a deployment is.

    Attributes:
        kind: what it is; null if there was none on this machine.
        status: of the whole; null if there was none.
        version: the deployment version that it is about; null if it is not known.
        began: when it was requested, or first reported; null if it is not known.
        by: the name of the API key that requested it; null if another program did, or
            before this server was started.
        revision: the run that it is about, whose log tells more; null if the run has
            not begun.
        steps: all of its steps, in order, also those that were not reached.
        state: the state of its processes.
    """

    kind: Kind | None
    status: StepStatus | None
    version: int | None
    began: datetime | None
    by: str | None
    revision: str | None
    steps: list[ProgressStep]
    state: RunStatus


def _progress(call: OperationCall) -> DeploymentProgress:
    name = name_of(call)
    sealed = read_deployment(call.hosted.storage, name)
    serving = call.hosted.project.get_model_serving()
    progress, job = serving.progress_of(sealed), _newest_job(call, sealed)
    state = serving.state_of(sealed)
    shown: dict[str, Any]
    if job and job.kind == "start" and _is_before_run(job, progress):
        shown = _of_job(job, sealed.active)
    else:
        shown = _of_run(progress, job, state.revision)
    return DeploymentProgress(
        **shown,
        state=run_status(name, state),
    )


def _newest_job(call: OperationCall, sealed: Deployed) -> Job[Any] | None:
    """Return the newest start or stop that this server was asked for.

    Those of an earlier deployment with the same name do not count.
    """
    made = datetime.fromisoformat(sealed.created)
    found = [
        job
        for job in call.hosted.jobs.all()
        if job.subject == sealed.name
        and job.kind in {"start", "stop"}
        and _created(job) >= made
    ]
    return found[-1] if found else None


def _is_before_run(job: Job[Any], progress: RunProgress | None) -> bool:
    """Return whether *job* has not come to its run: it still checks, or failed."""
    is_later = progress is None or (
        progress.began is not None and progress.began < _created(job)
    )
    # A job that is done found that the deployment was running already.
    return is_later and job.status != "done"


def _of_job(job: Job[Any], active: int) -> dict[str, Any]:
    """Return the fields of a start whose run has not begun."""
    is_running = job.status == "running"
    status: StepStatus = "running" if is_running else "failed"
    rest = unreached("start", "waiting" if is_running else "not reached")
    first = ProgressStep(
        name="CHECKED",
        status=status,
        at=datetime.fromisoformat(job.ended) if job.ended else None,
        reason=job.error.detail if job.error else _CHECKING,
    )
    return {
        "kind": "start",
        "status": status,
        "version": active,
        "began": _created(job),
        "by": job.by,
        "revision": None,
        "steps": [first, *map(_shown, rest)],
    }


def _of_run(
    progress: RunProgress | None, job: Job[Any] | None, revision: str | None
) -> dict[str, Any]:
    """Return the fields of what the run reported; *job* may have begun it."""
    if progress is None:
        fields = ("kind", "status", "version", "began", "by", "revision")
        return {**dict.fromkeys(fields), "steps": []}
    steps = [_shown(it) for it in progress.steps]
    whole, began, by = _whole(progress.steps), progress.began, None
    if progress.kind == "start":
        # No run begins before that, whoever requested it.
        checked = ProgressStep(name="CHECKED", status="done", at=began, reason=_CHECKED)
        steps = [checked, *steps]
    if job and job.kind == progress.kind and began and _created(job) <= began:
        by, began = job.by, _created(job)
    return {
        "kind": progress.kind,
        "status": whole,
        "version": progress.version,
        "began": began,
        "by": by,
        "revision": revision,
        "steps": steps,
    }


def _created(job: Job[Any]) -> datetime:
    return datetime.fromisoformat(job.created)


def _shown(step: RunStep) -> ProgressStep:
    return ProgressStep(
        name=step.name, status=step.status, at=step.at, reason=step.reason
    )


def _whole(steps: tuple[RunStep, ...]) -> StepStatus:
    statuses = {step.status for step in steps}
    return next(it for it in ("failed", "running", "done") if it in statuses)


_operation = operations("deployments", "deploy")

OPERATIONS = (
    _operation(
        "GET",
        f"{DEPLOYMENT}/progress",
        _progress,
        "How far its newest start, update or stop is, step by step",
        answer=DeploymentProgress,
    ),
)
