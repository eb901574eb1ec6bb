"""How long a page of the lists of models and versions takes, with many versions.

``HOPSARTIFACTS_BENCH_LISTED`` is how many there are, once as versions of a hundred
models and once as a model each. They are asked for over TLS, on one connection that is
kept: of a server that has seen nothing of the project, and of one that was started
again; the first page, then more while nothing happens, then more while a writer saves.
Aims at 10,000 versions: 400 ms for a server's first page, 40 ms for every other one.
"""

import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

import hopsartifacts
from tests.rest.crowd import crowd
from tests.rest.servers import Process, make_key

LISTED = int(os.environ.get("HOPSARTIFACTS_BENCH_LISTED", "1000"))
ROUNDS = 20
PAGES = ("/api/v1/models", "/api/v1/model-versions")


@pytest.mark.parametrize("models", [100, LISTED])
def test_pages_of_lists(
    models: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    url = str(tmp_path / "demo")
    (tmp_path / "model.bin").write_bytes(b"weights")
    make(url, tmp_path / "model.bin", models, LISTED // models)
    key = make_key(url)
    for start, name in enumerate(("first", "started again")):
        process = Process(url)
        try:
            first = ask(process, key, PAGES[start], 1)
            print(f"\n{models} x {LISTED // models}, {name}: {first:.0f} ms")
            record_property(f"{name}, ms", round(first))
            for page in PAGES:
                quiet = ask(process, key, page, ROUNDS)
                with saving(url, tmp_path / "model.bin"):
                    busy = ask(process, key, page, ROUNDS)
                print(f"    {page}: {quiet:.0f} ms, while a writer saves {busy:.0f} ms")
                record_property(f"{page}, ms", [round(quiet), round(busy)])
        finally:
            process.end()


def make(url: str, file: Path, models: int, versions: int) -> None:
    """Save as many models; nothing has to last longer than this run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        registry = hopsartifacts.login(url).get_model_registry()
        for number in range(models):
            for version in range(versions):
                metrics = {"loss": 1 / (number + version + 1), "accuracy": 0.5}
                model = registry.python.create_model(f"model_{number}", metrics=metrics)
                model.save(file)


def ask(process: Process, key: str, page: str, rounds: int) -> float:
    """Return how many milliseconds a page takes; the median."""
    (answers,) = crowd(process, key, 1, [page] * rounds).answers
    assert {it.status for it in answers} == {200}
    return statistics.median(it.seconds for it in answers) * 1000


@contextmanager
def saving(url: str, file: Path) -> Iterator[None]:
    """Let a thread save one version after the other meanwhile."""
    registry, over = hopsartifacts.login(url).get_model_registry(), Event()

    def work() -> None:
        while not over.wait(0.05):
            registry.python.create_model("model_0").save(file)

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
