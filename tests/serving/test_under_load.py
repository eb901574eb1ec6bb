"""One long run with everything at once: load, new versions, a kill, a log that stalls.

Thirty-two clients ask while versions are switched, a worker is killed and the log's
shipper is stopped and started again. What is answered, by which version, and what the
log has of it, is then compared request by request.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import urllib3

import hopsartifacts
from hopsartifacts import Deployment, InferenceLogger, PredictorResources
from tests import depth

pytest.importorskip("pyarrow")

REQUESTS = depth.usually(5_000, 100_000)
CLIENTS = 32
SWITCHES = 5
SCRIPT = """
import os

class Predictor:
    def predict(self, inputs):
        version = int(os.environ["DEPLOYMENT_VERSION"])
        return [[*row, version, os.getpid()] for row in inputs]
"""


@dataclass
class Asked:
    """One request, as its client saw it."""

    number: int
    began: float
    ended: float = 0.0
    rows: list[list[int]] = field(default_factory=list)
    error: str = ""


class Clients:
    """Ask as often as they have to, and on until told to stop, each time by number."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(maxsize=CLIENTS)
        self._lock = threading.Lock()
        self._next = 0
        self.may_stop = threading.Event()
        self.asked: list[Asked] = []

    def run(self) -> None:
        while True:
            with self._lock:
                number, self._next = self._next, self._next + 1
            if number >= REQUESTS and self.may_stop.is_set():
                return
            asked = Asked(number, time.monotonic())
            # Two rows: they have to be answered by the same version.
            body = msgspec.json.encode({"instances": [[number, 0], [number, 1]]})
            try:
                answer = self._pool.request(
                    "POST", self._url, body=body, retries=False, timeout=60
                )
                if answer.status == 200:
                    asked.rows = answer.json()["predictions"]
                else:
                    asked.error = f"{answer.status} {answer.data!r}"
            except urllib3.exceptions.HTTPError as error:
                asked.error = repr(error)
            asked.ended = time.monotonic()
            self.asked.append(asked)

    def after(self, count: int) -> Callable[[], bool]:
        """Return what tells whether so many more requests were answered."""
        goal = len(self.asked) + count
        return lambda: len(self.asked) >= goal

    def saw(self, version: int) -> Callable[[], bool]:
        """Return what tells whether the newest answers include one of *version*."""
        return lambda: any(
            asked.rows and asked.rows[0][2] == version
            for asked in self.asked[-CLIENTS:]
        )


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    project = hopsartifacts.login(tmp_path / "project")
    (tmp_path / "weights").write_bytes(b"weights")
    script = tmp_path / "predict.py"
    script.write_text(SCRIPT)
    model = project.get_model_registry().python.create_model("m")
    model.save(tmp_path / "weights")
    deployment = model.deploy(
        "loaded",
        script_file=script,
        resources=PredictorResources(num_instances=2),
        inference_logger=InferenceLogger("ALL"),
    )
    yield deployment
    deployment.delete(force=True)


def shipper_of(deployment: Deployment) -> psutil.Process:
    """Return the process that writes the deployment's inference log."""
    found = [
        process
        for process in psutil.Process().children(recursive=True)
        if "hopsartifacts.serving.inference_log" in command_of(process)
    ]
    assert len(found) == 1, (deployment, found)
    return found[0]


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended, as workers of an old version do
        return ""


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


def test_nothing_is_lost_while_everything_changes(deployment: Deployment) -> None:
    """Faults of two mechanisms together show only while all of them are at work."""
    deployment.start()
    url = deployment.get_url()
    assert url is not None
    clients = Clients(url)
    killed_at, gone_at, killed = 0.0, 0.0, 0
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(clients.run) for _ in range(CLIENTS)]
        try:
            for switch in range(1, SWITCHES + 1):
                wait_until(clients.after(REQUESTS // (SWITCHES + 2)))
                if switch == 2:
                    shipper_of(deployment).send_signal(signal.SIGSTOP)
                if switch == 3:
                    killed = clients.asked[-1].rows[0][-1]
                    killed_at = time.monotonic()
                    os.kill(killed, signal.SIGKILL)
                    wait_until(partial(is_gone, killed))
                    gone_at = time.monotonic()
                if switch == 4:
                    # Not only let go on: ended, so that another has to take over.
                    shipper_of(deployment).kill()
                deployment.description = f"version after switch {switch}"
                deployment.save()
                assert deployment.get_state().deployment_version == switch + 1
            wait_until(clients.saw(SWITCHES + 1))
        finally:
            # Else they would ask for ever, and nobody would learn why.
            clients.may_stop.set()
        for client in running:
            client.result()
    answered = {asked.number: asked for asked in clients.asked if not asked.error}
    failed = [asked for asked in clients.asked if asked.error]
    # Only what the killed worker had in hand: its clients were waiting while it died.
    others = [it for it in failed if it.began > gone_at or it.ended < killed_at]
    assert not others, (killed_at, gone_at, len(failed), others[:3])
    assert len(failed) <= CLIENTS
    assert len(answered) + len(failed) == len(clients.asked) >= REQUESTS
    check_versions(answered, killed)
    deployment.stop()
    check_log(deployment, answered, failed)


def check_versions(answered: dict[int, Asked], killed: int) -> None:
    for number, asked in answered.items():
        assert [row[:2] for row in asked.rows] == [[number, 0], [number, 1]]
        assert len({tuple(row[2:]) for row in asked.rows}) == 1
    versions = {asked.rows[0][2] for asked in answered.values()}
    assert versions == set(range(1, SWITCHES + 2))
    assert killed in {asked.rows[0][3] for asked in answered.values()}


def check_log(
    deployment: Deployment, answered: dict[int, Asked], failed: list[Asked]
) -> None:
    logged = deployment.read_inference_log().to_pylist()
    dropped = deployment.inference_log_drops()
    requests: dict[int, Any] = {}
    responses: dict[int, Any] = {}
    for row in logged:
        payload = msgspec.json.decode(row["payload"])
        is_request = row["messageType"] == "request"
        number = payload["instances" if is_request else "predictions"][0][0]
        into = requests if is_request else responses
        assert number not in into
        into[number] = (row, payload)
    assert requests.keys() == responses.keys()
    extra = responses.keys() - answered.keys()
    # Answered, as far as the worker knew, when it was killed.
    assert extra <= {asked.number for asked in failed}
    assert len(answered.keys() - responses.keys()) <= dropped
    for number, (row, payload) in responses.items():
        if number in answered:
            assert payload["predictions"] == answered[number].rows
            assert row["deploymentVersion"] == answered[number].rows[0][2]
