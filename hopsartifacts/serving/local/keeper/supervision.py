"""The main loop of a keeper, over its sockets and the clock.

The keeper runs the workers of one version (and those of the next during an update), or
is idle without workers, or is ending.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from hopsartifacts.serving.contract import Condition, DeploymentKey
from hopsartifacts.serving.local.control import (
    Conversation,
    Helper,
    KeeperOrder,
    Update,
    listen,
)
from hopsartifacts.serving.local.keeper.fleet import Fleet, LeavingWorkers, say
from hopsartifacts.serving.local.keeper.helper_process import HelperProcess
from hopsartifacts.serving.local.keeper.run_record import RunRecord
from hopsartifacts.serving.local.keeper.workers import WorkerProcess, WorkerStarter
from hopsartifacts.serving.local.log_files import RunLog, quoted
from hopsartifacts.serving.local.runs import Report, RunReporter, final, stopped
from hopsartifacts.serving.runtime.keeper_link import GRACE_S

_LOOK_S = 0.1
_END_S = GRACE_S + 3.0
"""How long workers may take to end after SIGTERM."""
_ORPHAN_END_S = 3.0
_HELPER_END_S = 10.0
_LOG_LINES = 5


class _Move(msgspec.Struct, kw_only=True):
    """An update to another version that is in progress."""

    fleet: Fleet
    update: Update
    conversation: Conversation
    deadline_s: float | None


class _TakingOver(msgspec.Struct, kw_only=True):
    """The time in which the previous version may still accept connections."""

    before: DeploymentKey
    """The version that counts as serving until then."""
    leaving: list[WorkerProcess]
    conversation: Conversation


class _End(msgspec.Struct, kw_only=True):
    """The end of the keeper, in progress."""

    report: Report
    helper_due_s: float | None = None


class Keeper:
    """Runs the deployment that *order* describes until it is asked to end."""

    def __init__(
        self, order: KeeperOrder, helper: Helper | None, listener: socket.socket
    ) -> None:
        self._order = order
        # A crash of this process is written to the file directly. Its other output
        # takes the same pipe as the workers' output, so that the order is kept.
        log = RunLog(Path(order.log_path), also=(2,))
        os.dup2(log.writing, 1)
        self._record = RunRecord(Path(order.traffic_path))
        self._starter = WorkerStarter(
            order=order, listener=listener, log=log, record=self._record
        )
        self._reporter = RunReporter(Path(order.report_path))
        self._selector = selectors.DefaultSelector()
        self._channels: set[socket.socket] = set()
        self._fleet = Fleet(order.launch, self._starter)
        self._leaving = LeavingWorkers(self._starter)
        self._helper_process = HelperProcess(
            helper, Path(order.folder), order.patience, log.writing
        )
        self._move: _Move | None = None
        self._rejected: str | None = None
        self._taking_over: _TakingOver | None = None
        self._end: _End | None = None
        self._is_idle = False
        self._is_awaiting_request = False
        self._is_told_to_end = False

    def run(self) -> int:
        """Run until the end; return the exit code."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        self._fleet.start(time.monotonic())
        path = Path(self._order.control_path)
        with listen(path) as control:
            self._await(control, partial(self._accept, control))
            while (report := self._turn(time.monotonic())) is None:
                for key, _ in self._selector.select(_LOOK_S):
                    key.data()
        path.unlink(missing_ok=True)
        self._starter.clear()
        self._record.close()
        self._publish(report)
        return 1 if report.status == "Failed" else 0

    def _turn(self, now: float) -> Report | None:
        """Do what is due; return the final report once everything has ended."""
        self._leaving.tick(now)
        self._record.write(now)
        self._turn_taking_over()
        if self._end is not None:
            return self._turn_to_end(self._end, now)
        if self._is_told_to_end:
            self._begin_end(stopped("the process was asked to stop"), _END_S, now)
        elif self._order.parent_pid not in {None, os.getppid()}:
            reason = "the process that started the deployment ended"
            self._begin_end(stopped(reason), _ORPHAN_END_S, now)
        else:
            self._fleet.tick(now)
            self._fleet.serve()
            self._turn_move(now)
            self._turn_idle(now)
            self._helper_process.tick(now, may_change=self._leaving.is_over)
            if self._fleet.failure is not None:
                self._fail(self._fleet, now)
            else:
                self._publish(self._report())
        self._await_messages()
        return None

    def _turn_move(self, now: float) -> None:
        move = self._move
        if move is None:
            return
        fleet = move.fleet
        fleet.tick(now)
        if fleet.failure is not None:
            self._reject(move, fleet.failure.reason, now)
        elif move.deadline_s is not None and now > move.deadline_s:
            waited = f"{move.update.await_running_s:g} s"
            last = f"its last report: {fleet.step.reason}"
            reason = f"it was not ready within {waited}; {last}"
            self._record.fail(reason, fleet.launch.deployment_version)
            self._reject(move, reason, now)
        elif fleet.has_served:
            self._switch(move, now)
        elif fleet.is_loaded:
            fleet.serve()

    def _turn_idle(self, now: float) -> None:
        if self._is_idle:
            if self._fleet.serving:
                self._is_idle = False
            elif not self._fleet.is_started and self._move is None:
                self._await_request()
            return
        idle_s = self._fleet.launch.idle_s
        if idle_s is None or self._move is not None or not self._fleet.is_serving:
            return
        # What a worker has done is known after the next ping.
        if self._fleet.quiet_s(now) > idle_s + self._order.patience.ping_s:
            say(f"no request came for {idle_s:g} s: the workers end")
            self._leaving.add(self._fleet.retire(now))
            self._is_idle = True

    def _turn_to_end(self, end: _End, now: float) -> Report | None:
        self._await_messages()
        if not self._leaving.is_over:
            return None
        if end.helper_due_s is None:
            end.helper_due_s = now + _HELPER_END_S
            self._helper_process.end()
        if not self._helper_process.is_over and now < end.helper_due_s:
            return None
        self._helper_process.kill()
        return end.report

    def _begin_end(self, report: Report, grace_s: float, now: float) -> None:
        reason = report.condition.reason
        if report.status == "Failed":
            # A caller that waits for the start need not wait for the end.
            self._publish(report)
        else:
            condition = Condition(type="STOPPED", reason=reason)
            self._publish(Report(status="Stopping", condition=condition))
        if self._move is not None:
            self._reject(self._move, f"the deployment ends: {reason}", now)
        self._ignore_requests()
        self._leaving.add(self._fleet.retire(now))
        self._leaving.end_by(now + grace_s)
        self._end = _End(report=report)

    def _fail(self, fleet: Fleet, now: float) -> None:
        assert fleet.failure is not None  # noqa: S101 - that is why it is called
        reason = fleet.failure.reason
        say(f"the deployment failed: {reason}")
        if fleet.has_served:
            self._starter.take_logs()
            log = quoted(Path(self._order.log_path), _LOG_LINES)
            reason = f"{reason}\nIts log ends with:\n{log}"
        self._begin_end(final("Failed", fleet.failure.step, reason), _END_S, now)

    def _accept(self, control: socket.socket) -> None:
        channel, _ = control.accept()
        conversation = Conversation(channel)

        def read() -> None:
            if not conversation.read(self._update):
                self._selector.unregister(channel)
                conversation.close()

        self._await(channel, read)

    def _update(self, conversation: Conversation, update: Update) -> None:
        launch = update.launch
        refusal = None
        if self._end is not None:
            refusal = "it is ending"
        elif self._taking_over is not None:
            refusal = f"version {self._version} is taking over; try again"
        elif self._move is not None:
            version = self._move.fleet.launch.deployment_version
            refusal = f"it is already moving to version {version}; wait for that"
        if refusal or launch.deployment_version == self._version:
            for descriptor in launch.held:
                os.close(descriptor)
            conversation.reply(refusal, is_busy=self._end is None and bool(refusal))
            return
        now = time.monotonic()
        waits = update.await_running_s > 0
        self._ignore_requests()
        self._move = _Move(
            fleet=Fleet(launch, self._starter),
            update=update,
            conversation=conversation,
            deadline_s=now + update.await_running_s if waits else None,
        )
        self._rejected = None
        say(f"version {launch.deployment_version} starts")
        self._move.fleet.start(now)
        self._publish(self._report())
        if not waits:
            conversation.reply(None)

    def _switch(self, move: _Move, now: float) -> None:
        old = self._fleet.retire(now, has_successor=True)
        self._taking_over = _TakingOver(
            before=self._fleet.launch.key,
            leaving=[*old],
            conversation=move.conversation,
        )
        self._leaving.add(old, held=self._fleet.launch.held)
        self._fleet, self._move, self._is_idle = move.fleet, None, False
        self._helper_process.change(move.update.helper)
        say(f"version {self._version} answers from now on")

    def _turn_taking_over(self) -> None:
        taking_over = self._taking_over
        if taking_over and all(worker.has_left for worker in taking_over.leaving):
            self._taking_over = None
            self._publish(self._report())
            taking_over.conversation.reply(None)

    def _reject(self, move: _Move, reason: str, now: float) -> None:
        launch = move.fleet.launch
        self._leaving.add(move.fleet.retire(now), held=launch.held)
        self._move = None
        self._rejected = f"version {launch.deployment_version} did not start: {reason}"
        say(self._rejected)
        if self._end is None and self._fleet.failure is None:
            self._publish(self._report())
        move.conversation.reply(reason)

    @property
    def _version(self) -> int:
        return self._fleet.launch.deployment_version

    def _report(self) -> Report:
        fleet, move, ready = self._fleet, self._move, self._fleet.serving
        launch, taking_over = fleet.launch, self._taking_over
        next_version = None
        if taking_over is not None:
            next_version = self._version
            reason = f"version {next_version} takes over"
            status, condition = "Updating", Condition(type="READY", reason=reason)
        elif move is not None:
            next_version = move.fleet.launch.deployment_version
            step = move.fleet.step
            reason = f"version {next_version}: {step.reason}"
            status, condition = "Updating", Condition(type=step.step, reason=reason)
        elif self._is_idle:
            reason = f"no request came for {launch.idle_s:g} s; the next one starts it"
            condition = Condition(type="READY", status=True, reason=reason)
            status = "Idle"
        elif fleet.has_served:
            is_ready = True if ready else None
            words = _words(fleet)
            if self._rejected is not None:
                kept = f"version {self._version} keeps running"
                words = f"{self._rejected}; {kept}: {words}"
            condition = Condition(type="READY", status=is_ready, reason=words)
            status = "Running"
        else:
            step = fleet.step
            status = "Starting"
            condition = Condition(type=step.step, status=True, reason=step.reason)
        return Report(
            status=status,  # type: ignore[arg-type]
            condition=condition,
            deployment=taking_over.before if taking_over else launch.key,
            available=ready,
            has_transformer=launch.transformer_script is not None,
            grpc_port=self._starter.grpc_port_of(launch),
            next_version=next_version,
        )

    def _publish(self, report: Report) -> None:
        # A reader of the report may read the log next.
        self._starter.take_logs()
        self._reporter.say(replace(report, last_error=self._record.last_error))

    def _await(self, channel: socket.socket, call: Callable[[], object]) -> None:
        self._selector.register(channel, selectors.EVENT_READ, call)

    def _await_messages(self) -> None:
        """Wake up the loop on each message of a worker."""
        workers = [*self._fleet.workers, *self._leaving.workers]
        if self._move is not None:
            workers += self._move.fleet.workers
        wanted = {it.channel for it in workers if not it.is_silent}
        for channel in self._channels - wanted:
            self._selector.unregister(channel)
        for channel in wanted - self._channels:
            self._await(channel, _nothing)
        self._channels = wanted

    def _await_request(self) -> None:
        """Wake up the loop when a client connects; a worker will accept it."""
        if not self._is_awaiting_request:
            self._is_awaiting_request = True
            self._await(self._starter.listener, self._wake)

    def _ignore_requests(self) -> None:
        if self._is_awaiting_request:
            self._is_awaiting_request = False
            self._selector.unregister(self._starter.listener)

    def _wake(self) -> None:
        self._ignore_requests()
        say("a request came: workers start")
        self._fleet.start(time.monotonic())

    def _on_signal(self, *_: object) -> None:
        self._is_told_to_end = True


def _words(fleet: Fleet) -> str:
    if fleet.is_serving:
        words = "the server answers requests"
        return f"{words}; {fleet.last_end}" if fleet.last_end else words
    ready = f"{fleet.serving} of {fleet.launch.instances} workers answer requests"
    return f"{ready}; {fleet.trouble}" if fleet.trouble else ready


def _nothing() -> None:
    pass
