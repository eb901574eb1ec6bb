"""Sixteen processes that save to one model, against sixteen that have one each.

Aim: 0.5, the price of one log. ``HOPSARTIFACTS_BENCH_SAVES`` says how often
each of them saves.
"""

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import hopsartifacts

WRITERS = 16
SAVES = int(os.environ.get("HOPSARTIFACTS_BENCH_SAVES", "4"))
ROUNDS = 3


def test_one_model_against_many(
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "model.bin").write_bytes(b"weights")
    one, many = [], []
    context = get_context("spawn")
    with ProcessPoolExecutor(WRITERS, mp_context=context) as pool:
        list(pool.map(time.sleep, [0.2] * WRITERS))  # all the processes are there
        for turn in range(ROUNDS):
            project = tmp_path / f"project{turn}"
            hopsartifacts.login(project)

            def race(names: list[str], project: Path = project) -> float:
                jobs = [(project, source, name) for name in names]
                started = time.perf_counter()
                list(pool.map(save, jobs))
                return time.perf_counter() - started

            many.append(race([f"m{number}" for number in range(WRITERS)]))
            one.append(race(["shared"] * WRITERS))
            registry = hopsartifacts.login(project).get_model_registry()
            numbers = [model.version or 0 for model in registry.get_models("shared")]
            assert sorted(numbers) == list(range(1, WRITERS * SAVES + 1))
    ratio = statistics.median(many) / statistics.median(one)
    record_property("one model against many", round(ratio, 2))
    print(
        f"{WRITERS} processes x {SAVES}: many models {statistics.median(many):.2f} s, "
        f"one model {statistics.median(one):.2f} s, ratio {ratio:.2f}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def save(job: tuple[Path, Path, str]) -> None:
    project, source, name = job
    registry = hopsartifacts.login(project).get_model_registry()
    for _ in range(SAVES):
        registry.python.create_model(name).save(source)
