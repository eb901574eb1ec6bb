import errno
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from hopsartifacts.errors import (
    DeploymentFailedError,
    InvalidInputError,
    NotRunningError,
    PortTakenError,
)
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local import LocalBackend
from tests.serving.conftest import FLOWERS

ASK = {"instances": [[1, 2]]}
PREDICT = "class Predict:\n    def predict(self, x): return x\n"

BAD_SCRIPTS = [
    (
        f"raise ValueError('boom')\n{PREDICT}",
        None,
        r"importing the predictor script predictor-script\.py failed: ValueError: boom",
    ),
    ("exit(3)", None, "importing the predictor script .* failed: SystemExit: 3"),
    ("class Other: ...", None, "failed: the script has no class Predictor"),
    (
        "class Predict:\n    predict = 1\n    def __init__(self): 1 / 0",
        None,
        "failed: class Predict has no method predict",
    ),
    (
        "class Predict:\n    predict = print\n    def __init__(self): 1 / 0",
        None,
        r"creating the predictor with Predict\.__init__ .* ZeroDivisionError",
    ),
    (
        PREDICT,
        "class Transformer:\n    def __init__(self, secret): ...",
        "creating the transformer with .* requires 'secret'",
    ),
    (None, None, "models of framework PYTHON need a predictor script"),
]


@pytest.mark.parametrize(("predictor", "transformer", "reason"), BAD_SCRIPTS)
def test_a_bad_script_fails_with_its_reason_and_its_log(
    backend: LocalBackend,
    make_launch: Any,
    live: Callable[[], list[Any]],
    predictor: str | None,
    transformer: str | None,
    reason: str,
) -> None:
    launch = make_launch(predictor, transformer)
    with pytest.raises(DeploymentFailedError, match=reason) as raised:
        backend.start(launch, await_running_s=60)
    assert "Its log ends with:\nTraceback" in str(raised.value)
    assert live() == []
    state = backend.state(FLOWERS)
    assert state.status == "Failed"
    assert state.condition is not None
    assert (state.condition.type, state.condition.status) == ("STARTED", False)
    assert "Traceback" in backend.read_logs(FLOWERS, "predictor", 1000)


def test_after_a_failure_a_better_version_starts(
    backend: LocalBackend, make_launch: Any
) -> None:
    with pytest.raises(DeploymentFailedError):
        backend.start(make_launch("1 / 0"), await_running_s=60)
    backend.start(make_launch(PREDICT, deployment_version=4), await_running_s=60)
    backend.stop(FLOWERS, await_stopped_s=30)
    assert backend.state(FLOWERS).status == "Stopped"


def test_a_server_that_takes_too_long_is_ended(
    backend: LocalBackend, make_launch: Any, live: Callable[[], list[Any]]
) -> None:
    launch = make_launch("import time\ntime.sleep(600)")
    message = r"not ready within 1\.5 s; its last report: .*\. Its log says more"
    with pytest.raises(DeploymentFailedError, match=message):
        backend.start(launch, await_running_s=1.5)
    assert live() == []


def test_a_start_that_ignores_the_end_is_killed(
    backend: LocalBackend, make_launch: Any, live: Callable[[], list[Any]]
) -> None:
    launch = make_launch(
        """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        """
    )
    with pytest.raises(DeploymentFailedError, match="not ready within"):
        backend.start(launch, await_running_s=1.5)
    assert live() == []
    state = backend.state(FLOWERS)
    assert state.status == "Failed"
    assert state.condition is not None
    assert "not ready within" in str(state.condition.reason)


def test_a_start_interrupted_by_the_user_leaves_nothing(
    backend: LocalBackend,
    make_launch: Any,
    live: Callable[[], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class InterruptedTime:
        monotonic = time.monotonic

        def sleep(self, _: float) -> None:
            raise KeyboardInterrupt

    launch = make_launch("import time\ntime.sleep(600)")
    module = "hopsartifacts.serving.local.backend"
    monkeypatch.setattr(f"{module}.time", InterruptedTime())
    with pytest.raises(KeyboardInterrupt):
        backend.start(launch, await_running_s=60)
    assert live() == []
    assert backend.state(FLOWERS).status == "Stopped"


def test_a_taken_port_starts_nothing(
    backend: LocalBackend, echo: Launch, run_root: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} is in use"):
            backend.start(echo, await_running_s=60, port=port)
    assert backend.state(FLOWERS).status == "Created"
    assert not list(run_root.glob("*/flowers"))
    assert not (tmp_path / "Logs").exists()


def test_a_port_is_free_again_after_the_stop(
    backend: LocalBackend, echo: Launch
) -> None:
    backend.start(echo, await_running_s=60)
    port = backend.state(FLOWERS).port
    for _ in range(2):
        backend.predict(FLOWERS, ASK)
        backend.stop(FLOWERS, await_stopped_s=30)
        backend.start(echo, await_running_s=60, port=port)
    assert backend.state(FLOWERS).port == port


def test_a_port_that_does_not_exist_is_refused(
    backend: LocalBackend, echo: Launch
) -> None:
    with pytest.raises(InvalidInputError, match="port 70000 does not exist"):
        backend.start(echo, await_running_s=60, port=70_000)


def test_a_port_that_is_not_the_users_is_a_failure(
    backend: LocalBackend, echo: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(DeploymentFailedError, match="port 80: Permission denied"):
        backend.start(echo, await_running_s=60, port=80)


def test_a_killed_keeper_has_failed(
    backend: LocalBackend,
    echo: Launch,
    keepers: Callable[[], list[psutil.Process]],
    live: Callable[[], list[psutil.Process]],
) -> None:
    backend.start(echo, await_running_s=60)
    backend.predict(FLOWERS, ASK)
    [keeper] = keepers()
    os.kill(keeper.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while backend.state(FLOWERS).status == "Running" and time.monotonic() < deadline:
        time.sleep(0.02)
    state = backend.state(FLOWERS)
    assert state.status == "Failed"
    assert state.condition is not None
    assert state.condition.reason == (
        "the server process ended with signal 9 (SIGKILL)"
    )
    with pytest.raises(NotRunningError, match=r"is Failed .*SIGKILL"):
        backend.predict(FLOWERS, ASK)
    while live() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert live() == [], "workers end without their keeper"
    backend.stop(FLOWERS, await_stopped_s=0)
    state = backend.state(FLOWERS)
    assert (state.status, state.condition is not None) == ("Stopped", True)
    assert "it had failed: the server process ended with signal 9" in str(
        state.condition
    )


LONG_ENDS = {
    "an error": "raise ValueError('x' * 1_000_000)",
    "a line": "print('x' * 1_000_000, flush=True); raise ValueError('short')",
}


@pytest.mark.parametrize("code", LONG_ENDS.values(), ids=LONG_ENDS)
def test_what_a_script_says_does_not_flood_errors_and_states(
    backend: LocalBackend, make_launch: Any, code: str
) -> None:
    with pytest.raises(DeploymentFailedError) as caught:
        backend.start(make_launch(code), await_running_s=60)
    assert len(str(caught.value)) < 12_000
    assert "Its log ends with:" in str(caught.value)
    assert len(str(backend.state(FLOWERS).condition)) < 5_000
    backend.stop(FLOWERS, await_stopped_s=0)
    assert "it had failed: " in str(backend.state(FLOWERS).condition)


def test_a_worker_that_dies_while_it_predicts_fails_that_request_only(
    backend: LocalBackend, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import os
        class Predict:
            def predict(self, inputs):
                if inputs == [[0]]:
                    os._exit(7)
                return inputs
        """
    )
    backend.start(launch, await_running_s=60)
    with pytest.raises(NotRunningError, match="ended while it answered") as caught:
        backend.predict(FLOWERS, {"instances": [[0]]})
    assert "ended with exit code 7" in str(caught.value), "the state knows why"
    # It waits until there is another worker.
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}
    log = backend.read_logs(FLOWERS, "predictor", 100)
    assert "worker 1 ended (the server process ended with exit code 7)" in log
