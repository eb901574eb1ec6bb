"""Serving against the servers of others: the same model, in one run, turn by turn.

Each server has its turn several times and its best turn counts, since whatever else
runs on the machine can only make it slower. ``HOPSARTIFACTS_BENCH_SECONDS`` is how long
a turn takes, ``HOPSARTIFACTS_BENCH_ROUNDS`` how many each has.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from benchmarks.peers import PeerError
from benchmarks.servers import PEERS, V1, Load, load, post, running
from benchmarks.test_comparisons import VENVS
from hopsartifacts import InferenceBatcher, Model

SECONDS = int(os.environ.get("HOPSARTIFACTS_BENCH_SECONDS", "3"))
ROUNDS = int(os.environ.get("HOPSARTIFACTS_BENCH_ROUNDS", "3"))


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    datasets = pytest.importorskip("sklearn.datasets")
    linear_model = pytest.importorskip("sklearn.linear_model")
    joblib = pytest.importorskip("joblib")
    rows, kinds = datasets.load_iris(return_X_y=True)
    path = tmp_path / "model" / "model.joblib"
    path.parent.mkdir()
    joblib.dump(linear_model.LogisticRegression(max_iter=1000).fit(rows, kinds), path)
    return path


@pytest.fixture
def model(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    registry = hopsartifacts.login(tmp_path / "project").get_model_registry()
    return registry.sklearn.create_model("iris").save(model_file)


@contextmanager
def started(model: Model, **settings: Any) -> Iterator[str]:
    deployment = model.deploy(**settings)
    deployment.start()
    try:
        url = deployment.get_url()
        assert url is not None
        yield url
    finally:
        deployment.delete(force=True)


def test_from_start_to_the_first_prediction(model: Model) -> None:
    seconds = []
    for _ in range(ROUNDS):
        deployment = model.deploy()
        began = time.perf_counter()
        deployment.start()
        deployment.predict(inputs=V1["instances"])
        seconds.append(time.perf_counter() - began)
        deployment.delete(force=True)
    print(f"\nfirst prediction after {', '.join(f'{it:.2f}' for it in seconds)} s")


@pytest.mark.parametrize("at_once", [1, 16])
def test_against_other_servers(
    model: Model, model_file: Path, tmp_path: Path, at_once: int
) -> None:
    with ExitStack() as stack:
        targets: dict[str, tuple[str, Mapping[str, object]]] = {
            "ours": (stack.enter_context(started(model)), V1),
            "ours, batched": (
                stack.enter_context(
                    started(
                        model,
                        name="batched",
                        inference_batcher=InferenceBatcher(enabled=True),
                    )
                ),
                V1,
            ),
        }
        for name, peer in PEERS.items():
            try:
                server = running(name, VENVS, model_file, tmp_path / name)
                url, seconds = stack.enter_context(server)
                print(f"\n{name}: first prediction after {seconds:.2f} s")
                targets[name] = (url, peer.body)
            except PeerError as error:
                print(f"\n{name} is left out: {error}")
        best: dict[str, Load] = {}
        for _ in range(ROUNDS):
            for name, (url, body) in targets.items():
                post(url, body)
                seen = load(url, body, at_once=at_once, seconds=SECONDS)
                assert seen.failed == 0, (name, seen)
                known = best.get(name)
                if known is None or seen.requests_per_s > known.requests_per_s:
                    best[name] = seen
    print(f"\n{at_once} at once, best of {ROUNDS} turns of {SECONDS} s")
    ours = best["ours"].requests_per_s
    for name, seen in best.items():
        print(
            f"{name:14} {seen.requests_per_s:8.0f}/s  p50 {seen.p50_ms:6.2f} ms  "
            f"p99 {seen.p99_ms:6.2f} ms  ours is {ours / seen.requests_per_s:5.2f} x"
        )


def test_what_batching_gains(model: Model) -> None:
    best: dict[str, float] = {}
    with ExitStack() as stack:
        batcher = InferenceBatcher(enabled=True)
        urls = {
            "one by one": stack.enter_context(started(model)),
            "batched": stack.enter_context(
                started(model, name="batched", inference_batcher=batcher)
            ),
        }
        for _ in range(ROUNDS):
            for name, url in urls.items():
                seen = load(url, V1, at_once=32, seconds=SECONDS)
                assert seen.failed == 0, (name, seen)
                best[name] = max(best.get(name, 0.0), seen.requests_per_s)
    gain = best["batched"] / best["one by one"]
    print(f"\n32 at once: {best}, {gain:.2f} x")
