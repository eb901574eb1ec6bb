import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from hopsartifacts.errors import (
    DeploymentFailedError,
    NotRunningError,
    UnsupportedHereError,
)
from hopsartifacts.serving.contract import Launch, Limits
from hopsartifacts.serving.local import LocalBackend, keepers
from hopsartifacts.serving.local.control import Patience
from hopsartifacts.serving.process_environment import HANG_SECONDS
from tests.serving.clients import under_load
from tests.serving.conftest import FLOWERS, said_by, wait_until

ASK = {"instances": [[1, 2]]}
Live = Callable[[], list[psutil.Process]]


@pytest.fixture
def says_who(make_launch: Any) -> Callable[..., Launch]:
    """Make launches whose answers name the version and the process they come from."""

    def make(version: int = 3, **changes: Any) -> Launch:
        code = """
        import os, time
        class Predict:
            def predict(self, inputs):
                time.sleep(0.002)
                return [int(os.environ["DEPLOYMENT_VERSION"]), os.getpid()]
        """
        launch: Launch = make_launch(code, deployment_version=version, **changes)
        return launch

    return make


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience(failures=3, backoff_s=0.05, hang_s=1, ping_s=0.1)
    monkeypatch.setattr(keepers, "PATIENCE", patience)


def has(count: int, processes: Live) -> bool:
    return len(processes()) == count


def open_files(pid: int) -> set[str]:
    return {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}


def reason_of(backend: LocalBackend) -> str:
    condition = backend.state(FLOWERS).condition
    assert condition is not None
    return str(condition.reason)


def test_instances_share_a_port(
    backend: LocalBackend, says_who: Callable[..., Launch], workers: Live
) -> None:
    backend.start(says_who(instances=2), await_running_s=60)
    state = backend.state(FLOWERS)
    assert state.available_predictor_instances == len(workers()) == 2
    assert state.port is not None
    seen: set[int] = set()
    deadline = time.monotonic() + 30
    while len(seen) < 2:
        assert time.monotonic() < deadline, seen
        with under_load(state.port) as load:
            wait_until(lambda: len(load.answers) > 20)
        assert load.failures == []
        seen |= {pid for _, pid in load.answers}


def test_a_killed_worker_takes_only_its_own_requests_along(
    backend: LocalBackend, says_who: Callable[..., Launch], workers: Live
) -> None:
    backend.start(says_who(instances=2), await_running_s=60)
    with under_load(backend.state(FLOWERS).port) as load:
        wait_until(lambda: len(load.answers) > 100)
        killed = workers()[0]
        killed.kill()
        wait_until(lambda: backend.state(FLOWERS).available_predictor_instances < 2)
        assert backend.state(FLOWERS).status == "Running"
        assert "1 of 2 workers answer requests" in reason_of(backend)
        assert "SIGKILL" in reason_of(backend)
        so_far = len(load.answers)
        wait_until(lambda: backend.state(FLOWERS).available_predictor_instances == 2)
        wait_until(lambda: len(load.answers) > so_far + 100)
        assert killed.pid not in {pid for _, pid in load.answers[so_far + 50 :]}
    assert len(load.failures) <= 8, "at most one for each client"


def test_versions_are_switched_without_a_failed_request(
    backend: LocalBackend, says_who: Callable[..., Launch], workers: Live
) -> None:
    backend.start(says_who(3), await_running_s=60)
    before = backend.state(FLOWERS)
    with under_load(before.port) as load:
        for version, instances in [(4, 2), (5, 1)]:
            wait_until(lambda: len(load.answers) > 100)
            launch = says_who(version, instances=instances)
            backend.update(launch, await_running_s=60)
            state = backend.state(FLOWERS)
            assert (state.status, state.deployment_version) == ("Running", version)
            assert state.available_predictor_instances == instances
            assert (state.port, state.revision) == (before.port, before.revision)
            # What is asked now, over whichever connection, comes from this version
            # once the answers under way are through.
            wait_until(partial(has, instances, workers))
            load.answers.clear()
            wait_until(lambda: len(load.answers) > 100)
            assert {answered for answered, _ in load.answers} == {version}
    assert load.failures == []


@pytest.fixture
def connect(backend: LocalBackend) -> Iterator[Callable[[], socket.socket]]:
    """Open connections that are never opened again."""
    with ExitStack() as opened:

        def open_one() -> socket.socket:
            port = backend.state(FLOWERS).port
            address = "127.0.0.1", port
            return opened.enter_context(socket.create_connection(address, timeout=60))

        yield open_one


def answer_on(connection: socket.socket, request: bytes) -> tuple[list[int], bool]:
    """Return what is predicted, and whether the connection stays open."""
    connection.sendall(request)
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    body = answer.read()
    assert answer.status == 200, body
    return json.loads(body)["predictions"], not answer.will_close


BODY = b'{"instances": [[1]]}'
REQUEST = (
    b"POST /v1/models/flowers:predict HTTP/1.1\r\nhost: here\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
) % (len(BODY), BODY)


def test_quiet_connections_are_passed_to_the_next_version(
    backend: LocalBackend,
    says_who: Callable[..., Launch],
    connect: Callable[[], socket.socket],
    workers: Live,
) -> None:
    backend.start(says_who(3, instances=2), await_running_s=60)
    used, unused = connect(), connect()
    assert answer_on(used, REQUEST)[0][0] == 3
    for version in (4, 5):
        before = {worker.pid for worker in workers()}
        backend.update(says_who(version, instances=2), await_running_s=60)
        # Whether those who had them are there yet or not.
        if version == 5:
            wait_until(lambda: not before & {it.pid for it in workers()})  # noqa: B023
        predictions, stays_open = answer_on(used, REQUEST)
        assert predictions[0] == version
        assert predictions[1] in {worker.pid for worker in workers()} - before
        assert stays_open
    assert answer_on(unused, REQUEST)[0][0] == 5


@pytest.mark.parametrize("at", [10, 60, len(REQUEST) - 5])
def test_a_request_that_has_begun_is_answered_by_who_has_it(
    backend: LocalBackend,
    says_who: Callable[..., Launch],
    connect: Callable[[], socket.socket],
    at: int,
) -> None:
    backend.start(says_who(3), await_running_s=60)
    connection = connect()
    assert answer_on(connection, REQUEST)[0][0] == 3
    connection.sendall(REQUEST[:at])
    time.sleep(0.2)
    backend.update(says_who(4), await_running_s=60)
    # Longer than quiet connections stay open when nobody takes them.
    time.sleep(1.5)
    predictions, stays_open = answer_on(connection, REQUEST[at:])
    assert predictions[0] == 3
    assert not stays_open


@pytest.mark.parametrize(
    ("code", "await_running_s", "reason"),
    [
        (
            "raise ValueError('boom')",
            60,
            "failed: ValueError: boom; version 3 keeps running",
        ),
        ("import os; os._exit(4)", 60, "exit code 4; version 3 keeps running"),
        ("import time; time.sleep(600)", 1, r"not ready within 1 s; .*version 3 keeps"),
    ],
)
def test_a_version_that_does_not_get_ready_leaves_the_one_before(
    backend: LocalBackend,
    says_who: Callable[..., Launch],
    make_launch: Any,
    workers: Live,
    code: str,
    await_running_s: float,
    reason: str,
) -> None:
    backend.start(says_who(3), await_running_s=60)
    before = {worker.pid for worker in workers()}
    with under_load(backend.state(FLOWERS).port, clients=2) as load:
        bad = make_launch(code, deployment_version=4, instances=2)
        with pytest.raises(DeploymentFailedError, match=reason):
            backend.update(bad, await_running_s=await_running_s)
        state = backend.state(FLOWERS)
        assert (state.status, state.deployment_version) == ("Running", 3)
        assert "version 4 did not start" in reason_of(backend)
        wait_until(lambda: {worker.pid for worker in workers()} == before)
    assert load.failures == []
    assert {version for version, _ in load.answers} == {3}
    backend.update(says_who(5), await_running_s=60)
    assert backend.predict(FLOWERS, ASK)["predictions"][0] == 5


def test_an_update_can_be_watched_and_the_next_one_waits(
    backend: LocalBackend, says_who: Callable[..., Launch], make_launch: Any
) -> None:
    backend.start(says_who(3), await_running_s=60)
    slow = make_launch(
        """
        import time
        time.sleep(1.5)
        class Predict:
            def predict(self, inputs): return [4, 0]
        """,
        deployment_version=4,
    )
    backend.update(slow, await_running_s=0)
    state = backend.state(FLOWERS)
    assert (state.status, state.deployment_version) == ("Updating", 3)
    assert "version 4" in reason_of(backend)
    assert backend.predict(FLOWERS, ASK)["predictions"][0] == 3
    with pytest.raises(
        DeploymentFailedError, match="already moving to version 4; wait"
    ):
        backend.update(says_who(5), await_running_s=0)
    backend.update(says_who(5), await_running_s=60)
    assert backend.state(FLOWERS).deployment_version == 5
    assert backend.predict(FLOWERS, ASK)["predictions"][0] == 5


def test_what_does_not_run_cannot_move(
    backend: LocalBackend, says_who: Callable[..., Launch]
) -> None:
    with pytest.raises(NotRunningError, match="does not run: start it"):
        backend.update(says_who(4), await_running_s=60)
    backend.start(says_who(3), await_running_s=60)
    with pytest.raises(UnsupportedHereError):
        backend.update(says_who(4, framework="LLM"), await_running_s=60)
    assert backend.predict(FLOWERS, ASK)["predictions"][0] == 3


@pytest.mark.usefixtures("impatient")
def test_without_requests_workers_end_and_the_next_request_brings_them_back(
    backend: LocalBackend,
    says_who: Callable[..., Launch],
    workers: Live,
    keepers: Live,
) -> None:
    backend.start(says_who(idle_s=0.5, instances=2), await_running_s=60)
    for _ in range(2):
        wait_until(lambda: backend.state(FLOWERS).status == "Idle")
        wait_until(lambda: workers() == [])
        assert "the next one starts it" in reason_of(backend)
        assert backend.state(FLOWERS).available_predictor_instances == 0
        backend.start(says_who(idle_s=0.5, instances=2), await_running_s=60)
        assert workers() == [], "joining a start is no request"
        assert backend.predict(FLOWERS, ASK)["predictions"][0] == 3
        wait_until(lambda: backend.state(FLOWERS).status == "Running")
    wait_until(lambda: backend.state(FLOWERS).status == "Idle")
    backend.update(says_who(4), await_running_s=60)
    assert backend.state(FLOWERS).status == "Running"
    assert backend.predict(FLOWERS, ASK)["predictions"][0] == 4
    assert len(keepers()) == 1


@pytest.mark.usefixtures("impatient")
def test_a_worker_over_its_memory_limit_is_replaced(
    backend: LocalBackend, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import time
        class Predict:
            def predict(self, inputs):
                if inputs == [[0]]:
                    kept = b"x" * (400 * 1024 * 1024)
                    time.sleep(60)
                return inputs
        """,
        limits=Limits(memory_mb=300),
        # On a busy machine the allocation stops the event loop for more than a second,
        # which counts as hanging for an impatient keeper.
        env_vars={HANG_SECONDS: "60"},
    )
    backend.start(launch, await_running_s=60)
    with pytest.raises(NotRunningError, match="ended while it answered") as caught:
        backend.predict(FLOWERS, {"instances": [[0]]})
    assert "more than its limit of 300 MB" in str(caught.value)
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}
    log = backend.read_logs(FLOWERS, "predictor", 100)
    assert " MB of memory, more than its limit of 300 MB" in log


def test_a_model_that_does_not_fit_its_memory_limit_fails_with_numbers(
    backend: LocalBackend, make_launch: Any, live: Live
) -> None:
    launch = make_launch(
        "import time\nkept = b'x' * (400 * 1024 * 1024)\ntime.sleep(60)",
        limits=Limits(memory_mb=300),
    )
    with pytest.raises(DeploymentFailedError, match=r"used \d+ MB .* of 300 MB"):
        backend.start(launch, await_running_s=60)
    assert live() == []


@pytest.mark.usefixtures("impatient")
def test_after_several_ends_in_a_row_the_deployment_has_failed(
    backend: LocalBackend, make_launch: Any, live: Live
) -> None:
    launch = make_launch(
        """
        import os
        class Predict:
            def predict(self, inputs):
                print("no more", flush=True)
                os._exit(7)
        """
    )
    backend.start(launch, await_running_s=60)
    asked = 0
    while backend.state(FLOWERS).status != "Failed":
        asked += 1
        with pytest.raises(NotRunningError):
            backend.predict(FLOWERS, ASK)
        # The keeper sees the end a moment later than the client.
        time.sleep(0.3)
    assert asked >= 3
    reason = reason_of(backend)
    assert "a worker ended 3 times in a row, last since the server process" in reason
    assert "exit code 7\nIts log ends with:" in reason
    assert "no more" in reason
    wait_until(lambda: live() == [])


@pytest.mark.usefixtures("impatient")
def test_a_worker_that_hangs_is_replaced(
    backend: LocalBackend, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import time
        class Predict:
            async def predict(self, inputs):
                if inputs == [[0]]:
                    time.sleep(600)
                return inputs
        """
    )
    backend.start(launch, await_running_s=60)
    with pytest.raises(NotRunningError, match="ended while it answered") as caught:
        backend.predict(FLOWERS, {"instances": [[0]]})
    assert "its event loop did not turn for 1 s" in str(caught.value)
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}
    log = backend.read_logs(FLOWERS, "predictor", 100)
    assert "its event loop did not turn for 1 s" in log


def test_any_process_moves_and_stops_a_detached_deployment(
    start_elsewhere: Callable[..., subprocess.Popen[str]],
    backend: LocalBackend,
    says_who: Callable[..., Launch],
    live: Live,
) -> None:
    starter = start_elsewhere(says_who(3), detach=True)
    revision = said_by(starter)
    starter.kill()
    backend.update(says_who(4), await_running_s=60)
    state = backend.state(FLOWERS)
    assert (state.revision, state.is_detached) == (revision, True)
    assert backend.predict(FLOWERS, ASK)["predictions"][0] == 4
    backend.stop(FLOWERS, await_stopped_s=30)
    assert live() == []


def test_nothing_is_left_open_or_behind(
    backend: LocalBackend,
    says_who: Callable[..., Launch],
    keepers: Live,
    workers: Live,
    run_root: Path,
    tmp_path: Path,
) -> None:
    backend.start(says_who(3), await_running_s=60)
    [keeper] = keepers()
    before = (keeper.num_fds(), psutil.Process().num_fds())
    for version in range(4, 7):
        with (tmp_path / f"held-{version}").open("w") as held:
            launch = says_who(version, held=(held.fileno(),))
            backend.update(launch, await_running_s=60)
        wait_until(lambda: len(workers()) == 1)
        [worker] = workers()
        kept = open_files(worker.pid)
        assert str(tmp_path / f"held-{version}") in kept
        assert str(tmp_path / f"held-{version - 1}") not in kept
    wait_until(lambda: keeper.num_fds() == before[0] + 1, timeout_s=10)
    assert psutil.Process().num_fds() <= before[1]
    backend.stop(FLOWERS, await_stopped_s=30)
    [folder] = run_root.glob("*/flowers")
    names = sorted(path.name.split("-")[0] for path in folder.iterdir())
    assert names == ["history", "launch", "run.json", "state", "traffic"]


def test_workers_inherit_nothing_but_what_they_are_told_of(
    backend: LocalBackend, make_launch: Any, tmp_path: Path
) -> None:
    """Files of the user's program stay out of workers, which may outlive it."""
    launch = make_launch(
        """
        import os
        OPEN = []
        for name in os.listdir("/proc/self/fd"):
            if os.path.exists(f"/proc/self/fd/{name}"):
                OPEN.append(os.readlink(f"/proc/self/fd/{name}"))
        class Predict:
            def predict(self, inputs):
                return [OPEN, os.environ["PROMETHEUS_MULTIPROC_DIR"]]
        """
    )
    with (tmp_path / "mine").open("w") as mine:
        os.set_inheritable(mine.fileno(), True)  # noqa: FBT003 - the function's
        backend.start(launch, await_running_s=60)
    links, metrics = backend.predict(FLOWERS, ASK)["predictions"]
    kinds = [link.split(":")[0] for link in links]
    what = "the port, the connection with the keeper, and the ends of a queue"
    assert kinds.count("socket") == 4, what
    files = {kind for kind in kinds if kind.startswith("/")}
    of_others = {file for file in files if not file.startswith(metrics)}
    assert {Path(file).suffix for file in of_others} <= {""}, "the input"
    assert str(tmp_path / "mine") not in kinds
    pipes = {link for link in links if link.startswith("pipe")}
    assert len(pipes) == 1, "the log"
    assert Path(metrics).is_dir()
