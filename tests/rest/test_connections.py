"""Connections that do nothing, or too much, end; those of use stay."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hopsartifacts.rest import connections
from hopsartifacts.rest.connections import ConnectionLimit
from hopsartifacts.rest.keys import Caller
from tests.rest.servers import on_thread

SHORT_S = 0.5
STALL_S = 1.0
BOTH_LENGTHS = (
    b"POST /small HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked"
    b"\r\n\r\n0\r\n\r\n"
)
LARGE = 32 * 1024 * 1024
NO_BODY = b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n"
WHOLE = b"GET /slow HTTP/1.1\r\nhost: a\r\n"
SLOW_S = 2.0
CALLER = Caller(id="k", name="tester", scopes=frozenset({"read"}))
KEY = b"authorization: ApiKey valid\r\n"


async def answer(request: Request) -> Response:
    if "authorization" in request.headers:
        request.state.caller = CALLER
    if request.url.path == "/slow":
        await request.body()
        await asyncio.sleep(SLOW_S)
    return Response("x" * LARGE if request.url.path == "/large" else "fine")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "HEAD_S", SHORT_S)
        patch.setattr(connections, "STALL_S", STALL_S)
        with on_thread(
            Starlette(routes=[Route("/{_}", answer, methods=["GET", "POST"])])
        ) as port:
            yield port


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        yield client


def is_ended(client: socket.socket) -> bool:
    """Tell whether the other end hangs up before long."""
    client.settimeout(SHORT_S * 6)
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def read_to_its_end(client: socket.socket) -> int:
    """Return how many bytes came until the other end hung up."""
    read = 0
    with suppress(ConnectionError):
        while piece := client.recv(1024 * 1024):
            read += len(piece)
    return read


def asked(client: socket.socket) -> bytes:
    client.sendall(b"GET /small HTTP/1.1\r\nhost: a\r\n\r\n")
    answer = b""
    while not answer.endswith(b"fine"):
        answer += client.recv(10_000)
    return answer


@pytest.mark.parametrize(
    "said",
    [b"", b"\r\n", b"GET", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\na: b\r\n"],
)
def test_who_does_not_end_his_request_is_not_waited_for(
    client: socket.socket, said: bytes
) -> None:
    client.sendall(said)
    assert is_ended(client)


@pytest.mark.parametrize("said", [b"\r\n", b"GET / HTTP/1.1\r\n"])
def test_neither_is_who_does_not_end_his_second(
    client: socket.socket, said: bytes
) -> None:
    asked(client)
    client.sendall(said)
    assert is_ended(client)


def test_a_connection_that_is_kept_alive_is_left_alone(client: socket.socket) -> None:
    asked(client)
    time.sleep(SHORT_S * 2)
    assert asked(client).startswith(b"HTTP/1.1 200")


def test_headers_without_end_are_refused(client: socket.socket) -> None:
    asked(client)
    client.sendall(b"GET /small HTTP/1.1\r\na: ")
    sent = 0
    with suppress(ConnectionError):
        while sent < 100 * connections.HEAD_BYTES:
            sent += client.send(b"x" * 1000)
            time.sleep(0.001)
    assert sent < 100 * connections.HEAD_BYTES


@pytest.mark.parametrize("size", [60_000, 66_000, 130_000, 250_000])
@pytest.mark.parametrize("is_first", [True, False])
def test_headers_that_arrive_at_once_have_the_same_limit(
    client: socket.socket, size: int, *, is_first: bool
) -> None:
    if not is_first:
        asked(client)
    client.sendall(b"GET /small HTTP/1.1\r\nhost: a\r\na: " + b"x" * size + b"\r\n\r\n")
    answer = client.recv(4096)
    if size <= connections.HEAD_BYTES:
        assert answer.startswith(b"HTTP/1.1 200")
    else:
        assert answer.startswith(b"HTTP/1.1 431")
        assert is_ended(client)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /small?%b HTTP/1.1\r\na: %b\r\n" % (b"x" * 60_000, b"x" * 10_000),
        b"GET /small HTTP/1.1\r\nhost: a\r\n" + b"a: b\r\n" * 12_000,
    ],
    ids=["a long URL", "many headers"],
)
def test_everything_in_a_head_counts(client: socket.socket, head: bytes) -> None:
    client.sendall(head + b"\r\n")
    assert client.recv(4096).startswith(b"HTTP/1.1 431")
    assert is_ended(client)


def test_who_reads_nothing_of_an_answer_is_not_waited_for(
    client: socket.socket,
) -> None:
    client.sendall(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
    time.sleep(STALL_S * 3)
    assert read_to_its_end(client) < LARGE


def test_who_reads_slowly_gets_all_of_it(client: socket.socket) -> None:
    client.sendall(b"GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    read, count = 0, 0
    while piece := client.recv(1024 * 1024):
        read += len(piece)
        count += 1
        if count % 20 == 0:
            time.sleep(SHORT_S / 5)
    assert read > LARGE


@contextmanager
def crowded(most: int) -> Iterator[Callable[[], socket.socket]]:
    """Give what connects to a server that takes so many."""
    app = Starlette(routes=[Route("/{_}", answer, methods=["GET", "POST"])])
    with on_thread(app, limit=ConnectionLimit(most)) as port, ExitStack() as stack:

        def connect() -> socket.socket:
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            return stack.enter_context(connection)

        yield connect


def status_of(client: socket.socket) -> bytes:
    client.sendall(b"GET /small HTTP/1.1\r\nhost: a\r\n\r\n")
    answer = b""
    while not answer.endswith((b"fine", b"Service Unavailable")):
        piece = client.recv(1000)
        assert piece
        answer += piece
    return answer[9:12]


def test_one_connection_too_many_is_told() -> None:
    with crowded(2) as connect:
        first, second = connect(), connect()
        assert status_of(first) == status_of(second) == b"200"
        third = connect()
        assert status_of(third) == b"503"
        assert is_ended(third)
        # Who was there before does not notice, and who leaves makes room.
        assert status_of(first) == b"200"
        second.close()
        time.sleep(0.2)
        assert status_of(connect()) == b"200"


def test_still_more_are_hung_up_on() -> None:
    with crowded(1) as connect:
        assert status_of(connect()) == b"200"
        told, more = connect(), connect()
        assert is_ended(more)
        assert status_of(told) == b"503"


def test_who_asks_nothing_makes_room() -> None:
    with crowded(2) as connect:
        silent, first = connect(), connect()
        assert status_of(first) == b"200"
        assert status_of(connect()) == b"200"
        assert is_ended(silent)
        assert status_of(first) == b"200"


def test_who_has_been_idle_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_S", 0.3)
    with crowded(2) as connect:
        idle, first = connect(), connect()
        assert status_of(idle) == status_of(first) == b"200"
        time.sleep(0.5)
        assert status_of(first) == b"200"
        assert status_of(connect()) == b"200"
        assert is_ended(idle)
        assert status_of(first) == b"200"


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        (NO_BODY, True),
        (NO_BODY + KEY, False),
        # Whole requests may be answered slowly, but not for ever without a key.
        (WHOLE, True),
        (WHOLE + KEY, False),
    ],
)
def test_a_request_without_a_key_keeps_no_place(
    monkeypatch: pytest.MonkeyPatch,
    asked: bytes,
    goes: bool,
) -> None:
    monkeypatch.setattr(connections, "IDLE_S", 0.3)
    with crowded(2) as connect:
        waiting, first = connect(), connect()
        waiting.sendall(asked + b"\r\n")
        # It asks at once: the limit for a first request is as short as the pause.
        assert status_of(first) == b"200"
        time.sleep(0.5)
        assert status_of(first) == b"200"
        assert status_of(connect()) == (b"200" if goes else b"503")
        if asked.startswith(b"POST") and not goes:
            waiting.sendall(b"hello")
        waiting.settimeout(SLOW_S * 4)
        assert waiting.recv(12) == (b"" if goes else b"HTTP/1.1 200")
        assert status_of(first) == b"200"


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /small HTTP/9.9\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /small HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        BOTH_LENGTHS,
        b"\x16\x03\x01\x00\x05hello",
    ],
)
def test_what_is_no_request_is_refused(client: socket.socket, said: bytes) -> None:
    client.sendall(said)
    assert client.recv(10_000).startswith((b"HTTP/1.1 400", b"HTTP/1.1 405"))
    assert is_ended(client)
