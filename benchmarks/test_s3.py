"""Large objects to and from an S3 server, as ratios to a fast client in the same run.

The peer is obstore, a client in Rust. Both move the same bytes with parts and ranges
at the same moment; the server shares this machine's cores with them.
``HOPSARTIFACTS_BENCH_S3_MB`` sets the size. Saves of many small files are compared with
saves of the same ones again.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from benchmarks.test_saving import (
    FILE_BYTES,
    FILES,
    ROUNDS,
    Record,
    make_files,
    report,
    timed,
)
from hopsartifacts.storage.connect import connect
from tests.s3 import conftest
from tests.s3.conftest import KEYS, Server

s3 = conftest.s3
MIB = 1 << 20
SIZE_MB = int(os.environ.get("HOPSARTIFACTS_BENCH_S3_MB", "512"))
# A process of its own, so that its peak is that of the download alone.
PEAK = """
import json, sys
from pathlib import Path
from hopsartifacts.storage.connect import connect

def peak():
    # Not from getrusage: that one begins with the parent's.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

storage = connect(sys.argv[1], json.loads(sys.argv[2]))
storage.stat("big")
before = peak()
size = sum(map(len, storage.chunks("big")))
print(size, (peak() - before) // 1024)
"""


@pytest.fixture
def peer(s3: Server) -> tuple[str, Any]:
    """A bucket, and obstore's client for it."""
    store = pytest.importorskip("obstore.store", reason="pip install obstore")
    bucket = s3.bucket()
    return bucket, store.S3Store(
        bucket,
        endpoint=s3.endpoint,
        access_key_id=KEYS["key"],
        secret_access_key=KEYS["secret"],
        region="us-east-1",
        client_options={"allow_http": True},
    )


def test_upload_and_download_against_a_fast_client(
    s3: Server,
    peer: tuple[str, Any],
    record_property: Record,
) -> None:
    bucket, store = peer
    obstore = pytest.importorskip("obstore")
    storage = connect(f"s3://{bucket}", s3.options())

    def theirs_up() -> None:
        chunks = content()
        obstore.put(store, "theirs", chunks, use_multipart=True, chunk_size=16 * MIB)

    def theirs_down() -> None:
        stream = obstore.get(store, "big").stream(min_chunk_size=8 * MIB)
        assert sum(map(len, stream)) == SIZE_MB * MIB

    def ours_down() -> None:
        assert sum(map(len, storage.chunks("big"))) == SIZE_MB * MIB

    up = race(lambda: storage.write("big", content()), theirs_up)
    down = race(ours_down, theirs_down)
    for what, (ours, theirs) in {"upload": up, "download": down}.items():
        record_property(f"{what} against obstore", round(theirs / ours, 2))
        print(
            f"{what} of {SIZE_MB} MB: ours {SIZE_MB / ours:.0f} MB/s, obstore "
            f"{SIZE_MB / theirs:.0f} MB/s, ratio {theirs / ours:.2f}"
        )


def test_memory_of_a_download(s3: Server) -> None:
    import json  # noqa: PLC0415 - only here

    bucket = s3.bucket()
    storage = connect(f"s3://{bucket}", s3.options())
    storage.write("big", content())
    command = [sys.executable, "-c", PEAK, f"s3://{bucket}", json.dumps(s3.options())]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    size, grown = map(int, answer.stdout.split())
    print(f"download of {size // MIB} MB: the process grew by {grown} MB")
    assert size == SIZE_MB * MIB
    assert grown < 250


def test_saving_again_with_one_changed_file(
    s3: Server, tmp_path: Path, record_property: Record
) -> None:
    """Aim: 10 times as fast as the first save."""
    folder = make_files(tmp_path / "source", FILES, FILE_BYTES)
    url = f"s3://{s3.bucket()}/p"
    project = hopsartifacts.login(url, storage_options=s3.options())
    creator = project.get_model_registry().python
    first, again = [], []
    for turn in range(ROUNDS):
        name = f"m{turn}"
        first.append(timed(creator.create_model(name).save, folder))
        (folder / "0.bin").write_bytes(os.urandom(FILE_BYTES))
        again.append(timed(creator.create_model(name).save, folder))
    report("first save", first, "saving again", again, record_property)


def content() -> Iterator[bytes]:
    """Yield bytes that differ from piece to piece."""
    block = os.urandom(MIB)
    for number in range(SIZE_MB):
        yield b"%08d" % number + block[8:]


def race(ours: Callable[[], None], theirs: Callable[[], None]) -> tuple[float, float]:
    """Return the best time of each; they take turns, so noise hits both."""
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(ROUNDS):
        for name, work in (("ours", ours), ("theirs", theirs)):
            started = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - started)
    return min(times["ours"]), min(times["theirs"])
