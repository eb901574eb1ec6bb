"""Saving against others that save the same files, turn by turn in one run.

Before each of our saves, which pytest-benchmark times, the other one has its turn; the
ratio of the medians, theirs to ours, goes to ``extra_info``. Ours do all that a user
gets: hashing, durability, commit. The sizes of the aims:
``HOPSARTIFACTS_BENCH_FILES=10000 HOPSARTIFACTS_BENCH_LARGE_MB=2000``.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from benchmarks.peers import SAVE, Peer, PeerError, installed
from benchmarks.test_saving import FILE_BYTES, FILES, LARGE_MB, ROUNDS, make_files
from hopsartifacts import ModelRegistry

pytest.importorskip("pytest_benchmark", reason="pip install pytest-benchmark")

SHAPES = {
    "many small files": (FILES, FILE_BYTES),
    "one large file": (1, LARGE_MB * 1_000_000),
}
VENVS = Path(
    os.environ.get("HOPSARTIFACTS_BENCH_VENVS")
    or Path(tempfile.gettempdir(), "hopsartifacts-benchmark-peers")
)
Work = Callable[[], object]


@pytest.fixture(params=SHAPES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_files(tmp_path / "source", *SHAPES[request.param])


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRegistry:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    return hopsartifacts.login(tmp_path / "project").get_model_registry()


@pytest.fixture
def save_new(registry: ModelRegistry, folder: Path, tmp_path: Path) -> Iterator[Work]:
    """Save under a new name each time: nothing is known that could be shared."""
    names: list[str] = []

    def save() -> None:
        names.append(f"m{len(names)}")
        registry.python.create_model(names[-1]).save(folder)

    yield save
    assert stored(tmp_path, names[-1], 1) == names_in(folder)


def test_save_against_a_durable_cp(
    benchmark: Any, save_new: Work, folder: Path, tmp_path: Path
) -> None:
    """Aims: 0.9 for one file of 2 GB, 0.7 for 10,000 of 20 kB."""

    def cp() -> float:
        started = time.perf_counter()
        durable_cp(folder, tmp_path / "copy")
        taken = time.perf_counter() - started
        shutil.rmtree(tmp_path / "copy")
        return taken

    compare(benchmark, "cp -r and fsync", save_new, cp)


@pytest.mark.parametrize("name", SAVE)
def test_save_against_another_registry(
    benchmark: Any, save_new: Work, folder: Path, tmp_path: Path, name: str
) -> None:
    """Aim: 5 for many files."""
    try:
        venv = installed(name, VENVS)
    except PeerError as error:
        pytest.skip(str(error))
    with Peer(name, venv, tmp_path / name) as peer:
        compare(benchmark, name, save_new, lambda: peer.save(folder))


def test_saving_again_with_one_changed_file(
    benchmark: Any, registry: ModelRegistry, tmp_path: Path
) -> None:
    """Aim: 10 times as fast as the first save."""
    folder = make_files(tmp_path / "source", FILES, FILE_BYTES)
    turn = 0

    def first() -> float:
        nonlocal turn
        turn += 1
        # The source is older than what is remembered of it, as a user's would be.
        time.sleep(0.1)
        started = time.perf_counter()
        save()
        taken = time.perf_counter() - started
        (folder / "0.bin").write_bytes(os.urandom(FILE_BYTES))
        return taken

    def save() -> None:
        registry.python.create_model(f"m{turn}").save(folder)

    compare(benchmark, "the first save", save, first)
    assert stored(tmp_path, f"m{turn}", 2) == names_in(folder)


def compare(benchmark: Any, name: str, ours: Work, theirs: Callable[[], float]) -> None:
    """Let them take turns; *theirs* says itself how long it took."""
    others: list[float] = []
    own: list[float] = []
    syncs: list[float] = []

    def setup() -> None:
        others.append(theirs())
        started = time.perf_counter()
        os.sync()
        syncs.append(time.perf_counter() - started)

    def timed() -> None:
        started = time.perf_counter()
        ours()
        own.append(time.perf_counter() - started)

    benchmark.pedantic(timed, setup=setup, rounds=ROUNDS)
    ratio = statistics.median(others) / statistics.median(own)
    turns = [round(other / mine, 2) for other, mine in zip(others, own, strict=True)]
    benchmark.extra_info |= {"against": name, "ratio": round(ratio, 2), "turns": turns}
    print(
        f"{name} {statistics.median(others):.3f} s, ours {statistics.median(own):.3f} "
        f"s, ratio {ratio:.2f} (turn by turn {turns}), load {os.getloadavg()[0]:.1f}; "
        f"what {name} left to be synced took {statistics.median(syncs):.3f} s"
    )


def stored(tmp_path: Path, model: str, version: int) -> list[str]:
    return names_in(tmp_path / "project" / "Models" / model / str(version) / "Files")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def durable_cp(folder: Path, target: Path) -> None:
    subprocess.run(["cp", "-r", str(folder), str(target)], check=True)  # noqa: S603, S607 - any cp will do
    for path in [*target.iterdir(), target, target.parent]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
