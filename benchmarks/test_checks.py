"""How long a form waits for the check of a deployment that it describes.

``HOPSARTIFACTS_BENCH_ARTIFACTS`` is how many artifact versions the model version has.
The project is on a local disk, and 200 deployments run some. The script is a new
one, so it is compared with the nearest version. Aim at 1,000 versions: 50 ms.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts.artifacts.documents import ArtifactSource
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.uploads import Uploads
from tests.rest.conftest import FixedKeys, bearing

ARTIFACTS = int(os.environ.get("HOPSARTIFACTS_BENCH_ARTIFACTS", "1000"))
DEPLOYMENTS = 200
ROUNDS = 30
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    project = hopsartifacts.login(str(tmp_path / "demo"))
    (tmp_path / "model.bin").write_bytes(b"weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        registry = project.get_model_registry()
        model = registry.python.create_model("iris").save(tmp_path / "model.bin")
        store = ArtifactStore(project.storage, "iris", 1)
        for number in range(ARTIFACTS):
            chunks = partial(iter, [f"{SCRIPT}# {number}\n".encode()])
            source = ArtifactSource(role="predictor", name="predict.py", chunks=chunks)
            store.save((source,), None)
        for number in range(DEPLOYMENTS):
            model.deploy(f"d{number}", artifact_version=ARTIFACTS - number)
    project.storage.write("Resources/predict.py", [f"{SCRIPT}# new\n".encode()])
    uploads = Uploads(project.storage, tmp_path / "server")
    app = create_app(Hosted(project, FixedKeys(), uploads))
    return TestClient(app, headers=bearing("reader"))


@pytest.mark.parametrize("path", ["/deployments/check", "/deployments/d0/check"])
def test_checks(
    client: TestClient, path: str, record_property: Callable[[str, object], None]
) -> None:
    body: dict[str, Any] = {
        "model": "iris",
        "model_version": 1,
        "script_file": "Resources/predict.py",
    }
    first, *others = [timed(client, path, body) for _ in range(ROUNDS)]
    median = statistics.median(others)
    print(f"\n{path}: first {first:.0f} ms, then {median:.0f} ms")
    record_property("ms", [round(first), round(median)])


def timed(client: TestClient, path: str, body: dict[str, Any]) -> float:
    start = time.perf_counter()
    answer = client.post(f"/api/v1{path}", json=body)
    took_ms = (time.perf_counter() - start) * 1000
    found = answer.json()
    assert found["artifact"]["version"] == ARTIFACTS + 1
    assert found["artifact"]["nearest"]["version"] == ARTIFACTS
    assert found["artifact"]["nearest"]["used_by"] == ["d0"]
    return took_ms
