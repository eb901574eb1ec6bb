"""Large objects to and from an S3 server, as ratios to a fast client in the same run.

The peer is obstore, a client in Rust. Both move the same bytes, with as many parts in
flight, and small files with as many threads; the server shares this machine's cores
with them. ``HOPSARTIFACTS_BENCH_S3_MB`` sets the size. Saves of many small files are
compared with saves of the same ones again. A command is started as a user does.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
AT_ONCE = 4
"""Parts in flight, as in ``hopsartifacts.storage.s3_transfers``."""
SMALL_FILES = 2000
SMALL_BYTES = 20_000
THREADS = 8
MODELS = 10
# A process of its own, so that its peaks are those of the transfers alone.
PEAK = """
import json, os, sys
from pathlib import Path
from hopsartifacts.storage.connect import connect

def peak():
    # Not from getrusage: that one begins with the parent's.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

def content(mib):
    block = os.urandom(1 << 20)
    for number in range(mib):
        yield b"%08d" % number + block[8:]

storage = connect(sys.argv[1], json.loads(sys.argv[2]))
storage.stat("big")
before = peak()
size = sum(map(len, storage.chunks("big")))
down = peak() - before
storage.write("again", content(size >> 20))
print(size, down // 1024, (peak() - before) // 1024)
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
        chunks, size = content(), 16 * MIB
        obstore.put(
            store,
            "theirs",
            chunks,
            use_multipart=True,
            chunk_size=size,
            max_concurrency=AT_ONCE,
        )

    def theirs_down() -> None:
        stream = obstore.get(store, "big").stream(min_chunk_size=8 * MIB)
        assert sum(map(len, stream)) == SIZE_MB * MIB

    def ours_down() -> None:
        assert sum(map(len, storage.chunks("big"))) == SIZE_MB * MIB

    up = race(lambda: storage.write("big", content()), theirs_up)
    assert digest(storage.chunks("big")) == digest(content())
    down = race(ours_down, theirs_down)
    report("obstore", up[1], f"upload of {SIZE_MB} MB", up[0], record_property)
    report("obstore", down[1], f"download of {SIZE_MB} MB", down[0], record_property)


def test_small_files_against_a_fast_client(
    s3: Server,
    peer: tuple[str, Any],
    record_property: Record,
) -> None:
    """Aim: half as fast."""
    bucket, store = peer
    obstore = pytest.importorskip("obstore")
    storage = connect(f"s3://{bucket}", s3.options())
    files = {f"{n:04}": os.urandom(SMALL_BYTES) for n in range(SMALL_FILES)}

    def all_of(work: Callable[[str], object]) -> list[object]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(work, files))

    up = race(
        lambda: all_of(lambda name: storage.write(f"ours/{name}", [files[name]])),
        lambda: all_of(lambda name: obstore.put(store, f"theirs/{name}", files[name])),
    )
    assert all_of(lambda name: storage.read(f"ours/{name}")) == [*files.values()]
    down = race(
        lambda: all_of(lambda name: storage.read(f"ours/{name}")),
        lambda: all_of(lambda name: bytes(obstore.get(store, f"ours/{name}").bytes())),
    )
    small = f"load of {SMALL_FILES} small files"
    report("obstore", up[1], f"up{small}", up[0], record_property)
    report("obstore", down[1], f"down{small}", down[0], record_property)


def test_memory_of_a_transfer(s3: Server) -> None:
    bucket = s3.bucket()
    storage = connect(f"s3://{bucket}", s3.options())
    storage.write("big", content())
    command = [sys.executable, "-c", PEAK, f"s3://{bucket}", json.dumps(s3.options())]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    size, down, both = map(int, answer.stdout.split())
    print(f"{size // MIB} MB: the process grew by {down} MB, with the upload {both} MB")
    assert size == SIZE_MB * MIB
    assert both < 250


def test_saving_again_with_one_changed_file(
    s3: Server, tmp_path: Path, record_property: Record
) -> None:
    """Aim: 10 times as fast as the first save."""
    folder = make_files(tmp_path / "source", FILES, FILE_BYTES)
    url = f"s3://{s3.bucket()}/p"
    project = hopsartifacts.login(url, storage_options=s3.options())
    creator = project.get_model_registry().python
    names = [f"m{turn}" for turn in range(ROUNDS)]
    new, known = iter(names), iter(names)
    first, again = race(
        lambda: creator.create_model(next(new)).save(folder),
        lambda: creator.create_model(next(known)).save(folder),
        lambda: (folder / "0.bin").write_bytes(os.urandom(FILE_BYTES)),
    )
    report("first save", first, "saving again", again, record_property)


def test_a_cold_command(s3: Server, tmp_path: Path, record_property: Record) -> None:
    """Aim: 0.6 s on a quiet machine; beside other work, look at the CPU time."""
    url = f"s3://{s3.bucket()}/p"
    project = hopsartifacts.login(url, storage_options=s3.options())
    folder = make_files(tmp_path / "source", 1, 1000)
    for number in range(MODELS):
        project.get_model_registry().python.create_model(f"m{number}").save(folder)
    options = tmp_path / "options.json"
    options.write_text(json.dumps(s3.options()))
    module = [sys.executable, "-m", "hopsartifacts.cli"]
    command = [*module, "models", "list", "--storage-options-file", str(options)]
    # An installed package has its bytecode.
    environ = {**os.environ, "HOPSARTIFACTS_URL": url}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)

    def cpu_s() -> float:
        times = os.times()
        return times.children_user + times.children_system

    def run() -> str:
        return subprocess.check_output(command, env=environ, text=True)  # noqa: S603 - our own words

    assert len(run().splitlines()) == MODELS + 1
    waits, works = list[float](), list[float]()
    for _ in range(10):
        before = cpu_s()
        waits.append(timed(run))
        works.append(cpu_s() - before)
    print(f"models list: {min(waits):.2f} s, of which {min(works):.2f} s of CPU time")
    record_property("wall_s", min(waits))
    record_property("cpu_s", min(works))


def content() -> Iterator[bytes]:
    """Yield the same bytes each time, which differ from piece to piece."""
    block = hashlib.shake_256(b"any").digest(MIB)
    for number in range(SIZE_MB):
        yield b"%08d" % number + block[8:]


def digest(chunks: Iterator[bytes]) -> str:
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()


def race(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    between: Callable[[], object] = lambda: None,
) -> tuple[list[float], list[float]]:
    """Return the times of each; they take turns, so noise hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        times[0].append(timed(ours))
        between()
        times[1].append(timed(theirs))
    return times
