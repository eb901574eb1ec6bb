"""What a batcher gains with scikit-learn, and what noting exchanges down costs."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hopsartifacts.serving.contract import Batching
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.predictors import SklearnPredictor
from hopsartifacts.serving.runtime.protocol import PredictCall
from hopsartifacts.serving.runtime.service import Observer, Service
from tests.inference_log.conftest import make_exchange, make_recorder

BODY = b'{"instances": [[5.1, 3.5, 1.4, 0.2]]}'
REQUESTS = 3200


def rate(
    predictor: Any,
    batching: Batching | None,
    clients: int,
    observers: tuple[Observer, ...] = (),
) -> float:
    service = Service("m", 1, Chain(predictor, None, batching), observers)

    async def client(count: int) -> None:
        for _ in range(count):
            answer = await service.handle(PredictCall(BODY))
            assert answer.status == 200

    async def all_clients() -> float:
        await client(10)
        started = time.perf_counter()
        await asyncio.gather(*(client(REQUESTS // clients) for _ in range(clients)))
        return REQUESTS / (time.perf_counter() - started)

    return asyncio.run(all_clients())


@pytest.mark.parametrize("clients", [1, 16, 32])
def test_a_batcher_against_none_without_http(
    tmp_path: Path, clients: int, record_property: Callable[[str, object], None]
) -> None:
    rows = np.random.default_rng(0).random((150, 4))
    model = LogisticRegression().fit(rows, rows.sum(axis=1) > 2)
    joblib.dump(model, tmp_path / "model.joblib")
    predictor = SklearnPredictor(tmp_path)
    recorder = make_recorder(tmp_path / "spool")
    plain = max(rate(predictor, None, clients) for _ in range(3))
    batched = max(rate(predictor, Batching(), clients) for _ in range(3))
    logged = max(rate(predictor, Batching(), clients, (recorder,)) for _ in range(3))
    record_property("batched against not", round(batched / plain, 2))
    print(
        f"{clients} clients: {plain:.0f} requests/s, with a batcher {batched:.0f} "
        f"({batched / plain:.1f} times as many), and a logger {logged:.0f}"
    )
    if clients == 32:
        assert batched > 2 * plain
    recorder.close()


def test_noting_an_exchange_down(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    recorder = make_recorder(tmp_path / "spool")
    exchange = make_exchange()

    def fifty() -> float:
        started = time.perf_counter()
        for _ in range(50):
            recorder.see(exchange)
        return (time.perf_counter() - started) / 50 * 1e6

    least_us = min(fifty() for _ in range(100))
    record_property("microseconds a record", round(least_us, 1))
    print(f"an exchange is noted down in {least_us:.1f} microseconds")
    recorder.close()
