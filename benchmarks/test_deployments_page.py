"""How long the list of deployments takes as a page of the API.

``HOPSARTIFACTS_BENCH_DEPLOYMENTS`` is how many there are; none of them runs. Aim at
2,000 deployments: 40 ms for a page once the server knows them.
"""

import os
import statistics
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import httpx
import pytest

from hopsartifacts.project import Project
from hopsartifacts.rest.application import create_app
from tests.rest.conftest import bearing
from tests.rest.servers import on_thread
from tests.web.sites import hosting

DEPLOYMENTS = int(os.environ.get("HOPSARTIFACTS_BENCH_DEPLOYMENTS", "200"))
MODELS = 20
ROUNDS = 10
QUERIES = ("", "?sort=-updated", "?status=Created", "?name=9", "?facets=true")
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"


def test_the_list_of_deployments(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with hosting(tmp_path) as hosted:
        make(hosted.project, tmp_path, DEPLOYMENTS)
        with on_thread(create_app(hosted)) as port:
            print(f"\n{DEPLOYMENTS} deployments")
            for query in ("?limit=1", *QUERIES):
                rounds = 1 if query == "?limit=1" else ROUNDS
                ms = statistics.median(ask(port, query) for _ in range(rounds))
                print(f"    /api/v1/deployments{query}: {ms:.0f} ms")
                record_property(f"deployments{query}, ms", round(ms))
            hosted.close()


def make(project: Project, folder: Path, count: int) -> None:
    """Save *count* deployments; nothing has to last longer than this run."""
    file, script = folder / "weights.json", folder / "predictor.py"
    file.write_text("[1]")
    script.write_text(SCRIPT)
    registry = project.get_model_registry()
    with pytest.MonkeyPatch.context() as patch, (folder / "out").open("w") as out:
        patch.setattr(os, "fsync", lambda _: None)
        with redirect_stdout(out):
            models = [registry.python.create_model(f"m{it}") for it in range(MODELS)]
            for model in models:
                model.save(str(file), keep_original_files=True)
            for number in range(count):
                model = models[number % MODELS]
                model.deploy(f"deployment{number}", script_file=str(script))


def ask(port: int, query: str) -> float:
    """Return how many milliseconds a page of the API takes."""
    url = f"http://127.0.0.1:{port}/api/v1/deployments{query}"
    begin = time.perf_counter()
    answer = httpx.get(url, headers=bearing("admin"), timeout=120, trust_env=False)
    answer.raise_for_status()
    return (time.perf_counter() - begin) * 1000
