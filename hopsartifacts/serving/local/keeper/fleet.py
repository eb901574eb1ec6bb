"""The workers of one version, replaced when they end, and those that are leaving.

A version fails if its workers end again and again. Workers that leave finish their
requests, but have only a limited time for it.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from hopsartifacts.serving.contract import ConditionType, Launch
from hopsartifacts.serving.local.keeper.workers import (
    WorkerProcess,
    WorkerStarter,
)
from hopsartifacts.serving.local.runs import end_in_words
from hopsartifacts.serving.process_environment import (
    HANG_SECONDS,
    hang_seconds,
    launch_limits,
)
from hopsartifacts.serving.runtime.failures import sayable
from hopsartifacts.serving.runtime.keeper_link import DRAIN_S, GRACE_S, WorkerMessage

_DRAIN_S = DRAIN_S + GRACE_S + 5.0
_END_S = GRACE_S + 3.0
_LONGEST_WAIT_S = 30.0


class WorkerFailure(msgspec.Struct, frozen=True):
    """The reason why a version cannot continue."""

    step: ConditionType
    reason: str


class _Slot:
    """The place of one worker, which several processes may fill in turn."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.worker: WorkerProcess | None = None
        self.failures = 0
        self.retry_s: float | None = None
        self.serving_s = 0.0
        self.trouble: str | None = None

    @property
    def trouble_now(self) -> str | None:
        """The reason why no worker in this slot serves, once it is known."""
        if self.trouble is None and self.worker is not None and self.worker.why:
            return f"worker {self.index + 1} ends ({self.worker.why})"
        return self.trouble


class Fleet:
    """All workers of *launch*.

    Attributes:
        failure: why the version cannot continue; None if it can.
        has_served: whether all workers have ever served at the same time.
        step: the progress of the start, with a text.
        last_end: which worker was replaced last, when and why.
    """

    def __init__(self, launch: Launch, starter: WorkerStarter) -> None:
        self.launch = launch
        self.failure: WorkerFailure | None = None
        self.has_served = False
        self.step = WorkerFailure("SCHEDULED", "the process was started")
        self.last_end: str | None = None
        self._starter = starter
        self._slots = [_Slot(index) for index in range(launch.instances)]
        self._used_s = 0.0
        self._memory_mb = launch_limits(launch).memory_mb
        self._hang_s = hang_seconds(
            {**os.environ, **launch.env_vars}, starter.patience.hang_s
        )

    def start(self, now: float) -> None:
        """Start every worker."""
        self._used_s = now
        if not self.has_served:
            for note in self.launch.notes:
                say(note)
        for slot in self._slots:
            slot.failures = 0
            self._start(slot, now)

    @property
    def workers(self) -> Iterator[WorkerProcess]:
        """The workers that were started and have not ended."""
        return (slot.worker for slot in self._slots if slot.worker is not None)

    @property
    def is_started(self) -> bool:
        """Whether a worker exists or will be restarted."""
        return any(slot.worker or slot.retry_s is not None for slot in self._slots)

    @property
    def serving(self) -> int:
        """How many workers accept requests."""
        return sum(worker.state == "serving" for worker in self.workers)

    @property
    def is_loaded(self) -> bool:
        """Whether every worker is ready to serve."""
        states = [worker.state for worker in self.workers]
        return len(states) == len(self._slots) and set(states) <= {"loaded", "serving"}

    @property
    def is_serving(self) -> bool:
        """Whether every worker serves."""
        return self.serving == len(self._slots)

    @property
    def trouble(self) -> str | None:
        """The problems of the workers that do not serve, if any."""
        found = [words for slot in self._slots if (words := slot.trouble_now)]
        return "; ".join(found) or None

    def serve(self) -> None:
        """Let workers that are loaded accept requests."""
        for worker in self.workers:
            if worker.state == "loaded":
                worker.ask("serve")

    def quiet_s(self, now: float) -> float:
        """Return for how many seconds no request was seen."""
        return now - self._used_s

    def retire(self, now: float, *, has_successor: bool = False) -> list[WorkerProcess]:
        """Ask all workers to finish and end; return them, now owned by the caller.

        *has_successor* says whether another fleet serves, which gets idle connections.
        """
        leaving = list(self.workers)
        for slot in self._slots:
            slot.worker = slot.retry_s = slot.trouble = None
        for worker in leaving:
            # A loaded worker may already accept connections without having reported it.
            if worker.state in {"loaded", "serving"}:
                worker.drain(now + _DRAIN_S, has_successor=has_successor)
            else:
                worker.terminate(now + _END_S)
        return leaving

    def tick(self, now: float) -> None:
        """Process messages of the workers, check them, and replace those that ended."""
        for slot in self._slots:
            worker = slot.worker
            if worker is not None:
                for message in worker.messages():
                    self._note(slot, worker, message, now)
                self._watch(slot, worker, now)
            elif slot.retry_s is not None and now >= slot.retry_s:
                self._start(slot, now)
        self.has_served = self.has_served or self.is_serving

    def _start(self, slot: _Slot, now: float) -> None:
        slot.retry_s = None
        try:
            slot.worker = self._starter.start(self.launch, slot.index, now)
        except OSError as error:
            self._ended(slot, f"it could not be started: {error}", now)

    def _note(
        self, slot: _Slot, worker: WorkerProcess, message: WorkerMessage, now: float
    ) -> None:
        worker.waiting_s = None
        if message.kind == "starting":
            self.step = WorkerFailure(message.step, sayable(message.reason))
        elif message.kind == "failed":
            worker.why = why = sayable(message.reason)
            worker.is_explained = message.error is not None
            if not self.has_served:
                # The version has failed even though the worker has not ended.
                self.failure = self.failure or WorkerFailure(message.step, why)
        elif message.kind == "loaded":
            worker.state = "loaded"
        elif message.kind == "serving":
            worker.state = "serving"
            slot.serving_s = self._used_s = now
            slot.trouble = None
        elif message.is_busy or message.requests != worker.requests:
            worker.requests = message.requests
            self._used_s = now

    def _watch(self, slot: _Slot, worker: WorkerProcess, now: float) -> None:
        code = worker.exit_code()
        if code is not None:
            slot.worker = None
            self._starter.clean_up_after(worker)
            why = worker.why or end_in_words(code)
            if not worker.is_explained:
                version = self.launch.deployment_version
                words = f"worker {slot.index + 1} ended: {why}"
                self._starter.record.fail(words, version)
            self._ended(slot, why, now)
            return
        patience = self._starter.patience
        if self._memory_mb is not None and worker.state != "leaving":
            used = worker.used_mb()
            if used > self._memory_mb:
                limit = f"its limit of {self._memory_mb} MB"
                worker.kill(
                    f"it used {used:.0f} MB of memory, more than {limit}; raise that "
                    'with resources={"limits": {"memory": …}} (-1 is no limit) and save'
                )
        if worker.state != "serving":
            return
        if now - slot.serving_s > patience.steady_s:
            slot.failures = 0
        if now - worker.asked_s > patience.ping_s:
            worker.asked_s = now
            worker.waiting_s = worker.waiting_s or now
            worker.ask("ping")
        if worker.waiting_s and now - worker.waiting_s > self._hang_s:
            worker.kill(
                f"its event loop did not turn for {self._hang_s:g} s: an async method "
                "of a script blocks it; write that as a plain method (def), or set "
                f"{HANG_SECONDS} in env_vars"
            )

    def _ended(self, slot: _Slot, why: str, now: float) -> None:
        patience = self._starter.patience
        slot.failures += 1
        if not self.has_served:
            self.failure = self.failure or WorkerFailure(self.step.step, why)
        elif slot.failures >= patience.failures and not self.serving:
            times = f"{slot.failures} times in a row"
            self.failure = WorkerFailure(
                "READY", f"a worker ended {times}, last since {why}"
            )
        else:
            wait_s = patience.pause_s(slot.failures, _LONGEST_WAIT_S)
            slot.retry_s = now + wait_s
            slot.trouble = f"worker {slot.index + 1} ended ({why})"
            at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            self.last_end = f"worker {slot.index + 1} was replaced at {at} ({why})"
            say(f"{slot.trouble}; it is started again in {wait_s:g} s")


def say(words: str) -> None:
    """Write a line to the log."""
    # A full disk must not end the keeper.
    with suppress(OSError):
        print(f"keeper: {words}", flush=True)  # noqa: T201 - its output is the log


class LeavingWorkers:
    """Workers that finish the requests in progress and end."""

    def __init__(self, starter: WorkerStarter) -> None:
        self._starter = starter
        self._groups: list[tuple[list[WorkerProcess], Sequence[int]]] = []

    def add(self, workers: list[WorkerProcess], held: Sequence[int] = ()) -> None:
        """Watch *workers* until they end, then close the descriptors in *held*."""
        self._groups.append((workers, held))

    @property
    def workers(self) -> Iterator[WorkerProcess]:
        """The workers that have not ended."""
        return (worker for workers, _ in self._groups for worker in workers)

    @property
    def is_over(self) -> bool:
        """Whether all have ended."""
        return not self._groups

    def end_by(self, due_s: float) -> None:
        """Ask all workers to end by *due_s*."""
        for worker in self.workers:
            worker.terminate(due_s)

    def tick(self, now: float) -> None:
        """Clean up after workers that ended, and kill those that are overdue."""
        for workers, held in list(self._groups):
            for worker in list(workers):
                for message in worker.messages():
                    worker.has_left = worker.has_left or message.kind == "leaving"
                if worker.exit_code() is not None:
                    workers.remove(worker)
                    worker.has_left = True
                    self._starter.clean_up_after(worker)
                elif now > worker.due_s:
                    worker.kill()
            if not workers:
                self._groups.remove((workers, held))
                for descriptor in held:
                    os.close(descriptor)
