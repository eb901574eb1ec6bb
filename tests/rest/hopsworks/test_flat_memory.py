"""Big files go through the server without being held in its memory."""

import asyncio
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.project import Project
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from tests.rest.conftest import bearing
from tests.rest.hopsworks.dataset_wire import Wire

MIB = 1024 * 1024
BIG = 120 * MIB
FLAT = 20 * MIB


def exchanged(
    hosted: Hosted, method: str, url: str, headers: dict[str, str], parts: list[bytes]
) -> tuple[int, int]:
    """Send a request in parts; return the status and how many bytes came back."""
    path, _, query = url.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 443),
    }
    pending = iter([*parts, b""])
    status = size = 0
    ended = asyncio.Event()

    async def receive() -> dict[str, Any]:
        for part in pending:
            return {"type": "http.request", "body": part, "more_body": bool(part)}
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status, size
        status = message.get("status", status)
        size += len(message.get("body", b""))

    async def run() -> None:
        await create_app(hosted)(scope, receive, send)

    asyncio.run(run())
    return status, size


@pytest.fixture
def peak() -> Any:
    """Tells how many bytes a call needed at most."""

    def _peak(call: Callable[[], None]) -> int:
        tracemalloc.start()
        try:
            call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return _peak


def sparse(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(BIG)
    return path


@pytest.mark.parametrize("asked", ["", f"bytes=10-{BIG - 1}"])
def test_a_big_file_is_downloaded(
    wire: Wire, hosted: Hosted, tmp_path: Path, peak: Any, asked: str
) -> None:
    sparse(tmp_path / "demo/Resources/big")
    headers = {**bearing("reader"), **({"range": asked} if asked else {})}
    url = wire.url("download/with_auth", "Resources/big")

    def download() -> None:
        status, size = exchanged(hosted, "GET", url, headers, [])
        assert (status, size) == ((206, BIG - 10) if asked else (200, BIG))

    assert peak(download) < FLAT


def test_a_big_chunk_is_uploaded(
    wire: Wire, hosted: Hosted, tmp_path: Path, peak: Any
) -> None:
    """Clients choose the size of chunks, so one chunk may not be held in memory."""
    part = bytes(MIB)
    size = 100 * MIB
    fields = {
        "flowFilename": "big",
        "flowChunkNumber": "1",
        "flowChunkSize": str(size),
        "flowTotalChunks": "1",
        "flowTotalSize": str(size),
    }
    form = [
        f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'
        for k, v in fields.items()
    ]
    disposition = 'Content-Disposition: form-data; name="file"; filename="big"'
    form.append(f"--b\r\n{disposition}\r\n\r\n")
    body = [*(it.encode() for it in form), *([part] * 100), b"\r\n--b--\r\n"]
    headers = {
        **bearing("writer"),
        "content-type": "multipart/form-data; boundary=b",
        "transfer-encoding": "chunked",
    }

    def upload() -> None:
        url = wire.url("upload", "Resources")
        assert exchanged(hosted, "POST", url, headers, body) == (200, 0)

    assert peak(upload) < FLAT
    assert (tmp_path / "demo/Resources/big").stat().st_size == size


def test_a_big_folder_is_packed(
    wire: Wire, tmp_path: Path, project: Project, peak: Any
) -> None:
    sparse(tmp_path / "demo/Resources/a/big")

    def pack() -> None:
        project.get_dataset_api().zip("Resources/a")

    def unpack() -> None:
        wire.post("Resources/a", action="move", destination_path="Resources/b")
        project.get_dataset_api().unzip("Resources/a.zip")

    assert peak(pack) < FLAT
    assert peak(unpack) < FLAT
    assert wire.stat("Resources/a/big")["attributes"]["size"] == BIG
