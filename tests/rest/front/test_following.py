"""What becomes of requests while deployments move, end, sleep and come back."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest

from hopsartifacts.project import Project
from hopsartifacts.rest.front.switch import PREFACE
from tests.rest.front.conftest import ECHO, Front, Ground, opened

VERSION_2 = """
    class Predictor:
        def predict(self, inputs):
            return ["two" for _ in inputs]
"""


def predict(client: httpx.Client, name: str, rows: Any = (1,)) -> Any:
    answer = client.post(f"/v1/models/{name}:predict", json={"instances": list(rows)})
    assert answer.status_code == 200, (answer.status_code, answer.content)
    return answer.json()["predictions"]


def waited_for(condition: Callable[[], bool], within_s: float = 20) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_a_change_of_versions_fails_no_request(ground: Ground, port: Front) -> None:
    """The port follows a deployment whose workers change while clients ask."""
    deployment = ground.deploy("moving")
    is_over = threading.Event()
    seen: list[Any] = []
    failures: list[object] = []

    def ask_on() -> None:
        with port.client() as client:
            while not is_over.is_set():
                try:
                    seen.append(predict(client, "moving")[0])
                except (httpx.HTTPError, AssertionError) as error:
                    failures.append(error)

    threads = [threading.Thread(target=ask_on) for _ in range(8)]
    for thread in threads:
        thread.start()
    for code in (VERSION_2, ECHO, VERSION_2):
        deployment.script_file = str(ground.script(code))
        deployment.save(60)
    time.sleep(2)
    is_over.set()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert {1, "two"} == set(seen)
    assert seen[-1] == "two"


def test_a_restart_on_another_port_is_followed(ground: Ground, port: Front) -> None:
    deployment = ground.deploy("wandering")
    with port.client() as client:
        assert predict(client, "wandering") == [1]
        before = deployment.get_state().internal_port
        deployment.stop(10)
        found = client.post("/v1/models/wandering:predict", json={"instances": [1]})
        assert (found.status_code, found.content) == (404, b"")
        deployment.start(60)
        assert deployment.get_state().internal_port != before
        assert predict(client, "wandering") == [1]


def test_a_deployment_that_sleeps_is_woken(
    ground: Ground, port: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hopsartifacts.deployments.launch._IDLE_S", 0.5)
    deployment = ground.model("sleeper").deploy(
        "sleeper",
        script_file=ground.script(),
        resources={"num_instances": 0},
    )
    deployment.start(60)
    with port.client() as client:
        for _ in range(2):
            assert predict(client, "sleeper") == [1]
            assert waited_for(lambda: deployment.get_state().status == "Idle")
        assert client.get("/v1/models/sleeper").status_code == 200


def test_a_worker_that_dies_is_told_as_502(ground: Ground, port: Front) -> None:
    ground.deploy(
        "dying",
        """
        import os

        class Predictor:
            def predict(self, inputs):
                os._exit(1)
        """,
    )
    with port.client() as client:
        answer = client.post("/v1/models/dying:predict", json={"instances": [1]})
    assert answer.status_code == 502
    assert "ended while it answered" in answer.json()["errorMsg"]


def test_nothing_is_predicted_for_who_has_hung_up(ground: Ground, port: Front) -> None:
    mark = ground.script().with_name("mark")
    ground.deploy(
        "patient",
        f"""
        import asyncio, pathlib

        class Predictor:
            async def predict(self, inputs):
                try:
                    await asyncio.sleep(20)
                except asyncio.CancelledError:
                    pathlib.Path({str(mark)!r}).touch()
                    raise
        """,
    )
    with (
        port.client() as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.post(
            "/v1/models/patient:predict",
            json={"instances": [1]},
            timeout=httpx.Timeout(5, read=1),
        )
    assert waited_for(mark.exists)


def test_many_ask_at_once(ground: Ground, port: Front) -> None:
    ground.deploy("crowded")
    failures: list[object] = []

    def ask(number: int) -> None:
        try:
            with port.client() as client:
                for _ in range(5):
                    assert predict(client, "crowded", [number]) == [number]
        except Exception as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures


@pytest.mark.parametrize("began", [b"", b"PRI * HTTP/2.0\r\n", b"GET / HT"])
def test_who_says_nothing_is_not_waited_for(
    port: Front, monkeypatch: pytest.MonkeyPatch, began: bytes
) -> None:
    monkeypatch.setattr("hopsartifacts.rest.connections.HEAD_S", 0.3)
    with socket.create_connection(("127.0.0.1", port.port), timeout=10) as connection:
        connection.sendall(began)
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_a_preface_in_pieces_is_understood(port: Front) -> None:
    with socket.create_connection(("127.0.0.1", port.port), timeout=10) as connection:
        for piece in (b"P", b"RI * HTTP/2.0\r\n", b"\r\nSM\r\n\r\n"):
            connection.sendall(piece)
            time.sleep(0.05)
        # An empty SETTINGS frame; what comes back is one, too.
        connection.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        assert connection.recv(9)[3] == 4


def test_a_method_that_begins_as_http_2_does_is_http(port: Front) -> None:
    with port.client() as client:
        answer = client.patch("/v1/models/echo")
    assert answer.status_code == 405


def test_a_deployment_that_wants_less_says_so_itself(
    ground: Ground, port: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPSARTIFACTS_MAX_REQUEST_BYTES", "1000")
    ground.deploy("modest")
    body = b'{"instances": ["' + b"x" * 900_000 + b'"]}'
    with port.client() as client:
        answer = client.post("/v1/models/modest:predict", content=body)
        assert answer.status_code == 413
        assert "larger than 1000 bytes" in answer.json()["error"]
        assert predict(client, "modest") == [1]


def is_ended(connection: socket.socket) -> bool:
    """Tell whether the other end has hung up, behind what it had to say."""
    connection.settimeout(1)
    try:
        while connection.recv(1000):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("began", [b"", PREFACE], ids=["silent", "grpc"])
def test_so_many_connections_and_no_more(local_project: Project, began: bytes) -> None:
    with opened(local_project, most=2) as port, ExitStack() as stack:
        held = []
        for _ in range(3):
            address = ("127.0.0.1", port.port)
            connection = socket.create_connection(address, timeout=10)
            held.append(stack.enter_context(connection))
            connection.sendall(began)
            time.sleep(0.2)
        # Nothing was asked on any of them: the oldest has to go.
        assert [is_ended(it) for it in held] == [True, False, False]
