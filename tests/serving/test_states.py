import pytest
from msgspec.structs import replace

from hopsartifacts.serving.contract import Condition, RunState, Status
from hopsartifacts.serving.local.processes import run_state
from hopsartifacts.serving.local.runs import Report, Run
from tests.serving.conftest import FLOWERS

RUN = Run(
    deployment=FLOWERS,
    revision="r1",
    pid=1,
    created_s=0.0,
    port=80,
    parent_pid=None,
    log_path="log",
    order_path="launch.json",
)
READY = Condition(type="READY", status=True, reason="ready")


def test_a_live_server_that_said_nothing_is_scheduled() -> None:
    state = run_state(RUN, None, is_alive=True, exit_code=None)
    assert state.status == "Starting"
    assert state.condition is not None
    assert state.condition.type == "SCHEDULED"
    assert state.available_predictor_instances == 0


def test_workers_that_serve_count_as_both_of_their_components() -> None:
    report = Report(
        status="Running",
        condition=READY,
        deployment=replace(FLOWERS, version=4),
        available=2,
        has_transformer=True,
        grpc_port=81,
    )
    assert run_state(RUN, report, is_alive=True, exit_code=None) == RunState(
        status="Running",
        condition=READY,
        available_predictor_instances=2,
        available_transformer_instances=2,
        deployment_version=4,
        url="http://127.0.0.1:80",
        port=80,
        grpc_port=81,
        revision="r1",
        started_s=RUN.created_s,
        is_detached=True,
    )


@pytest.mark.parametrize("is_alive", [True, False])
@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_last_word_stands(status: Status, *, is_alive: bool) -> None:
    report = Report(status=status, condition=READY)
    state = run_state(RUN, report, is_alive=is_alive, exit_code=0)
    assert state == RunState(status=status, condition=READY, revision="r1")


@pytest.mark.parametrize(
    ("exit_code", "reason"),
    [
        (-9, "the server process ended with signal 9 (SIGKILL)"),
        (-63, "the server process ended with signal 63"),
        (1, "the server process ended with exit code 1"),
        (None, "the server process is gone: it was killed, or the machine restarted"),
    ],
)
def test_an_end_without_a_word_is_a_failure(exit_code: int | None, reason: str) -> None:
    report = Report(status="Running", condition=READY)
    state = run_state(RUN, report, is_alive=False, exit_code=exit_code)
    assert state.status == "Failed"
    assert state.condition == Condition(type="READY", status=False, reason=reason)
    assert state.port is None
