"""What the catalog costs with many versions, as ratios to reading the bare log."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import hopsartifacts
from hopsartifacts import Project

VERSIONS = int(os.environ.get("HOPSARTIFACTS_BENCHMARK_VERSIONS", "200"))
KEPT = ".hopsartifacts/catalog/models.parquet"


def test_a_catalog_of_many_versions_against_its_log(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    project = hopsartifacts.login(tmp_path / "project")
    registry = project.get_model_registry()
    for number in range(VERSIONS):
        model = registry.python.create_model("m", metrics={"number": number})
        model.save(tmp_path / "model.bin")
    registry.catalog()  # pyarrow is imported once

    entries = [entry.path for entry in project.storage.list("Models/m/_log")]
    seals = entries[1::2]
    raw = best_of(3, lambda: [project.storage.read(path) for path in seals])
    built = best_of(3, lambda: build_anew(project))
    again = best_of(3, registry.catalog)

    assert registry.catalog().num_rows == VERSIONS
    record_property("building against reading the log", round(raw / built, 3))
    record_property("reading again against building", round(built / again, 1))
    print(
        f"{VERSIONS} versions: log read in {raw:.3f} s, catalog built in {built:.3f} s "
        f"(ratio {raw / built:.2f}), read again in {again:.3f} s "
        f"({built / again:.0f} times as fast)"
    )


def build_anew(project: Project) -> None:
    project.storage.delete_tree(KEPT)
    project.get_model_registry().catalog()


def best_of(rounds: int, work: Callable[[], object]) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)
