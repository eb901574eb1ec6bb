import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from hopsartifacts.errors import NotRunningError, PredictionError
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local import LocalBackend
from tests.serving.conftest import FLOWERS, said_by, wait_until

ASK = {"instances": [[1, 2]]}

Elsewhere = Callable[..., subprocess.Popen[str]]
Live = Callable[[], list[psutil.Process]]


@pytest.fixture
def hanging(make_launch: Any) -> Launch:
    launch: Launch = make_launch(
        """
        class Predict:
            def predict(self, inputs):
                print("hanging", flush=True)
                while True:
                    pass
        """
    )
    return launch


@pytest.fixture
def with_children(make_launch: Any) -> Launch:
    launch: Launch = make_launch(
        """
        import subprocess, sys
        CODE = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"

        class Predict:
            def __init__(self):
                for own_session in [False, True]:
                    subprocess.Popen(
                        [sys.executable, "-c", CODE], start_new_session=own_session
                    )

            def predict(self, inputs):
                return inputs
        """
    )
    return launch


def hang(backend: LocalBackend, pool: ThreadPoolExecutor) -> Any:
    prediction = pool.submit(backend.predict, FLOWERS, ASK)
    wait_until(lambda: "hanging" in backend.read_logs(FLOWERS, "predictor", 10))
    return prediction


def test_a_deployment_ends_with_the_process_that_started_it(
    start_elsewhere: Elsewhere, echo: Launch, backend: LocalBackend, live: Live
) -> None:
    starter = start_elsewhere(echo)
    assert said_by(starter)
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}
    starter.kill()
    wait_until(lambda: not live(), timeout_s=15)
    state = backend.state(FLOWERS)
    assert state.status == "Stopped"
    assert state.condition is not None
    assert state.condition.reason == "the process that started the deployment ended"


def test_it_ends_with_its_starter_also_while_it_hangs(
    start_elsewhere: Elsewhere, hanging: Launch, backend: LocalBackend, live: Live
) -> None:
    starter = start_elsewhere(hanging)
    assert said_by(starter)
    with ThreadPoolExecutor() as pool:
        prediction = hang(backend, pool)
        starter.kill()
        wait_until(lambda: not live(), timeout_s=30)
        with pytest.raises(NotRunningError):
            prediction.result(30)
    assert backend.state(FLOWERS).status == "Stopped"


def test_a_starter_that_ends_in_order_takes_its_deployment_along(
    start_elsewhere: Elsewhere, echo: Launch, live: Live
) -> None:
    starter = start_elsewhere(echo)
    assert said_by(starter)
    starter.communicate("")
    assert starter.returncode == 0
    wait_until(lambda: not live(), timeout_s=15)


@pytest.mark.parametrize("ends", [subprocess.Popen.kill, subprocess.Popen.communicate])
def test_a_detached_deployment_outlives_its_starter_and_is_stopped_by_another(
    start_elsewhere: Elsewhere,
    echo: Launch,
    backend: LocalBackend,
    live: Live,
    ends: Callable[[subprocess.Popen[str]], Any],
) -> None:
    starter = start_elsewhere(echo, detach=True)
    revision = said_by(starter)
    ends(starter)
    starter.wait(30)
    time.sleep(1.2)
    backend.start(echo, await_running_s=60)
    assert backend.state(FLOWERS).revision == revision
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}
    backend.stop(FLOWERS, await_stopped_s=30)
    assert live() == []


def test_a_killed_keeper_of_another_process_has_failed(
    start_elsewhere: Elsewhere, echo: Launch, backend: LocalBackend, keepers: Live
) -> None:
    starter = start_elsewhere(echo)
    assert said_by(starter)
    [keeper] = keepers()
    keeper.kill()
    wait_until(lambda: backend.state(FLOWERS).status == "Failed")
    state = backend.state(FLOWERS)
    assert state.condition is not None
    assert "was killed, or the machine restarted" in str(state.condition.reason)


def test_of_two_starts_at_once_one_starts_and_both_succeed(
    start_elsewhere: Elsewhere, echo: Launch, keepers: Live
) -> None:
    starters = [start_elsewhere(echo, detach=True) for _ in range(2)]
    revisions = [said_by(starter) for starter in starters]
    assert len(set(revisions)) == 1
    assert "Error" not in revisions[0]
    assert len(keepers()) == 1


def test_of_two_versions_at_once_one_is_refused(
    start_elsewhere: Elsewhere, echo: Launch, make_launch: Any
) -> None:
    code = "class Predict:\n    def predict(self, inputs): ..."
    starters = [
        start_elsewhere(launch, detach=True)
        for launch in [echo, make_launch(code, deployment_version=4)]
    ]
    words = [said_by(starter) for starter in starters]
    assert words.count("DeploymentFailedError") == 1


def test_a_deployment_about_to_end_with_its_starter_is_started_again(
    start_elsewhere: Elsewhere, echo: Launch, backend: LocalBackend
) -> None:
    starter = start_elsewhere(echo)
    revision = said_by(starter)
    starter.kill()
    starter.wait(30)
    backend.start(echo, await_running_s=60)
    assert backend.state(FLOWERS).revision != revision
    time.sleep(1.2)
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}


def test_a_hanging_prediction_does_not_prevent_the_stop(
    hanging: Launch, backend: LocalBackend, live: Live
) -> None:
    backend.start(hanging, await_running_s=60)
    with ThreadPoolExecutor() as pool:
        prediction = hang(backend, pool)
        backend.stop(FLOWERS, await_stopped_s=30)
        assert live() == []
        with pytest.raises(PredictionError, match="the server is stopping") as raised:
            prediction.result(30)
        assert raised.value.status == 503
    assert backend.state(FLOWERS).status == "Stopped"


def test_a_request_under_way_is_answered_before_the_end(
    make_launch: Any, backend: LocalBackend
) -> None:
    launch = make_launch(
        """
        import time
        class Predict:
            def predict(self, inputs):
                print("hanging", flush=True)
                time.sleep(1)
                return inputs
        """
    )
    backend.start(launch, await_running_s=60)
    with ThreadPoolExecutor() as pool:
        prediction = hang(backend, pool)
        backend.stop(FLOWERS, await_stopped_s=30)
        assert prediction.result(30) == {"predictions": [[1, 2]]}


def test_a_server_that_cannot_listen_to_signals_is_killed(
    make_launch: Any,
    backend: LocalBackend,
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launch = make_launch(
        """
        class Predict:
            async def predict(self, inputs):
                print("hanging", flush=True)
                while True:
                    pass
        """
    )
    monkeypatch.setattr("hopsartifacts.serving.local.keepers.STOP_GRACE_S", 0.5)
    backend.start(launch, await_running_s=60)
    with ThreadPoolExecutor() as pool:
        prediction = hang(backend, pool)
        backend.stop(FLOWERS, await_stopped_s=0)
        assert live() == []
        with pytest.raises(NotRunningError):
            prediction.result(30)
    assert backend.state(FLOWERS).status == "Stopped"


def test_what_a_script_started_ends_with_the_deployment(
    with_children: Launch, backend: LocalBackend, live: Live
) -> None:
    backend.start(with_children, await_running_s=60)
    wait_until(lambda: len(live()) == 4)
    backend.stop(FLOWERS, await_stopped_s=30)
    assert live() == []


def test_what_a_killed_keeper_left_behind_is_found(
    with_children: Launch, backend: LocalBackend, live: Live, keepers: Live
) -> None:
    backend.start(with_children, await_running_s=60)
    wait_until(lambda: len(live()) == 4)
    [keeper] = keepers()
    keeper.kill()
    # The worker ends by itself, what it started does not.
    wait_until(lambda: len(live()) == 2)
    backend.stop(FLOWERS, await_stopped_s=0)
    assert live() == []


def test_what_a_killed_worker_left_behind_is_ended(
    with_children: Launch, backend: LocalBackend, live: Live, workers: Live
) -> None:
    backend.start(with_children, await_running_s=60)
    wait_until(lambda: len(live()) == 4)
    before = {process.pid for process in live()}
    [worker] = workers()
    worker.kill()
    wait_until(lambda: len({process.pid for process in live()} - before) == 3)
    wait_until(lambda: len(live()) == 4)


def test_a_keeper_told_to_end_by_others_stops_in_order(
    echo: Launch, backend: LocalBackend, live: Live, keepers: Live
) -> None:
    backend.start(echo, await_running_s=60)
    [keeper] = keepers()
    os.kill(keeper.pid, signal.SIGTERM)
    wait_until(lambda: not live())
    assert backend.state(FLOWERS).status == "Stopped"


def test_a_recycled_process_id_is_nobody(
    start_elsewhere: Elsewhere,
    echo: Launch,
    backend: LocalBackend,
    run_root: Path,
    live: Live,
) -> None:
    starter = start_elsewhere(echo, detach=True)
    assert said_by(starter)
    [record] = run_root.glob("*/flowers/run.json")
    run = msgspec.json.decode(record.read_bytes())
    stranger = {**run, "pid": os.getpid()}
    record.write_bytes(msgspec.json.encode(stranger))
    assert backend.state(FLOWERS).status == "Failed"
    backend.stop(FLOWERS, await_stopped_s=0)
    assert live() == [], "the real server carries the revision all the same"


def test_a_clock_that_was_set_does_not_hide_a_server(
    start_elsewhere: Elsewhere, echo: Launch, backend: LocalBackend, run_root: Path
) -> None:
    starter = start_elsewhere(echo)
    assert said_by(starter)
    [record] = run_root.glob("*/flowers/run.json")
    run = msgspec.json.decode(record.read_bytes())
    record.write_bytes(
        msgspec.json.encode({**run, "created_s": run["created_s"] - 3600})
    )
    assert backend.state(FLOWERS).status == "Running"


def test_after_a_crash_of_the_machine_nothing_runs(
    echo: Launch, backend: LocalBackend, run_root: Path
) -> None:
    backend.start(echo, await_running_s=60)
    backend.stop(FLOWERS, await_stopped_s=30)
    for path in run_root.glob("*/flowers/*.json"):
        path.write_bytes(b"")
    assert backend.state(FLOWERS).status == "Created"
    backend.start(echo, await_running_s=60)
    assert backend.state(FLOWERS).status == "Running"
