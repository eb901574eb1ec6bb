"""How a container ends: not ready first, then no connections, then no requests."""

import http.client
import json
import threading
import time
from typing import Any

import grpc
import httpx
import pytest

from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.runtime.grpc_messages import message_class
from tests.pods.conftest import Server, ServerFactory

LONG = [[1006]]
"""The script of ``echo`` takes six seconds for it."""


class Asked(threading.Thread):
    """A request in progress."""

    def __init__(self, server: Server, rows: Any) -> None:
        super().__init__()
        self.outcome: Any = None
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        body = json.dumps({"instances": rows})
        self._connection.request("POST", "/v1/models/flowers:predict", body)
        self.start()
        time.sleep(0.3)

    def run(self) -> None:
        try:
            answer = json.loads(self._connection.getresponse().read())
            self.outcome = answer.get("predictions", answer)
        except (OSError, http.client.HTTPException) as error:
            self.outcome = error
        self._connection.close()


def test_it_is_not_ready_first_and_answers_until_the_end(
    start: ServerFactory, echo: Launch
) -> None:
    server = start(echo, env={"HOPSARTIFACTS_LEAVE_SECONDS": "3"}).wait_ready()
    asked = Asked(server, LONG)
    server.container.terminate()
    began = time.monotonic()
    states = set()
    while (now := time.monotonic() - began) < 1.7:
        if now > 0.3:
            states.add(server.ready())
        assert server.predict([[now]]) == [[now]]  # each over a new connection
    assert states == {(503, "the server is about to stop")}
    time.sleep(began + 3.7 - time.monotonic())
    assert server.ready()[0] == 0, "no connection is accepted any more"
    asked.join()
    assert asked.outcome == LONG
    assert server.container.wait(10) == 0
    assert server.container.message == ""


def test_a_second_signal_cuts_no_request(start: ServerFactory, echo: Launch) -> None:
    server = start(echo).wait_ready()
    asked = Asked(server, LONG)
    for _ in range(3):
        server.container.terminate()
        time.sleep(0.7)
    assert server.container.is_running
    asked.join()
    assert asked.outcome == LONG
    assert server.container.wait(10) == 0


def test_a_request_that_takes_too_long_is_answered_in_words(
    start: ServerFactory, echo: Launch
) -> None:
    server = start(echo, env={"HOPSARTIFACTS_DRAIN_SECONDS": "0"}).wait_ready()
    asked = Asked(server, [[1060]])
    server.container.terminate()
    asked.join()
    assert "the server is stopping; the request took too long" in str(asked.outcome)
    assert server.container.wait(20) == 0


def test_kept_connections_are_closed_with_an_answer(
    start: ServerFactory, echo: Launch
) -> None:
    server = start(echo, env={"HOPSARTIFACTS_LEAVE_SECONDS": "2"}).wait_ready()
    with httpx.Client() as client:
        url = f"{server.url}/v1/models/flowers:predict"
        body = {"instances": [[1]]}
        assert "connection" not in client.post(url, json=body).headers
        server.container.terminate()
        time.sleep(0.5)
        # One in ten may miss it, because uvicorn sets its headers again each second.
        said = [client.post(url, json=body).headers.get("connection") for _ in range(9)]
        assert said.count("close") >= 5
    assert server.container.wait(20) == 0


@pytest.mark.parametrize("seconds", [0, 3])
def test_calls_over_grpc_are_finished(
    start: ServerFactory, echo: Launch, seconds: int
) -> None:
    server = start(echo, grpc=True).wait_ready()
    request = message_class("ModelInferRequest")(model_name="flowers")
    tensor = request.inputs.add(name="rows", datatype="INT64", shape=[1, 1])
    tensor.contents.int64_contents.append(1000 + seconds)
    ready = message_class("ServerReadyResponse")
    service = "/inference.GRPCInferenceService"
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary(f"{service}/ModelInfer")
        pending = call.future(request.SerializeToString(), timeout=30)
        time.sleep(0.3)
        server.container.terminate()
        time.sleep(0.2)
        is_ready = channel.unary_unary(f"{service}/ServerReady")
        assert ready.FromString(is_ready(b"")).ready is False
        answer = message_class("ModelInferResponse").FromString(pending.result())
    assert answer.outputs[0].contents.int64_contents == [1000 + seconds]
    assert server.container.wait(20) == 0


def test_who_connected_before_the_end_is_answered(
    start: ServerFactory, make_launch: Any
) -> None:
    """Even if the worker had no time to accept the connection."""
    launch = make_launch(
        """
        import time
        class Predictor:
            async def predict(self, inputs):
                time.sleep(inputs[0][0])  # the event loop stands still
                return inputs
        """
    )
    server = start(launch, env={"HOPSARTIFACTS_LEAVE_SECONDS": "0"}).wait_ready()
    asked = [Asked(server, [[3]]), Asked(server, [[0]])]
    server.container.terminate()
    asked.append(Asked(server, [[0.1]]))
    for each in asked:
        each.join()
    assert [each.outcome for each in asked] == [[[3]], [[0]], [[0.1]]]
    assert server.container.wait(20) == 0
