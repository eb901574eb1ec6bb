"""Many connections at once, each kept alive from its first request to its last."""

import asyncio
import resource
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import h11

from tests.rest.servers import Process

API = "/hopsworks-api/api"
_AT_ONCE = 50
"""So many shake hands at a time: one after the other would take long."""


class Answer(NamedTuple):
    """What one request got, and how long it took."""

    status: int
    body: bytes
    seconds: float


class Crowd(NamedTuple):
    """What all connections got, request by request, and when all were open."""

    answers: list[list[Answer]]
    seconds: float
    connecting_s: float


def allow_files(wanted: int) -> None:
    """Let this process have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listing(project: int, folder: str) -> str:
    """Return the target of a request for what is in a folder."""
    path = quote(folder, safe="")
    return (
        f"{API}/project/{project}/dataset/{path}"
        "?action=listing&offset=0&limit=1000&expand=inodes"
    )


def download(project: int, file: str) -> str:
    """Return the target of a request for a file."""
    path = quote(file, safe="")
    return f"{API}/project/{project}/dataset/download/with_auth/{path}?type=DATASET"


def crowd(process: Process, key: str, size: int, targets: Sequence[str]) -> Crowd:
    """Open *size* connections, and when all are open ask for *targets* on each."""
    context = ssl.create_default_context(cafile=process.certificate)
    port = int(process.url.rpartition(":")[2])
    return asyncio.run(_crowd(context, port, key, size, targets))


async def _crowd(
    context: ssl.SSLContext, port: int, key: str, size: int, targets: Sequence[str]
) -> Crowd:
    door = asyncio.Semaphore(_AT_ONCE)
    all_open = asyncio.Barrier(size + 1)

    async def one() -> list[Answer]:
        async with door:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, ssl_handshake_timeout=120
            )
        try:
            await all_open.wait()
            asking = h11.Connection(h11.CLIENT)
            return [await _ask(reader, writer, asking, it, key) for it in targets]
        finally:
            writer.transport.abort()

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one()) for _ in range(size)]
        await all_open.wait()
        opened = time.perf_counter()
    ended = time.perf_counter()
    return Crowd([it.result() for it in tasks], ended - opened, opened - start)


async def _ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    asking: h11.Connection,
    target: str,
    key: str,
) -> Answer:
    start = time.perf_counter()
    headers = [("host", "localhost"), ("authorization", f"ApiKey {key}")]
    request = h11.Request(method="GET", target=target, headers=headers)
    writer.write(
        (asking.send(request) or b"") + (asking.send(h11.EndOfMessage()) or b"")
    )
    status, body = 0, bytearray()
    while True:
        got = asking.next_event()
        if got is h11.NEED_DATA:
            asking.receive_data(await reader.read(1024 * 1024))
        elif isinstance(got, h11.Response):
            status = got.status_code
        elif isinstance(got, h11.Data):
            body += got.data
        elif isinstance(got, h11.EndOfMessage):
            break
    asking.start_next_cycle()
    return Answer(status, bytes(body), time.perf_counter() - start)


def resident_bytes(process: Process) -> int:
    """Return how much memory a server has."""
    pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()
