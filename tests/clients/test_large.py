"""Five gigabytes through the server, which has far less memory to spare."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from tests.clients.conftest import Client, finished, result_of
from tests.clients.servers import Server

GIB = 1024**3
SIZE = 5 * GIB
ROOM = 4 * SIZE
GROWTH = 200 * 1024 * 1024

pytestmark = pytest.mark.skipif(
    "HOPSARTIFACTS_LARGE_UPLOADS" not in os.environ,
    reason="takes minutes and 20 GB of disk: HOPSARTIFACTS_LARGE_UPLOADS=1 runs it",
)


def test_memory_stays_flat(client: Client, server: Server, tmp_path: Path) -> None:
    """The size of an upload must not be limited by the memory of the server."""
    if shutil.disk_usage(tmp_path).free < ROOM:
        pytest.skip(f"needs {ROOM} free bytes")
    process = client.start(server, tmp_path / "client", "large.py", str(SIZE))
    before = [line for line in iter(process.stdout.readline, "WARM\n") if line]
    assert process.poll() is None, before
    warm, most = server.resident_bytes(), 0
    done = threading.Event()

    def sample() -> None:
        nonlocal most
        while not done.wait(0.05):
            most = max(most, server.resident_bytes())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        printed = finished(process, server)
    finally:
        done.set()
        sampler.join()
    assert result_of(printed) == ["VERSION", "1"]
    print(f"{client.version}: {warm >> 20} MiB before, at most {most >> 20} MiB")  # noqa: T201
    assert most - warm < GROWTH
    model = server.open().get_model_registry().get_model("large", 1)
    sizes = {it.path: it.digest.size_bytes for it in model.manifest.files}
    assert sizes == {"large.bin": SIZE, "mark.bin": 4}
    server.stop()
    shutil.rmtree(tmp_path)
