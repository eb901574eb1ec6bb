"""A predictor elsewhere: the answers of one process, and no request sent twice."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.keeper_link import PredictorAddress
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.remote_predictor import RemotePredictor
from hopsartifacts.serving.runtime.service import PredictionCall, Service
from tests.serving.servers import served
from tests.serving.test_transformers import (
    BRINGERS,
    ROWS,
    Script,
    same,
    v1,
    v2,
)


class Both:
    """A transformer with one or both methods."""

    def __init__(self, before: Any = None, after: Any = None) -> None:
        self.preprocess, self.postprocess = before, after


def doubled(body: Any) -> Any:
    """Return a V2 request whose numbers are doubled."""
    [tensor] = body["inputs"]
    return {**body, "inputs": [{**tensor, "data": np.array(tensor["data"]) * 2}]}


def fail(_: Any) -> Any:
    raise ValueError("no such flower")


def named(body: Any) -> Any:
    rows = [{"a": 1, "b": 2.5}, {"a": 2, "b": float("nan")}]
    return {"instances": rows} if "instances" in body else rows


def count(answer: Any) -> Any:
    [output] = answer["outputs"]
    return {**answer, "outputs": [{**output, "data": output["data"][::-1]}]}


CALLS: dict[str, Callable[[], PredictionCall]] = {
    "V1": lambda: v1(instances=ROWS),
    "V1, inputs": lambda: v1(inputs=ROWS),
    "V1, empty": lambda: v1(instances=[]),
    "V1, wrong": lambda: v1(rows=ROWS),
    "V2, wrong": lambda: v2([1.0, 2.0]),
    "V2, objects": lambda: v2(id="r", parameters={"content_type": "pd"}),
    "V2, one output": lambda: v2(id="r", outputs=[{"name": "output-0"}]),
    "V2, no such output": lambda: v2(id="r", outputs=[{"name": "other"}]),
    "V2, binary output": lambda: v2(id="r", parameters={"binary_data_output": True}),
    **BRINGERS,
}
PREPROCESS: dict[str, Any] = {
    "none": None,
    "unchanged": same,
    "rows": lambda _: [[1, 2], [3, 4]],
    "array": lambda _: np.array([[1.5, 2], [3, 4]], dtype="float32"),
    "ragged": lambda _: [[1], [2, 3]],
    "mixed": lambda _: [["a", 1], [None, True]],
    "texts": lambda _: ["a", "ü"],
    "objects": named,
    "failure": fail,
    "both keys": lambda _: {"instances": [[1]], "inputs": [[1]]},
}
ANSWERS: dict[str, Callable[[Any], Any]] = {
    "rows": same,
    "float32": lambda rows: np.arange(len(rows), dtype="float32") / 3,
    "named": lambda rows: {"label": ["x"] * len(rows), "n": [1, None][: len(rows)]},
    "bytes": lambda rows: [b"\xff\x00"] * len(rows),
    "int8, nested": lambda rows: np.ones((len(rows), 2, 2), dtype="int8"),
    "nan": lambda rows: [float("nan")] * len(rows),
    "failure": fail,
    "no tensor": lambda _: object(),
}


def outcome(
    call: PredictionCall, predictor: Any, transformer: Any = None
) -> tuple[int, Any]:
    async def ask() -> tuple[int, Any]:
        chain = Chain(predictor, transformer)
        answer = await Service("flowers", 7, chain).handle(call)
        await close(predictor)
        if answer.status == 200 and call.protocol == "grpc":
            return 200, json.loads(call.shown(answer.body)[1])
        if answer.status == 200:
            return 200, call.shown(answer.body)[1]
        return answer.status, (answer.error, answer.component)

    return asyncio.run(ask())


async def close(predictor: Any) -> None:
    """End like a worker, whose transports are closed before its loop is."""
    if isinstance(predictor, RemotePredictor):
        await predictor.stop(None)
        await asyncio.sleep(0.01)


@contextmanager
def elsewhere(predictor: Any, **more: Any) -> Iterator[PredictorAddress]:
    """Serve *predictor* on a port of its own."""
    with served(Service("flowers", 7, Chain(predictor))) as addresses:
        host, _, port = addresses.http.partition(":")
        yield PredictorAddress(host=host, port=int(port), model="flowers", **more)


def assert_same(
    make: Callable[[], PredictionCall], transformer: Any, predictor: Any
) -> None:
    with elsewhere(predictor) as address:
        split = outcome(make(), RemotePredictor(address), transformer)
    assert split == outcome(make(), predictor, transformer)


@pytest.mark.parametrize("call", CALLS)
def test_every_protocol_is_answered_as_in_one_process(call: str) -> None:
    for after in (None, same):
        assert_same(CALLS[call], Both(None, after), Script(same))


@pytest.mark.parametrize("before", PREPROCESS)
@pytest.mark.parametrize("call", ["V1", "V2", "gRPC"])
def test_what_preprocess_returns_reaches_the_predictor(call: str, before: str) -> None:
    make = CALLS[call]
    here, there = Script(len), Script(len)
    transformer = Both(PREPROCESS[before])
    if PREPROCESS[before] is None:
        transformer = Both(None, same)
    with elsewhere(there) as address:
        split = outcome(make(), RemotePredictor(address), transformer)
    assert split == outcome(make(), here, transformer)
    assert _as_json(there.rows) == _as_json(here.rows)


def _as_json(rows: Any) -> Any:
    """Return rows in the form that JSON has for them: it has no NaN and no arrays."""
    text = json.dumps(rows, default=lambda it: it.tolist()).replace("NaN", "null")
    return json.loads(text)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("call", ["V1", "V2", "V2, binary", "gRPC, raw"])
def test_what_the_predictor_returns_reaches_the_client(call: str, answer: str) -> None:
    make = {"V1": CALLS["V1"], **BRINGERS}[call]
    assert_same(make, Both(None, same), Script(ANSWERS[answer]))


def test_a_v2_request_may_be_changed_on_the_way() -> None:
    for call in BRINGERS.values():
        assert_same(call, Both(doubled, count), Script())


def test_the_error_of_a_predictor_keeps_its_status_text_and_component() -> None:
    with elsewhere(Script(fail)) as address:
        found = outcome(v1(instances=ROWS), RemotePredictor(address))
    assert found == (500, ("ValueError: no such flower", "predictor"))


class Listener:
    """A server that treats each connection as the test says, and counts requests."""

    def __init__(self, treat: Callable[[socket.socket], None]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._treat = treat
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(
                target=self._answer, args=(connection,), daemon=True
            ).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                self.requests.append(data)
                self._treat(connection)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def listener(treat: Callable[[socket.socket], None]) -> Iterator[Listener]:
    server = Listener(treat)
    try:
        yield server
    finally:
        server.close()


def _answer(body: bytes, more: bytes = b"") -> Callable[[socket.socket], None]:
    head = b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n" % (more, len(body))
    return lambda connection: connection.sendall(head + body)


def _cut(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def _half(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    _cut(connection)


BROKEN: dict[str, tuple[Callable[[socket.socket], None], int, str]] = {
    "cut": (_cut, 503, "was lost before it answered"),
    "half an answer": (_half, 503, "was lost before it answered"),
    "no HTTP": (lambda it: it.sendall(b"hello\r\n\r\n"), 503, "the answer is not HTTP"),
    "silence": (lambda _: time.sleep(2), 504, "did not answer within 0.5 s"),
    "no JSON": (_answer(b"hello"), 502, "gave no V1 answer"),
    "another answer": (_answer(b'{"outputs": []}'), 502, "gave no V1 answer"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_predictor_gives_words_and_is_asked_once(case: str) -> None:
    treat, status, words = BROKEN[case]
    with listener(treat) as server:
        found = outcome(v1(instances=ROWS), _asking(server, 0.5))
        assert found[0] == status
        assert words in found[1][0]
        assert f"127.0.0.1:{server.port}" in found[1][0]
        assert len(server.requests) == 1


def _asking(server: Listener, answer_s: float = 5) -> RemotePredictor:
    return RemotePredictor(
        PredictorAddress(
            host="127.0.0.1", port=server.port, model="flowers", answer_s=answer_s
        )
    )


def test_a_predictor_that_is_not_there_cannot_be_reached() -> None:
    with listener(_cut) as server:
        pass
    status, (words, _) = outcome(v1(instances=ROWS), _asking(server))
    assert status == 503
    assert "cannot be reached" in words


def test_connections_are_kept_unless_the_server_ends_them() -> None:
    good = b'{"predictions": [1]}'

    async def ask(predictor: RemotePredictor, times: int) -> None:
        for _ in range(times):
            call = v1(instances=ROWS)
            assert await Chain(predictor).answer(call) == [1]
        await close(predictor)

    for more, connections in ((b"", 1), (b"connection: close\r\n", 5)):
        with listener(_answer(good, more)) as server:
            asyncio.run(ask(_asking(server), 5))
            assert server.connections == connections


def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    closing: list[socket.socket] = []

    def treat(connection: socket.socket) -> None:
        closing.append(connection)
        _answer(b'{"predictions": [1]}')(connection)

    async def ask() -> None:
        predictor = _asking(server)
        assert await Chain(predictor).answer(v1(instances=ROWS)) == [1]
        closing[0].shutdown(socket.SHUT_RDWR)
        await asyncio.sleep(0.2)
        assert await Chain(predictor).answer(v1(instances=ROWS)) == [1]
        await close(predictor)

    with listener(treat) as server:
        asyncio.run(ask())
        assert server.connections == 2


def test_a_client_that_hangs_up_ends_the_request_to_the_predictor() -> None:
    ended = threading.Event()

    def treat(connection: socket.socket) -> None:
        if not connection.recv(1):
            ended.set()

    async def ask() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await Chain(_asking(server)).answer(v1(instances=ROWS))
        await asyncio.sleep(0.01)

    with listener(treat) as server:
        asyncio.run(ask())
        assert ended.wait(5)


def test_a_server_of_another_package_is_asked_with_v1() -> None:
    """As TensorFlow Serving is, which has no V2."""
    with listener(_answer(b'{"predictions": [[0.5]]}')) as server:
        address = PredictorAddress(
            host="127.0.0.1", port=server.port, model="other", is_ours=False
        )
        status, answer = outcome(v2(), RemotePredictor(address))
    assert status == 200
    assert json.loads(answer)["outputs"][0]["data"] == [0.5]
    [request] = server.requests
    assert request.startswith(b"POST /v1/models/other:predict HTTP/1.1\r\n")
    assert json.loads(request.partition(b"\r\n\r\n")[2]) == {"instances": ROWS}


READY: dict[str, tuple[Callable[[socket.socket], None], bool, str | None]] = {
    "ours": (_answer(b'{"ready":true}'), True, None),
    "theirs": (
        _answer(b'{"model_version_status": [{"state": "AVAILABLE"}]}'),
        False,
        None,
    ),
    "theirs, loading": (
        _answer(b'{"model_version_status": [{"state": "LOADING"}]}'),
        False,
        "it has no model 'flowers' yet",
    ),
    "refused": (
        lambda it: it.sendall(
            b"HTTP/1.1 503 No\r\ncontent-length: 17\r\n\r\n" + b'{"error": "late"}'
        ),
        True,
        "is not ready: late",
    ),
    "silence": (lambda _: time.sleep(2), True, "no answer within 0.7 s"),
    "cut": (_cut, True, "the server closed it"),
}


@pytest.mark.parametrize("case", READY)
def test_whether_the_predictor_is_ready_is_asked_of_it(case: str) -> None:
    treat, is_ours, words = READY[case]

    async def ask(predictor: RemotePredictor) -> str | None:
        flaw = await predictor.flaw()
        await close(predictor)
        return flaw

    with listener(treat) as server:
        address = PredictorAddress(
            host="127.0.0.1", port=server.port, model="flowers", is_ours=is_ours
        )
        found = asyncio.run(ask(RemotePredictor(address)))
    if words is None:
        assert found is None
    else:
        assert found is not None
        assert words in found
        assert f"127.0.0.1:{server.port}" in found


def test_request_errors_say_whose_they_are() -> None:
    assert RequestError(400, "no").component is None
