import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from hopsartifacts.serving.runtime.app import create_app
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.service import Service
from tests.serving.clients import InProcess

PREDICT = "/v1/models/flowers:predict"


class Predictor:
    """Returns or raises what the request asks for."""

    def predict(self, inputs: list[Any]) -> Any:
        answers: dict[Any, Callable[[], Any]] = {
            "array": lambda: np.array([[1.0, np.nan]]),
            "object": lambda: [object()],
            "error": lambda: float("x"),
        }
        first = inputs[0]
        return answers[first]() if isinstance(first, str) else inputs


class Client(InProcess):
    """Asks an application in this process, without a server."""

    def __init__(self, predictor: Any, transformer: Any = None) -> None:
        service = Service("flowers", 3, Chain(predictor, transformer))
        app = create_app(service, max_request_bytes=200)
        super().__init__(app)

    def predict(self, body: Any) -> httpx.Response:
        return self.ask("POST", PREDICT, json=body)


@pytest.fixture
def client() -> Client:
    return Client(Predictor())


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", {"status": "alive"}),
        ("/v1/models", {"models": ["flowers"]}),
        ("/v1/models/flowers", {"name": "flowers", "ready": True}),
    ],
)
def test_the_server_tells_what_it_serves(
    client: Client, path: str, answer: dict[str, Any]
) -> None:
    response = client.ask("GET", path)
    assert response.status_code == 200
    assert response.json() == answer


def test_predictions_are_answered(client: Client) -> None:
    response = client.predict({"instances": [[1, 2]]})
    assert response.json() == {"predictions": [[1, 2]]}
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("rows", [[[1], [1, 2]], [[1], "a"], [[[1], [1, 2]], [[]]]])
def test_rows_of_differing_length_reach_a_script_as_they_are(
    client: Client, rows: list[Any]
) -> None:
    assert client.predict({"instances": rows}).json() == {"predictions": rows}


def test_arrays_are_answered_as_lists_and_nan_as_null(client: Client) -> None:
    response = client.predict({"inputs": ["array"]})
    assert response.json() == {"predictions": [[1.0, None]]}


REFUSED = [
    ("POST", PREDICT, b"{", 400, "not JSON"),
    ("POST", PREDICT, b'{"instances": [' + b"1," * 200, 413, "larger than 200 bytes"),
    ("POST", "/v1/models/other:predict", b"{}", 404, "this server has the model flow"),
    ("GET", "/v1/models/other", b"", 404, "there is nothing at /v1/models/other"),
    ("GET", PREDICT, b"", 405, "does not support GET"),
    ("POST", "/v1/models/flowers", b"", 405, "does not support POST"),
    ("DELETE", "/", b"", 405, "does not support DELETE"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), REFUSED)
def test_refusals_are_json_with_a_reason(
    client: Client, method: str, path: str, body: bytes, status: int, message: str
) -> None:
    response = client.ask(method, path, content=body)
    assert response.status_code == status
    assert message in response.json()["error"]


def test_a_wrong_method_is_told_the_right_one(client: Client) -> None:
    assert client.ask("GET", PREDICT).headers["allow"] == "POST"


def test_a_body_of_unknown_length_is_counted(client: Client) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 50

    assert client.ask("POST", PREDICT, content=chunks()).status_code == 413


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_a_compressed_body_is_read(client: Client, coding: str) -> None:
    compress: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
    }
    body = compress.get(coding, bytes)(b'{"instances": [1]}')
    response = client.ask(
        "POST", PREDICT, content=body, headers={"content-encoding": coding}
    )
    assert response.json() == {"predictions": [1]}


@pytest.mark.parametrize(
    ("coding", "body", "status", "words"),
    [
        ("gzip", gzip.compress(b"[" * 100_000, mtime=0), 413, "larger than 200 bytes"),
        ("gzip", b"{}", 400, "the body is not gzip"),
        ("gzip", gzip.compress(b"[" * 99, mtime=0)[:-9], 400, "ends too early"),
        ("br", b"{}", 415, "content coding 'br'; send it as gzip"),
    ],
)
def test_a_bad_compressed_body_is_refused(
    client: Client, coding: str, body: bytes, status: int, words: str
) -> None:
    response = client.ask(
        "POST", PREDICT, content=body, headers={"content-encoding": coding}
    )
    assert response.status_code == status
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ("error", "ValueError: could not convert"),
        ("object", r"TypeError: predictions[0] is of "),
    ],
)
def test_errors_of_a_script_name_the_component_and_reach_the_log(
    client: Client, caplog: pytest.LogCaptureFixture, asked: str, error: str
) -> None:
    response = client.predict({"instances": [asked]})
    assert response.status_code == 500
    assert response.json()["error"].startswith(error)
    assert response.json()["component"] == "predictor"
    assert "Traceback" in caplog.text


def test_an_output_that_a_transformer_spoilt_is_blamed_on_it() -> None:
    class Transformer:
        def postprocess(self, _: Any) -> object:
            return object()

    response = Client(Predictor(), Transformer()).predict({"instances": [1]})
    assert response.json()["component"] == "transformer"


def test_a_client_that_hangs_up_is_no_error() -> None:
    service = Service("flowers", 3, Chain(Predictor()))
    app = create_app(service, max_request_bytes=99)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PREDICT,
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 400
