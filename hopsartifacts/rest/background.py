"""Background jobs: work in threads that takes longer than a request.

Jobs live as long as the server. If one is cut off by the server's end, the store stays
consistent: a client can request the work again.
"""

import logging
from collections.abc import Callable, Hashable
from contextvars import copy_context
from functools import partial
from threading import Lock, Thread
from time import monotonic
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from hopsartifacts.errors import HopsArtifactsError, NotFoundError
from hopsartifacts.machine.identity import new_token, now
from hopsartifacts.machine.progress import Callback
from hopsartifacts.rest.errors import RefusedError, status_and_code

JobStatus = Literal["running", "done", "failed", "cancelled"]
Result = TypeVar("Result")

_MOST_RUNNING = 8
_MOST_KEPT = 200
_PAUSE_S = 0.25
_LOGGER = logging.getLogger(__name__)


class JobProgress(msgspec.Struct, frozen=True):
    """The progress of a job, in bytes."""

    done_bytes: int = 0
    size_bytes: int = 0


class JobFailure(msgspec.Struct, frozen=True):
    """Why a job failed: the status and detail that a request would have got."""

    status: int
    detail: str


class Job(msgspec.Struct, Generic[Result], frozen=True, kw_only=True):
    """One job.

    Attributes:
        subject: the deployment, the model, or the path of the file or folder that the
            job is about; null for the whole project.
        by: name of the API key that requested it.
        progress: null if the job does not report any.
        result: null until the job is done.
        error: null unless the job failed.
    """

    id: str
    kind: str
    subject: str | None
    status: JobStatus
    by: str
    created: str
    ended: str | None = None
    progress: JobProgress | None = None
    result: Result | None = None
    error: JobFailure | None = None


class CancelledError(HopsArtifactsError):
    """Raised inside a job that was cancelled."""


class Jobs:
    """The running jobs of one server, and the latest that have ended."""

    def __init__(self, tell: Callable[[Job[Any]], None]) -> None:
        """Create an empty list; *tell* is called with a job whenever it changes."""
        self._tell = tell
        self._lock = Lock()
        self._jobs: dict[str, Job[Any]] = {}
        self._keys: dict[str, Hashable] = {}
        self._unwanted: set[str] = set()

    def start(
        self,
        kind: str,
        work: Callable[[Callback], Any],
        *,
        by: str,
        subject: str | None = None,
        options: Hashable = None,
    ) -> Job[Any]:
        """Start *work* in a thread, or return a running job that does the same.

        Args:
            kind: the kind of work.
            work: called with a callback for its progress.
            by: name of the API key that requests it.
            subject: the object that it is about, as in ``Job``.
            options: jobs with different options are different work.

        Raises:
            RefusedError: too many jobs are running (429).
        """
        key = (kind, subject, options)
        with self._lock:
            running = [it for it in self._jobs.values() if it.status == "running"]
            for job in running:
                if self._keys.get(job.id) == key and job.id not in self._unwanted:
                    return job
            if len(running) >= _MOST_RUNNING:
                raise RefusedError(
                    f"{len(running)} jobs are running, the most allowed here: wait "
                    "until one of them has ended",
                    429,
                    headers={"Retry-After": "10"},
                )
            job = Job(
                id=new_token(),
                kind=kind,
                subject=subject,
                status="running",
                by=by,
                created=now(),
            )
            self._jobs[job.id], self._keys[job.id] = job, key
            self._forget_old()
        self._tell(job)
        name = f"hopsartifacts-{kind}"
        run = partial(copy_context().run, self._run, job.id, work)
        Thread(target=run, name=name, daemon=True).start()
        return job

    def get(self, identity: str) -> Job[Any]:
        """Return the current state of a job.

        Raises:
            NotFoundError: it does not exist.
        """
        with self._lock:
            if identity in self._jobs:
                return self._jobs[identity]
        raise NotFoundError(
            f"there is no job {identity!r}: jobs are kept until the server stops, the "
            f"newest {_MOST_KEPT}"
        )

    def all(self) -> list[Job[Any]]:
        """Return all jobs that are kept."""
        with self._lock:
            return list(self._jobs.values())

    def cancel(self, identity: str) -> Job[Any]:
        """Cancel a job at its next progress report, if any; raises as ``get``."""
        job = self.get(identity)
        if job.status == "running":
            self._unwanted.add(identity)
        return job

    def close(self) -> None:
        """Cancel all jobs."""
        for job in self.all():
            self.cancel(job.id)

    def step(self, identity: str, progress: JobProgress, *, is_told: bool) -> None:
        """Record a job's progress; *is_told* also publishes it.

        Raises:
            CancelledError: the job was cancelled.
        """
        if identity in self._unwanted:
            raise CancelledError("this job was cancelled")
        self._change(identity, is_told=is_told, progress=progress)

    def _run(self, identity: str, work: Callable[[Callback], Any]) -> None:
        changes: dict[str, Any]
        try:
            changes = {"status": "done", "result": work(_Hearing(self, identity))}
        except CancelledError:
            changes = {"status": "cancelled"}
        except HopsArtifactsError as error:
            failure = JobFailure(status_and_code(error)[0], str(error))
            changes = {"status": "failed", "error": failure}
        except Exception as error:
            _LOGGER.exception("job %s", identity)
            words = f"unexpected {type(error).__name__}; the server's log says more"
            changes = {"status": "failed", "error": JobFailure(500, words)}
        self._change(identity, is_told=True, ended=now(), **changes)
        self._unwanted.discard(identity)

    def _change(self, identity: str, *, is_told: bool, **changes: Any) -> None:
        with self._lock:
            job = replace(self._jobs[identity], **changes)
            self._jobs[identity] = job
        if is_told:
            self._tell(job)

    def _forget_old(self) -> None:
        over = len(self._jobs) - _MOST_KEPT
        ended = [it.id for it in self._jobs.values() if it.status != "running"]
        for identity in ended[: max(0, over)]:
            del self._jobs[identity], self._keys[identity]


class _Hearing:
    """The progress callback of a job; it limits how often progress is published."""

    def __init__(self, jobs: Jobs, identity: str) -> None:
        self._jobs = jobs
        self._identity = identity
        self._progress = JobProgress()
        self._told = 0.0

    def set_size(self, size: int) -> None:
        """Set the total number of bytes."""
        self._note(replace(self._progress, size_bytes=size))

    def relative_update(self, inc: int = 1) -> None:
        """Add *inc* bytes to those done."""
        done = self._progress.done_bytes + inc
        self._note(replace(self._progress, done_bytes=done))

    def _note(self, progress: JobProgress) -> None:
        self._progress = progress
        is_told = monotonic() - self._told > _PAUSE_S
        if is_told:
            self._told = monotonic()
        self._jobs.step(self._identity, progress, is_told=is_told)
