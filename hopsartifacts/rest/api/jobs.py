"""Jobs: verify, repair, gc and doctor, started by a POST and polled while they run."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec.structs import asdict, replace
from starlette.responses import Response

from hopsartifacts.deployments.requests import GoldenRequest
from hopsartifacts.documents import encode
from hopsartifacts.guard.gc import GRACE_S, Garbage, Stuck
from hopsartifacts.guard.repair import Repaired
from hopsartifacts.guard.scope import check_sealed
from hopsartifacts.guard.verify import inspect
from hopsartifacts.machine.progress import NO_CALLBACK, Callback
from hopsartifacts.rest.api.conventions import (
    PREFIX,
    Page,
    Paging,
    operations,
    page_of,
    shown,
)
from hopsartifacts.rest.api.marks import Marks
from hopsartifacts.rest.background import Job, JobStatus
from hopsartifacts.rest.deployment_states import RunStatus
from hopsartifacts.rest.files.tree import inside
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder
from hopsartifacts.rest.verifications import verification
from hopsartifacts.store.checks import Finding
from hopsartifacts.store.storage_probe import Check

_JOB = "/jobs/{id}"


class VerifyResult(msgspec.Struct, frozen=True, tag_field="kind", tag="verify"):
    """The result of a verification.

    Attributes:
        ok: whether everything is as it was sealed.
        files: number of files compared.
        size_bytes: number of bytes read.
        path: the file or folder that was verified; empty for everything.
    """

    ok: bool
    findings: tuple[Finding, ...]
    files: int
    size_bytes: int
    path: str = ""


class RepairResult(msgspec.Struct, frozen=True, tag_field="kind", tag="repair"):
    """The result of a repair.

    Attributes:
        ok: whether everything is as it was sealed now.
        dry_run: whether nothing was changed: it says what a repair would do.
        path: the file or folder that was repaired; empty for everything.
    """

    ok: bool
    repaired: tuple[Repaired, ...]
    unrepaired: tuple[Finding, ...]
    dry_run: bool = False
    path: str = ""


class GcResult(msgspec.Struct, frozen=True, tag_field="kind", tag="gc"):
    """What a garbage collection freed, or would free.

    Attributes:
        ok: whether everything was freed that was due.
        kept: garbage that is younger than the grace period.
        stuck: garbage that could not be freed, and why.
        size_bytes: number of bytes freed, or that would be.
    """

    ok: bool
    dry_run: bool
    freed: tuple[Garbage, ...]
    kept: tuple[Garbage, ...]
    stuck: tuple[Stuck, ...]
    size_bytes: int


class DoctorResult(msgspec.Struct, frozen=True, tag_field="kind", tag="doctor"):
    """What was tested on the storage, and which tests passed.

    Attributes:
        ok: whether the storage can hold a project.
    """

    ok: bool
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


class StateResult(msgspec.Struct, frozen=True, tag_field="kind", tag="state"):
    """The state of a deployment's run at the end of the job."""

    state: RunStatus


class FileResult(msgspec.Struct, frozen=True, tag_field="kind", tag="file"):
    """The file or folder that the job has written."""

    path: str


class SaveResult(msgspec.Struct, frozen=True, tag_field="kind", tag="save"):
    """The model version that the job has saved."""

    model: str
    version: int


class GoldenResult(msgspec.Struct, frozen=True, tag_field="kind", tag="golden"):
    """The golden request with the answer that was recorded."""

    golden_request: GoldenRequest


Result = (
    VerifyResult
    | RepairResult
    | GcResult
    | DoctorResult
    | StateResult
    | GoldenResult
    | FileResult
    | SaveResult
)

LONG_BYTES = 64 * 1024 * 1024
"""Work on more bytes than this is a job if the operation can be one."""


class VerifyOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of a verification.

    Attributes:
        path: only this file or folder, such as ``Models/iris/1``; empty for everything.
    """

    path: str = ""


class RepairOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of a repair.

    Attributes:
        path: only this file or folder, such as ``Models/iris/1``; empty for everything.
        dry_run: change nothing; only report what would be done.
    """

    path: str = ""
    dry_run: bool = False


class GcOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of a garbage collection.

    Attributes:
        dry_run: only report what would be freed.
        grace_s: keep garbage younger than this if a writer may still be using it.
    """

    dry_run: bool = True
    grace_s: Annotated[float, msgspec.Meta(ge=0)] = GRACE_S


class JobFilter(Paging, frozen=True, kw_only=True):
    """Query parameters of the list of jobs.

    Attributes:
        kind: the kind of job.
        status: the status.
        subject: name of the deployment that the job is about.
    """

    kind: str = ""
    status: JobStatus | None = None
    subject: str = ""


_ORDER: SortOrder[Job[Any]] = SortOrder(
    identity=lambda job: (job.created, job.id),
    fields={
        "created": lambda job: job.created,
        "ended": lambda job: job.ended,
        "kind": lambda job: job.kind,
        "status": lambda job: job.status,
    },
    default="-created",
)


def accepted(job: Job[Any]) -> Response:
    """Return *job* as the answer (202) to the request that started it."""
    location = {"location": f"{PREFIX}/jobs/{job.id}"}
    return Response(encode(job), 202, location, "application/json")


def _verify(call: OperationCall) -> Response:
    hosted, path = call.hosted, _sealed(call)

    def work(callback: Callback) -> VerifyResult:
        return VerifyResult(**_verified(hosted, path, callback), path=path)

    jobs = hosted.jobs
    return accepted(jobs.start("verify", work, by=call.caller.name, options=path))


def _repair(call: OperationCall) -> Response:
    hosted, path, dry_run = call.hosted, _sealed(call), call.body.dry_run

    def work(callback: Callback) -> RepairResult:
        report = hosted.project.repair(callback=callback, path=path, dry_run=dry_run)
        if not dry_run:
            _verified(hosted, path, NO_CALLBACK)
        return RepairResult(ok=report.ok, path=path, **asdict(report))

    jobs, asked = hosted.jobs, (path, dry_run)
    return accepted(jobs.start("repair", work, by=call.caller.name, options=asked))


def _sealed(call: OperationCall) -> str:
    """Return the path of the stored files that a request to verify or repair names."""
    path = inside(call.hosted.project.name, call.body.path)
    check_sealed(path)
    return Marks(call.hosted).of(path).stored


def _verified(hosted: Hosted, path: str, callback: Callback) -> dict[str, Any]:
    """Verify *path*, keep what was found, and return it."""
    started = datetime.now(UTC)
    report, inventory = inspect(hosted.storage, callback, path=path)
    sealed = list(inventory.sealed)
    hosted.verifications.add(verification(path, started, report.findings, sealed))
    return {"ok": report.ok, **asdict(report)}


def _gc(call: OperationCall) -> Response:
    options: GcOptions = call.body

    def work(_: Callback) -> GcResult:
        project = call.hosted.project
        report = project.gc(dry_run=options.dry_run, grace_s=options.grace_s)
        return GcResult(ok=report.ok, size_bytes=report.size_bytes, **asdict(report))

    jobs = call.hosted.jobs
    return accepted(jobs.start("gc", work, by=call.caller.name, options=options))


def _doctor(call: OperationCall) -> Response:
    def work(_: Callback) -> DoctorResult:
        report = call.hosted.project.doctor()
        return DoctorResult(report.ok, report.checks, report.notes)

    return accepted(call.hosted.jobs.start("doctor", work, by=call.caller.name))


def _list(call: OperationCall) -> Page[Job[Result]]:
    wanted: JobFilter = call.query
    found = [
        job
        for job in call.hosted.jobs.all()
        if wanted.kind in {"", job.kind}
        and wanted.status in {None, job.status}
        and wanted.subject in {"", job.subject}
    ]
    page = page_of(found, wanted, _ORDER)
    return shown(page, [replace(job, result=None) for job in page.items])


def _get(call: OperationCall) -> Job[Result]:
    return call.hosted.jobs.get(call.path["id"])


def _cancel(call: OperationCall) -> Response:
    return accepted(call.hosted.jobs.cancel(call.path["id"]))


_operation = operations("jobs", "admin")

OPERATIONS = (
    _operation(
        "POST",
        "/jobs/verify",
        _verify,
        "Compare every managed file with its seal, or those of one folder",
        body=VerifyOptions,
        may_lack_body=True,
        answer=Job[Result],
        status=202,
        scope="write",
    ),
    _operation(
        "POST",
        "/jobs/repair",
        _repair,
        "Undo every edit that can be undone, or say what would be done",
        body=RepairOptions,
        may_lack_body=True,
        answer=Job[Result],
        status=202,
    ),
    _operation(
        "POST",
        "/jobs/gc",
        _gc,
        "Free what is no longer used, or only report it",
        body=GcOptions,
        answer=Job[Result],
        status=202,
    ),
    _operation(
        "POST",
        "/jobs/doctor",
        _doctor,
        "Test that the storage can hold a project",
        answer=Job[Result],
        status=202,
    ),
    _operation(
        "GET",
        "/jobs",
        _list,
        "Jobs since the server was started, without their results",
        query=JobFilter,
        answer=Page[Job[Result]],
    ),
    _operation("GET", _JOB, _get, "A job, with its result", answer=Job[Result]),
    _operation(
        "DELETE",
        _JOB,
        _cancel,
        "Cancel a job at its next step, if it has steps",
        answer=Job[Result],
        status=202,
    ),
)
