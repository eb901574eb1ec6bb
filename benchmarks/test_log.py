"""What a log costs that has grown for years, against one that has just begun.

Aims, as ratios within one run: a save at version 20,000 takes at most 1.5 times as long
as at version 10, and so does reading the latest; an artifact is found again among 1,000
in at most 1.5 times the time it takes among 10. The first save of a model in a process
that has saved others takes at most 10 ms on a quiet disk.

Sizes are measured in turns, so that all see the same weather. The logs are real; only
the files of the versions are not there. ``HOPSARTIFACTS_BENCH_VERSIONS`` says how long
the longest is: 20000 for the aims.
"""

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.registry.versions import model_state
from tests.long_logs import (
    ENTRIES_A_VERSION,
    MODEL,
    artifact_entries,
    model_entries,
    script,
)

LONGEST = int(os.environ.get("HOPSARTIFACTS_BENCH_VERSIONS", "2000"))
SIZES = sorted({10, 500, 1_000, 2_000, LONGEST})
FEW, MANY = 10, 1_000
TURNS = 15
LISTED = 1_000
MODELS = 200
"""So many models were saved before by the same user."""
REMEMBERED = 2_000
"""So many files were in one of them."""

Record = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"weights")
    return path


def test_a_long_log_against_a_short_one(
    tmp_path: Path, weights: Path, record_property: Record
) -> None:
    entries = model_entries(LONGEST)
    projects, log_bytes = {}, {}
    for size in SIZES:
        part = list(islice(entries.items(), round(ENTRIES_A_VERSION * size)))
        projects[size] = made(tmp_path / f"{size}", part)
        log_bytes[size] = sum(len(data) for _, data in part)
    os.sync()
    taken: dict[tuple[str, int], list[float]] = defaultdict(list)
    for turn in range(TURNS + 1):
        for size, project in projects.items():
            weights.write_bytes(b"weights" * (turn + 2))  # none of them is there
            registry = project.get_model_registry()
            model = registry.python.create_model(MODEL, metrics={"loss": 0.5})
            turns = {
                "save": timed(model.save, weights),
                "latest": timed(registry.get_model, MODEL),
                "newest 1,000": timed(newest, project),
                "list": timed(registry.get_models, MODEL),
            }
            for what, seconds in turns.items() if turn else ():  # one warms up
                taken[what, size].append(seconds)
    print("\n| versions | save | latest | newest 1,000 | list | size of `_log` |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        row = " | ".join(
            f"{1000 * statistics.median(taken[what, size]):.1f} ms" for what in turns
        )
        print(f"| {size:,} | {row} | {log_bytes[size] / 1e6:.2f} MB |")
    for what in ("save", "latest"):
        long, short = taken[what, LONGEST], taken[what, SIZES[0]]
        report(f"{what} at {LONGEST} over {SIZES[0]}", long, short, record_property)


def test_an_artifact_among_many_against_one_among_few(
    tmp_path: Path, record_property: Record
) -> None:
    entries = artifact_entries(MANY)
    found: dict[int, list[float]] = {FEW: [], MANY: []}
    created: dict[int, list[float]] = {FEW: [], MANY: []}
    projects = {
        size: made(tmp_path / f"{size}", islice(entries.items(), size))
        for size in found
    }
    for turn in range(TURNS + 1):
        for size, project in projects.items():
            artifacts = ArtifactStore(project.storage, MODEL, 1)
            again = timed(artifacts.save, script(3), None)
            new = timed(artifacts.save, script(-1 - turn), None)
            if turn:
                found[size].append(again)
                created[size].append(new)
    for what, taken in (("found again", found), ("made", created)):
        name = f"artifact {what} among {MANY} over {FEW}"
        report(name, taken[MANY], taken[FEW], record_property)


def test_the_first_save_of_a_model(
    tmp_path: Path, weights: Path, record_property: Record
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(REMEMBERED):
        (many / f"{number}").write_bytes(b"%d" % number)
    registry = hopsartifacts.login(tmp_path / "project").get_model_registry()
    registry.python.create_model("many").save(many)
    for number in range(MODELS):
        registry.python.create_model(f"before{number}").save(weights)
    os.sync()
    first, second, plain = [], [], []
    for turn in range(TURNS):
        model = registry.python.create_model(f"new{turn}")
        first.append(timed(model.save, weights))
        again = registry.python.create_model(f"new{turn}")
        second.append(timed(again.save, weights))
        plain.append(timed(durably, tmp_path / f"plain{turn}"))
    sync_ms = 1000 * statistics.median(plain)
    print(f"writing and syncing one small file: {sync_ms:.1f} ms")
    report("first save of a model over the second", first, second, record_property)


def newest(project: Project) -> object:
    return model_state(project.storage, MODEL).records.newest(LISTED)


def made(root: Path, entries: Iterable[tuple[str, bytes]]) -> Project:
    """Return a project in which these entries lie."""
    project = hopsartifacts.login(root)
    project.get_dataset_api().mkdir("Resources/begun")
    for path, data in entries:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return project


def durably(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"weights")
        file.flush()
        os.fsync(file.fileno())


def timed(work: Callable[..., object], *given: object) -> float:
    started = time.perf_counter()
    work(*given)
    return time.perf_counter() - started


def report(
    what: str, one: list[float], other: list[float], record_property: Record
) -> None:
    """Print the ratio of the medians, and of the best."""
    ratio = statistics.median(one) / statistics.median(other)
    record_property(what, round(ratio, 2))
    print(
        f"{what}: {1000 * statistics.median(one):.1f} and "
        f"{1000 * statistics.median(other):.1f} ms, ratio {ratio:.2f}; the best "
        f"{1000 * min(one):.1f} and {1000 * min(other):.1f} ms, ratio "
        f"{min(one) / min(other):.2f}; load {os.getloadavg()[0]:.1f}"
    )
