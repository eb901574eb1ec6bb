from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local.control import Patience
from hopsartifacts.serving.local.keeper.fleet import Fleet
from hopsartifacts.serving.runtime.keeper_link import WorkerMessage

PATIENCE = Patience(failures=4, backoff_s=1, steady_s=10, hang_s=5, ping_s=1)


class MadeUpWorker:
    """Says what it is told to, and ends when it is told to."""

    def __init__(self, now: float) -> None:
        self.state = "loading"
        self.asked_s = now
        self.waiting_s: float | None = None
        self.requests = 0
        self.is_explained = False
        self.why: str | None = None
        self.code: int | None = None
        self.said: list[WorkerMessage] = []
        self.orders: list[str] = []

    def messages(self) -> list[WorkerMessage]:
        said, self.said = self.said, []
        return said

    def exit_code(self) -> int | None:
        return self.code

    def ask(self, order: str) -> None:
        self.orders.append(order)

    def kill(self, why: str) -> None:
        self.why, self.code = self.why or why, -9


class MadeUpRecord:
    """Keeps what no worker explained."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def fail(self, reason: str, version: int) -> None:
        assert version > 0
        self.failures.append(reason)


class MadeUpStarter:
    """Starts workers in name only."""

    patience = PATIENCE

    def __init__(self) -> None:
        self.record = MadeUpRecord()
        self.started: list[tuple[float, MadeUpWorker]] = []
        self.error: OSError | None = None

    def start(self, _launch: Launch, _index: int, now: float) -> MadeUpWorker:
        if self.error is not None:
            raise self.error
        self.started.append((now, MadeUpWorker(now)))
        return self.started[-1][1]

    def clean_up_after(self, worker: MadeUpWorker) -> None:
        assert worker.code is not None


@pytest.fixture
def starter() -> Any:
    return MadeUpStarter()


@pytest.fixture
def fleet(echo: Launch, starter: Any) -> Fleet:
    made = Fleet(echo, starter)
    made.start(0)
    starter.started[0][1].said = [
        WorkerMessage(kind="loaded"),
        WorkerMessage(kind="serving"),
    ]
    made.tick(0)
    assert made.has_served
    return made


def newest(starter: MadeUpStarter) -> MadeUpWorker:
    return starter.started[-1][1]


def live(fleet: Fleet, start_s: float, end_s: float) -> None:
    for tenths in range(int(start_s * 10), int(end_s * 10) + 1):
        fleet.tick(tenths / 10)


def test_each_restart_in_a_row_waits_twice_as_long(fleet: Fleet, starter: Any) -> None:
    times = []
    now = 0.0
    for wait_s in [1, 2, 4]:
        newest(starter).code = 1
        live(fleet, now, now + wait_s)
        now += wait_s
        assert starter.started[-1][0] == now
        newest(starter).said = [WorkerMessage(kind="serving")]
        fleet.tick(now)
        times.append(now)
        assert fleet.failure is None
    newest(starter).code = 1
    fleet.tick(now)
    assert fleet.failure is not None
    assert "ended 4 times in a row" in fleet.failure.reason
    assert "exit code 1" in fleet.failure.reason


def test_a_worker_that_served_for_a_while_did_not_fail_in_a_row(
    fleet: Fleet, starter: Any
) -> None:
    newest(starter).code = 1
    live(fleet, 0, 1)
    newest(starter).said = [WorkerMessage(kind="serving")]
    for second in range(1, 13):
        live(fleet, second, second + 0.9)
        newest(starter).said = [WorkerMessage(kind="alive")]
    newest(starter).code = 1
    live(fleet, 13, 14)
    assert starter.started[-1][0] == 14, "as after a first failure"


def test_what_ends_before_it_ever_served_is_not_started_again(
    echo: Launch, starter: Any
) -> None:
    fleet = Fleet(echo, starter)
    fleet.start(0)
    newest(starter).said = [
        WorkerMessage(kind="starting", step="INITIALIZED", reason="up")
    ]
    newest(starter).code = -9
    fleet.tick(0)
    assert fleet.failure is not None
    assert (fleet.failure.step, len(starter.started)) == ("INITIALIZED", 1)
    assert "SIGKILL" in fleet.failure.reason


def test_only_a_question_without_an_answer_is_a_hang(
    fleet: Fleet, starter: Any
) -> None:
    live(fleet, 0, 1.2)
    assert newest(starter).orders == ["ping"]
    newest(starter).said = [WorkerMessage(kind="alive")]
    # A keeper that slept has not asked meanwhile.
    fleet.tick(1000)
    assert newest(starter).code is None
    fleet.tick(1006)
    why = newest(starter).why
    assert why is not None
    assert why.startswith("its event loop did not turn for 5 s: an async method")
    assert "HOPSARTIFACTS_HANG_SECONDS" in why


def test_a_deployment_may_say_how_long_its_loop_may_stand_still(
    make_launch: Any, starter: Any
) -> None:
    launch = make_launch("", env_vars={"HOPSARTIFACTS_HANG_SECONDS": "60"})
    fleet = Fleet(launch, starter)
    fleet.start(0)
    newest(starter).said = [WorkerMessage(kind="serving")]
    live(fleet, 0, 60)
    assert newest(starter).why is None
    fleet.tick(62)
    assert "did not turn for 60 s" in str(newest(starter).why)


def test_why_a_worker_was_replaced_is_still_told_when_all_serve(
    fleet: Fleet, starter: Any
) -> None:
    assert fleet.last_end is None
    newest(starter).why, newest(starter).code = "it used 1360 MB", -9
    live(fleet, 0, 1)
    newest(starter).said = [WorkerMessage(kind="serving")]
    fleet.tick(1)
    assert fleet.is_serving
    assert fleet.trouble is None
    assert str(fleet.last_end).startswith("worker 1 was replaced at 20")
    assert "(it used 1360 MB)" in str(fleet.last_end)


def test_requests_are_noticed(fleet: Fleet, starter: Any) -> None:
    fleet.tick(3)
    assert fleet.quiet_s(3) == 3
    newest(starter).said = [WorkerMessage(kind="alive", requests=1)]
    fleet.tick(3)
    assert fleet.quiet_s(4) == 1
    newest(starter).said = [WorkerMessage(kind="alive", requests=1)]
    fleet.tick(5)
    assert fleet.quiet_s(5) == 2
    newest(starter).said = [WorkerMessage(kind="alive", requests=1, is_busy=True)]
    fleet.tick(6)
    assert fleet.quiet_s(6) == 0


def test_a_worker_that_cannot_be_started_counts_as_ended(
    fleet: Fleet, starter: Any
) -> None:
    starter.error = OSError(12, "Cannot allocate memory")
    newest(starter).code = 1
    live(fleet, 0, 8)
    assert fleet.failure is not None
    assert "could not be started: [Errno 12]" in fleet.failure.reason


def test_pauses_grow_to_the_longest_however_often_it_ends() -> None:
    assert [PATIENCE.pause_s(ends, 30) for ends in (1, 2, 3, 6)] == [1, 2, 4, 30]
    # In a day and more.
    assert PATIENCE.pause_s(10_000, 30) == 30


def test_one_that_keeps_ending_does_not_end_those_that_serve(
    make_launch: Any, starter: Any
) -> None:
    starter.patience = replace(PATIENCE, hang_s=1e9)
    fleet = Fleet(make_launch("", instances=2), starter)
    fleet.start(0)
    for _, worker in starter.started:
        worker.said = [WorkerMessage(kind="loaded"), WorkerMessage(kind="serving")]
    fleet.tick(0)
    steady = starter.started[0][1]
    while len(starter.started) < PATIENCE.failures + 6:
        newest(starter).code = 1
        now = starter.started[-1][0]
        live(fleet, now, now + 40)
        assert fleet.failure is None
        assert fleet.serving == 1
        assert "worker 2 ended" in (fleet.trouble or "")
    pauses = [late - early for (early, _), (late, _) in pairwise(starter.started[2:])]
    assert max(pauses) <= 30.1
    # Now nobody is left.
    steady.code = newest(starter).code = 1
    live(fleet, starter.started[-1][0], starter.started[-1][0] + 1)
    assert fleet.failure is not None
