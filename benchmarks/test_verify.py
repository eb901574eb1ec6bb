"""What verify costs, as a ratio to plain reading and hashing on all cores, in one run.

``VERIFY_BYTES`` names the total size; the default keeps a run short.
"""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import xxhash

import hopsartifacts
from benchmarks.test_main_job import best_of

TOTAL = int(os.environ.get("VERIFY_BYTES", "400_000_000"))
COUNTS = {"files of 20 kB": TOTAL // 20_000, "large files": 4}
CORES = len(os.sched_getaffinity(0))
ROUNDS = 4


@pytest.mark.parametrize("shape", COUNTS)
def test_verify_against_reading_and_hashing(
    shape: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    count = COUNTS[shape]
    source = tmp_path / "source"
    source.mkdir()
    for number in range(count):
        (source / f"{number}.bin").write_bytes(os.urandom(TOTAL // count))
    project = hopsartifacts.login(tmp_path / "project")
    project.get_model_registry().python.create_model("m").save(source)
    paths = sorted(map(str, (tmp_path / "project" / "Models" / "m").rglob("*.bin")))
    shares = [paths[core::CORES] for core in range(CORES)]

    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        list(pool.map(hash_all, [[], []]))  # the processes are there

        def plain(_: int) -> None:
            assert sum(pool.map(hash_all, shares)) == count

        def verify(_: int) -> None:
            assert project.verify().ok

        def verify_in_processes(_: int) -> None:
            assert project.verify(executor=pool).ok

        # In turns, since the machine may be busy with something else meanwhile.
        times = {work: [best_of(1, work)] for work in (plain, verify)}
        times[verify_in_processes] = [best_of(1, verify_in_processes)]
        for _ in range(ROUNDS - 1):
            for work, taken in times.items():
                taken.append(best_of(1, work))

    base = min(times[plain])
    for work in (verify, verify_in_processes):
        ratio = base / min(times[work])
        record_property(f"{work.__name__} against reading and hashing", ratio)
        print(
            f"{shape}: plain {base:.3f} s, {work.__name__} {min(times[work]):.3f} s, "
            f"ratio {ratio:.2f}"
        )


def hash_all(paths: list[str]) -> int:
    """Read and hash as a script would that knows which files to read."""
    buffer = memoryview(bytearray(1 << 20))
    for path in paths:
        hasher = xxhash.xxh3_128()
        with Path(path).open("rb", buffering=0) as file:
            while size := file.readinto(buffer):
                hasher.update(buffer[:size])
        hasher.hexdigest()
    return len(paths)
