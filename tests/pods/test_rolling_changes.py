"""A change from one pod to the next while clients ask: no request fails."""

import http.client
import json
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.serving.contract import Launch
from tests.pods.balancers import Balancer
from tests.pods.conftest import ServerFactory

CLIENTS = 15
RATE = 20
"""Requests of each client per second: 300 together."""
SECONDS = 10.0


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    made = Balancer()
    yield made
    made.stop()


class Client(threading.Thread):
    """Asks at a fixed rate, over a connection that it keeps, and asks nothing twice."""

    def __init__(self, port: int, until_s: float, rate: int = RATE) -> None:
        super().__init__()
        self._rate = rate
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self._port, self._until_s = port, until_s

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        due = time.monotonic()
        while due < self._until_s:
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            try:
                self._ask(connection)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append(repr(error))
                connection.close()
            self.seconds.append(time.monotonic() - began)
            due += 1 / self._rate
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        body = json.dumps({"instances": [[1]]})
        connection.request("POST", "/v1/models/flowers:predict", body)
        answer = connection.getresponse()
        text = answer.read()
        assert (answer.status, text) == (200, b'{"predictions":[[1]]}')


def test_no_request_fails_while_a_pod_is_replaced(
    start: ServerFactory, echo: Launch, balancer: Balancer
) -> None:
    env = {"HOPSARTIFACTS_LEAVE_SECONDS": "2"}
    first = start(echo, env=env).wait_ready()
    balancer.ports = [first.port]
    while not balancer.ready:
        time.sleep(0.05)
    until_s = time.monotonic() + SECONDS
    clients = [Client(balancer.port, until_s) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(1)
    second = start(echo, env=env)
    balancer.ports = [first.port, second.port]
    while second.port not in balancer.ready:
        time.sleep(0.05)
    first.container.terminate()
    assert first.container.wait() == 0
    assert time.monotonic() < until_s, "it was replaced under load"
    for client in clients:
        client.join()
    assert [it for client in clients for it in client.failures] == []
    seconds = [it for client in clients for it in client.seconds]
    assert len(seconds) >= CLIENTS * RATE * SECONDS * 0.99
    # So that a hang counts as a failure, too.
    assert max(seconds) < 3, statistics.quantiles(seconds, n=100)
    assert balancer.ready == [second.port]


def test_no_request_to_a_transformer_fails_while_its_predictor_is_replaced(
    start: ServerFactory, echo: Launch, make_launch: Any, balancer: Balancer
) -> None:
    """A transformer keeps connections, and may send no request a second time."""
    both = make_launch(
        (Path(echo.artifact_files_path) / "predictor-script.py").read_text(),
        """
        class Transformer:
            def preprocess(self, inputs):
                return inputs
        """,
    )
    env = {"HOPSARTIFACTS_LEAVE_SECONDS": "2"}
    first = start(both, env=env).wait_ready()
    balancer.ports = [first.port]
    place = f"127.0.0.1:{balancer.port}"
    transformer = start(
        *(both, "--component", "transformer", "--predictor-host", place)
    ).wait_ready()
    until_s = time.monotonic() + SECONDS
    clients = [Client(transformer.port, until_s, rate=10) for _ in range(10)]
    for client in clients:
        client.start()
    second = start(both, env=env)
    balancer.ports = [first.port, second.port]
    while second.port not in balancer.ready:
        time.sleep(0.05)
    first.container.terminate()
    assert first.container.wait() == 0
    for client in clients:
        client.join()
    assert [it for client in clients for it in client.failures] == []
    assert sum(len(client.seconds) for client in clients) > 100 * SECONDS * 0.9
