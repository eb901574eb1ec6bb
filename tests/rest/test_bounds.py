"""What a client may send, and what browsers are told."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from hopsartifacts.rest.bounds import BodyBounds, Bounds, take_up_to
from hopsartifacts.rest.errors import RefusedError

API = "/hopsworks-api/api"
BOUNDS = BodyBounds(
    max_bytes=10,
    grace_s=0.3,
    bytes_per_s=10,
    unwanted_bytes=50,
    unwanted_before_s=0.1,
    unwanted_after_s=0.5,
    unwanted_bytes_per_s=20,
)
START = {
    "type": "http",
    "method": "POST",
    "path": "/",
    "query_string": b"",
    "headers": [],
}


async def answer(request: Request) -> Response:
    """Take the body, or not, as the path says."""
    if request.url.path == "/unread":
        return Response("no")
    if request.url.path == "/more":
        take_up_to(request.scope, 40)
    try:
        return Response(str(len(await request.body())))
    except RefusedError as error:
        return Response(str(error), error.status, error.headers)


APP = Bounds(Starlette(routes=[Route("/{_}", answer, methods=["POST"])]), BOUNDS)


class Asked:
    """An answer to a body that came in pieces, each after a pause."""

    def __init__(
        self,
        path: str,
        pieces: Iterable[tuple[float, bytes]],
        headers: dict[bytes, bytes] | None = None,
    ) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.answered_s = self.ended_s = 0.0
        self.pieces_left = list(pieces)
        given = {b"transfer-encoding": b"chunked"} if headers is None else headers
        scope = {**START, "path": path, "headers": list(given.items())}
        self._began = time.monotonic()
        asyncio.run(APP(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if not self.pieces_left:
            await asyncio.sleep(60)
        pause_s, data = self.pieces_left[0]
        await asyncio.sleep(pause_s)
        self.pieces_left.pop(0)
        more = bool(self.pieces_left)
        return {"type": "http.request", "body": data, "more_body": more}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
        else:
            self.body += message["body"]
            self.answered_s = self.answered_s or time.monotonic() - self._began
            self.ended_s = time.monotonic() - self._began

    @property
    def closes(self) -> bool:
        return self.headers.get(b"connection", b"").lower() == b"close"


def at_once(*sizes: int) -> list[tuple[float, bytes]]:
    return [(0.0, b"x" * size) for size in sizes]


def test_a_body_within_bounds_is_taken() -> None:
    asked = Asked("/read", at_once(4, 6))
    assert (asked.status, asked.body, asked.closes) == (200, b"10", False)


def test_one_that_is_too_long_is_refused_however_it_is_sent() -> None:
    announced = {b"content-length": b"11"}
    for asked in (
        Asked("/read", at_once(4, 7, 9)),
        Asked("/read", at_once(11), announced),
    ):
        assert (asked.status, asked.closes) == (413, False)
        assert b"longer than 10 bytes" in asked.body
        # The client has sent all of it, so that it reads the answer.
        assert asked.pieces_left == []


def test_an_operation_may_take_more() -> None:
    assert Asked("/more", at_once(40)).body == b"40"
    assert Asked("/more", at_once(41)).status == 413


def test_what_is_not_wanted_is_read_up_to_a_bound() -> None:
    asked = Asked("/unread", at_once(*[10] * 5))
    assert (asked.status, asked.closes, asked.pieces_left) == (200, False, [])
    endless = Asked("/unread", at_once(*[10] * 9))
    assert (endless.status, endless.closes) == (200, True)
    assert endless.pieces_left
    announced = Asked("/unread", at_once(60), {b"content-length": b"60"})
    assert (announced.closes, len(announced.pieces_left)) == (True, 1)
    waiting = {b"content-length": b"9", b"expect": b"100-Continue"}
    asked = Asked("/unread", at_once(9), waiting)
    assert (asked.closes, len(asked.pieces_left)) == (True, 1)


def test_a_slow_body_is_cut_off() -> None:
    asked = Asked("/read", [(0.1, b"x"), (60, b"x")])
    assert (asked.status, asked.closes) == (408, True)
    assert b"too slow" in asked.body
    # Each piece comes soon enough, but there are too many of them.
    dripping = Asked("/more", [(0.2, b"x")] * 20)
    assert (dripping.status, dripping.closes) == (408, True)


@pytest.mark.parametrize(
    ("path", "pieces", "headers", "status"),
    [
        ("/unread", [(60, b"x")], None, 200),
        ("/unread", [(60, b"x")], {b"content-length": b"9"}, 200),
        ("/unread", [(0.0, b"x"), (60, b"x")], None, 200),
        ("/unread", [(0.2, b"x")] * 100, None, 200),
        ("/read", [(60, b"x")], {b"content-length": b"11"}, 413),
        ("/read", [(0.0, b"x" * 11), (60, b"x")], None, 413),
    ],
)
def test_an_answer_does_not_wait_for_a_body_that_nobody_reads(
    path: str,
    pieces: list[tuple[float, bytes]],
    headers: dict[bytes, bytes] | None,
    status: int,
) -> None:
    asked = Asked(path, pieces, headers)
    assert (asked.status, asked.closes) == (status, True)
    assert asked.body
    # The bounds are 0.1 s before the answer, and 0.5 s after it unless bytes come.
    assert asked.answered_s < 0.4
    assert 0.5 < asked.ended_s < 1.5


def test_who_is_still_sending_is_read_after_the_answer() -> None:
    asked = Asked("/unread", [(0.15, b"x" * 10)] * 5)
    assert (asked.status, asked.closes, asked.pieces_left) == (200, True, [])
    assert asked.answered_s < 0.4 < asked.ended_s


def test_one_that_is_fast_enough_may_take_its_time() -> None:
    assert Asked("/more", [(0.2, b"x" * 5)] * 5).body == b"25"


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_other_origins_get_nothing(client: TestClient, origin: str) -> None:
    asking = {
        "origin": origin,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }
    for path in (f"{API}/project", "/health", "/docs", "/openapi.json", "/none"):
        preflight = client.options(path, headers=asking)
        assert preflight.status_code in {404, 405}
        read = client.get(path, headers={"origin": origin})
        for answer in (preflight, read):
            assert not [it for it in answer.headers if it.startswith("access-control")]
            assert "set-cookie" not in answer.headers


def test_a_cookie_lets_nobody_in(client: TestClient) -> None:
    headers = {"authorization": "", "cookie": "authorization=ApiKey admin.secret"}
    for path in (f"{API}/project", f"{API}/project?apiKey=admin.secret"):
        assert client.get(path, headers=headers).status_code == 401


def test_browsers_are_told_to_do_little(client: TestClient) -> None:
    page = client.get("/docs")
    data = client.get("/openapi.json")
    for answer in (page, data, client.get("/none")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "sandbox" in data.headers["content-security-policy"]


def test_a_policy_of_its_own_is_left_to_an_answer() -> None:
    async def own(_: Request) -> Response:
        return HTMLResponse("", headers={"content-security-policy": "sandbox"})

    app = Bounds(Starlette(routes=[Route("/", own)]))
    headers: Any = TestClient(app).get("/").headers
    assert headers["content-security-policy"] == "sandbox"
