"""What the main job costs, as ratios to what any durable copy costs in the same run."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.deployments.artifact_files import UserPath, sources_of

SIZES = {"many small files": (500, 20_000), "one large file": (1, 64_000_000)}


@pytest.mark.parametrize("shape", SIZES)
def test_save_against_a_durable_copy(
    shape: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    count, size = SIZES[shape]
    source = tmp_path / "source"
    source.mkdir()
    for number in range(count):
        (source / f"{number}.bin").write_bytes(os.urandom(size))
    registry = hopsartifacts.login(tmp_path / "project").get_model_registry()

    copied = best_of(3, lambda turn: durable_copy(source, tmp_path / f"copy{turn}"))
    saved = best_of(3, lambda _: registry.python.create_model("m").save(source))

    ratio = copied / saved
    record_property("speed against a durable copy", round(ratio, 2))
    print(f"{shape}: copy {copied:.3f} s, save {saved:.3f} s, ratio {ratio:.2f}")
    assert len(registry.get_models("m")) == 3


@pytest.mark.parametrize("present", [10, 1000])
def test_an_artifact_with_many_versions_present(present: int, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    project = hopsartifacts.login(tmp_path / "project")
    model = project.get_model_registry().python.create_model("m")
    model.save(tmp_path / "model.bin")
    script = tmp_path / "predictor.py"
    store = ArtifactStore(project.storage, "m", 1)

    def save(number: int) -> int:
        script.write_text(f"class Predictor:\n    number = {number}\n")
        files = sources_of(project.storage, "p", "predictor", UserPath(str(script)))
        return store.save(tuple(files), None).version

    for number in range(present):
        assert save(number) == number + 1
    reused = best_of(20, lambda _: save(present - 1))
    made = best_of(20, lambda turn: save(present + turn))
    print(
        f"\n{present} versions present: reused in {reused * 1e3:.2f} ms, "
        f"made in {made * 1e3:.2f} ms"
    )
    assert save(present + 20) == present + 21


def best_of(rounds: int, work: Callable[[int], object]) -> float:
    times = []
    for turn in range(rounds):
        started = time.perf_counter()
        work(turn)
        times.append(time.perf_counter() - started)
    return min(times)


def durable_copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    for path in [*target.iterdir(), target]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
