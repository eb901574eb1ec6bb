import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from hopsartifacts.errors import NotRunningError, PredictionError
from hopsartifacts.serving.local import client as client_module
from hopsartifacts.serving.local.client import ModelServerClient


class Stranger(BaseHTTPRequestHandler):
    """A server that is not ours: the deployment's name says how it answers."""

    def do_GET(self) -> None:
        self._answer(200, b"hello")

    def do_POST(self) -> None:
        how = self.path.removeprefix("/v1/models/").removesuffix(":predict")
        if how == "slow":
            time.sleep(1)
        answers = {
            "text": (500, b"out of order"),
            "other": (418, b'{"detail": "teapot"}'),
            "odd": (200, b"not json"),
            "slow": (200, b"{}"),
        }
        self._answer(*answers[how])

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("deployment", "status", "detail"),
    [
        ("text", 500, "out of order"),
        ("other", 418, '{"detail": "teapot"}'),
        ("odd", 502, "the answer is not JSON"),
        ("slow", 504, "no answer within 0.2 s"),
    ],
)
def test_strange_answers_are_prediction_errors(
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    deployment: str,
    status: int,
    detail: str,
) -> None:
    if deployment == "slow":
        timeout = urllib3.Timeout(connect=5, read=0.2)
        monkeypatch.setattr(client_module, "_TIMEOUT", timeout)
    with pytest.raises(PredictionError) as raised:
        ModelServerClient().predict(url, deployment, {"instances": [1]})
    assert raised.value.status == status
    assert detail in raised.value.detail
    assert f"{deployment!r} answered with status {status}" in str(raised.value)


def test_a_stranger_is_not_ready(url: str) -> None:
    assert not ModelServerClient().is_ready(url, "flowers")


def test_where_nobody_listens_nothing_runs() -> None:
    nowhere = "http://127.0.0.1:1"
    assert not ModelServerClient().is_ready(nowhere, "flowers")
    with pytest.raises(NotRunningError, match="'flowers' does not answer"):
        ModelServerClient().predict(nowhere, "flowers", {})
