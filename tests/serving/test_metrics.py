"""What Prometheus reads of a deployment, of one process and of several."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.metrics import Metrics
from hopsartifacts.serving.runtime.service import Service
from tests.serving.servers import served

LABELS = {"deployment": "flowers", "version": "3"}
WORKER = """
import sys
from prometheus_client import Counter
from hopsartifacts.serving.runtime.metrics import Metrics
metrics = Metrics("flowers", int(sys.argv[1]))
metrics.begin()
metrics.begin()
metrics.end("v1", 200, 0.001)
Counter("petals", "A script's own.").inc()
print("ready", flush=True)
sys.stdin.readline()
print(metrics.page()[0].decode(), end="")
"""


class Predictor:
    def predict(self, inputs: list[Any]) -> Any:
        return inputs if inputs != ["fail"] else float("x")


def value(page: str, name: str, **labels: str) -> float | None:
    wanted = {**LABELS, **labels}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == f"hopsartifacts_{name}" and sample.labels == wanted:
                return sample.value
    return None


def test_requests_are_counted_by_protocol_and_status() -> None:
    """Each outcome is there once, so that a wrong count shows."""
    metrics = Metrics("flowers", 3)
    service = Service("flowers", 3, Chain(Predictor()), meter=metrics)
    tensor = {"name": "x", "shape": [1], "datatype": "INT8", "data": [1]}
    with served(service) as addresses:
        root = f"http://{addresses.http}"
        for body in (
            {"instances": [1]},
            {"instances": [2]},
            {},
            {"instances": ["fail"]},
        ):
            httpx.post(f"{root}/v1/models/flowers:predict", json=body)
        httpx.post(f"{root}/v2/models/flowers/infer", json={"inputs": [tensor]})
        metrics.count_batch(20)
        metrics.count_dropped()
        answer = httpx.get(f"{root}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    page = answer.text
    assert value(page, "requests_total", protocol="v1", status="200") == 2
    assert value(page, "requests_total", protocol="v1", status="400") == 1
    assert value(page, "requests_total", protocol="v1", status="500") == 1
    assert value(page, "requests_total", protocol="v2", status="200") == 1
    assert value(page, "request_seconds_count", protocol="v1") == 4
    assert value(page, "requests_in_flight") == 0
    assert value(page, "batch_rows_bucket", le="32.0") == 1
    assert value(page, "batch_rows_bucket", le="16.0") == 0
    assert value(page, "log_records_dropped_total") == 1
    assert value(page, "deployment_info") == 1


def test_without_a_meter_there_are_no_metrics() -> None:
    with served(Service("flowers", 3, Chain(Predictor()))) as addresses:
        assert httpx.get(f"http://{addresses.http}/metrics").status_code == 404


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    workers: list[subprocess.Popen[str]] = []

    def start(version: int) -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(version)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        )
        workers.append(worker)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        return worker

    yield start
    for worker in workers:
        worker.kill()
        worker.communicate()


def test_any_process_answers_for_all(start: Any) -> None:
    start(3)
    start(4)
    killed = start(3)
    killed.kill()
    killed.wait()
    page = start(3).communicate("\n")[0]
    assert value(page, "requests_total", protocol="v1", status="200") == 3
    assert value(page, "request_seconds_count", protocol="v1") == 3
    assert value(page, "requests_in_flight") == 2
    assert value(page, "deployment_info") == 1
    assert value(page, "deployment_info", version="4") == 1
    assert "petals_total 4.0" in page


def test_counting_costs_little(tmp_path: Path) -> None:
    measure = (
        "import sys; from timeit import repeat; "
        "from hopsartifacts.serving.runtime.metrics import Metrics; "
        "m = Metrics('flowers', 3); "
        "print(min(repeat(lambda: (m.begin(), m.end('v1', 200, 0.001)), "
        "number=1000, repeat=20)) / 1000)"
    )
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", measure], env=environ, capture_output=True, check=True
    )
    # Five microseconds on a quiet machine.
    assert float(run.stdout) < 50e-6
