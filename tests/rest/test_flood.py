"""One client opens many connections and asks nothing: the others do not notice."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.rest.crowd import allow_files
from tests.rest.servers import Process

FILES = 1024
FLOOD = 1600
FLOOD_S = 4
FEW_FILES = 320
FEW = 60
"""Three times as many connections as there are places with so few files."""
SOON_S = 3.0
MOST_LOG_BYTES = 100_000
MOST_CPU_S = 10.0
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WHOLE = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
NO_BODY = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n"
NO_CHUNK = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
LOGIN = b"/hopsworks-api/api/auth/login"
SAVE = b"/api/v1/deployments"
PREDICT = b"/v1/models/a:predict"
PAGES = b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n"
SETTLE_S = 3.0
"""Answers fill the buffers of connections that read none, which takes a while."""


@contextmanager
def started(*options: object, files: int = FILES) -> Iterator[Process]:
    process = Process(*map(str, options), files=files)
    try:
        yield process
    finally:
        process.end()


def address_of(url: str) -> tuple[str, int]:
    return "127.0.0.1", int(url.rpartition(":")[2])


@contextmanager
def flood(
    address: tuple[str, int],
    began: bytes,
    size: int = FLOOD,
    hold_s: float = FLOOD_S / 3,
) -> Iterator[None]:
    """Open *size* connections again and again, and hold them for *hold_s* each time."""
    is_over = threading.Event()

    def connect(stack: ExitStack) -> None:
        connection = stack.enter_context(socket.create_connection(address, timeout=5))
        with suppress(OSError):
            connection.sendall(began)

    def run() -> None:
        while not is_over.is_set():
            with ExitStack() as stack:
                for _ in range(size):
                    if is_over.is_set():
                        return
                    with suppress(OSError):
                        connect(stack)
                is_over.wait(hold_s)

    allow_files(FLOOD + FILES)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(30)


def cpu_s(process: Process) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def longest_wait_s(url: str, certificate: str | None) -> float:
    """Return how long it took at most until a new client was answered."""
    verify = ssl.create_default_context(cafile=certificate) if certificate else False
    longest, over = 0.0, time.monotonic() + FLOOD_S
    while time.monotonic() < over:
        began = time.monotonic()
        while True:
            try:
                # A connection of its own, as one has who comes now.
                status = httpx.get(
                    f"{url}/health", verify=verify, timeout=5
                ).status_code
            except httpx.TransportError:
                status = 0
            if status not in {0, 503}:
                break
            assert time.monotonic() < over + FLOOD_S
            time.sleep(0.05)
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.2)
    return longest


@pytest.mark.parametrize(
    ("port", "began", "options"),
    [
        ("url", b"", []),
        ("url", b"", ["--plain-http"]),
        ("url", WHOLE, ["--plain-http"]),
        ("inference", b"", []),
        ("inference", PREFACE, []),
    ],
    ids=["tls", "plain", "idle", "inference", "grpc"],
)
def test_who_asks_nothing_keeps_nobody_out(
    tmp_path: Path, port: str, began: bytes, options: list[str]
) -> None:
    options = [*options, "--access-log", str(tmp_path / "access.log")]
    with started(str(tmp_path / "demo"), *options) as process:
        before_s = cpu_s(process)
        with flood(address_of(process.started[port]), began):
            for asked in ("url", "inference"):
                certificate = process.started["certificate"] if asked == "url" else None
                assert longest_wait_s(process.started[asked], certificate) < SOON_S
        assert cpu_s(process) - before_s < MOST_CPU_S
        _, said = process.end()
        assert len(said) < MOST_LOG_BYTES


@pytest.mark.parametrize(
    ("port", "began"),
    [
        ("url", NO_BODY),
        ("url", NO_CHUNK + b"5\r\nhe"),
        ("url", WHOLE + NO_BODY),
        ("url", NO_BODY.replace(b"/", LOGIN, 1)),
        ("url", NO_BODY.replace(b"/", SAVE, 1)),
        ("url", PAGES * 200),
        ("inference", NO_BODY),
        ("inference", NO_BODY.replace(b"/", PREDICT, 1)),
    ],
    ids=[
        "no-path",
        "half-a-body",
        "second-request",
        "login",
        "save",
        "unread-answers",
        "inference-no-path",
        "prediction",
    ],
)
def test_who_has_no_key_and_sends_no_body_keeps_nobody_out(
    tmp_path: Path, port: str, began: bytes
) -> None:
    options = ["--plain-http", "--access-log", str(tmp_path / "access.log")]
    with started(str(tmp_path / "demo"), *options, files=FEW_FILES) as process:
        with flood(address_of(process.started[port]), began, FEW, hold_s=60):
            time.sleep(SETTLE_S)
            for asked in ("url", "inference"):
                assert longest_wait_s(process.started[asked], None) < SOON_S
        _, said = process.end()
        assert len(said) < MOST_LOG_BYTES
