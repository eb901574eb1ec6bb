"""A transformer in a pod of its own, with its predictor in another."""

import os
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from hopsartifacts.serving.contract import (
    Batching,
    ComponentResources,
    Golden,
    Launch,
    RequestLogging,
    Resources,
)
from tests.pods.conftest import Server, ServerFactory
from tests.pods.containers import wait_for

TRANSFORMER = ("--component", "transformer")
NAMES = (
    "IS_PREDICTOR",
    "IS_TRANSFORMER",
    "MODEL_NAME",
    "OMP_NUM_THREADS",
    "SCRIPT_NAME",
)


@pytest.fixture
def both(make_launch: Any) -> Launch:
    """Both scripts answer what is asked of them, in words."""
    return make_launch(  # type: ignore[no-any-return]
        """
        import os, time
        class Predictor:
            def predict(self, inputs):
                if inputs == ["environment"]:
                    return [dict(os.environ)]
                if inputs == ["failure"]:
                    raise ValueError("no such flower")
                if inputs == ["long"]:
                    time.sleep(3)
                return [f"predicted {it}" for it in inputs]
        """,
        """
        import os
        class Transformer:
            def preprocess(self, inputs):
                rows = inputs["instances"]
                if rows == ["mine"]:
                    self.mine = dict(os.environ)
                return {"instances": rows}

            def postprocess(self, outputs):
                found = outputs["predictions"]
                if hasattr(self, "mine"):
                    return {"predictions": [self.mine]}
                return {"predictions": [f"{it}!" for it in found]}
        """,
        batching=Batching(max_batch_size=4),
    )


def start_both(
    start: ServerFactory, launch: Launch, *arguments: str, **env: str
) -> tuple[Server, Server]:
    predictor = start(launch, "--component", "predictor", env=env)
    place = f"127.0.0.1:{predictor.port}"
    return predictor, start(
        launch, *TRANSFORMER, *arguments, "--predictor-host", place, env=env
    )


def test_each_runs_its_own_script_only(start: ServerFactory, both: Launch) -> None:
    limits = ComponentResources(
        num_instances=1, requests=Resources(), limits=Resources(cores=1.5)
    )
    launch = replace(both, resources=limits)
    predictor, transformer = start_both(start, launch, OMP_NUM_THREADS="7")
    transformer.wait_ready()
    assert predictor.predict(["a"]) == ["predicted a"]
    assert transformer.predict(["a", "b"]) == ["predicted a!", "predicted b!"]
    [there] = predictor.predict(["environment"])
    [here] = transformer.predict(["mine"])
    assert [there.get(name) for name in NAMES] == [
        *("true", None, "iris_model", "7", "predictor-script.py")
    ]
    assert [here.get(name) for name in NAMES] == [
        *(None, "true", "iris_model", "7", "transformer-script.py")
    ]


def test_it_is_ready_when_its_predictor_is_and_says_for_whom_it_waits(
    start: ServerFactory, both: Launch
) -> None:
    predictor = start(both, "--component", "predictor").wait_ready()
    place = f"127.0.0.1:{predictor.port}"
    transformer = start(both, *TRANSFORMER, "--predictor-host", place).wait_ready()
    predictor.container.terminate()
    wait_for(transformer.container, lambda: transformer.ready()[0] == 503)
    assert f"the predictor {place} is not ready" in transformer.ready()[1]
    assert predictor.container.wait() == 0
    assert httpx.get(f"{transformer.url}/v2/health/live").status_code == 200
    answer = httpx.post(
        f"{transformer.url}/v1/models/flowers:predict", json={"instances": ["a"]}
    )
    assert answer.status_code == 503
    assert f"the predictor {place} cannot be reached" in answer.json()["error"]
    model = httpx.get(f"{transformer.url}/v1/models/flowers")
    assert model.status_code == 503
    assert model.json()["ready"] is False


def test_a_failure_of_the_predictor_is_told_as_in_one_process(
    start: ServerFactory, both: Launch
) -> None:
    predictor, transformer = start_both(start, both)
    transformer.wait_ready()
    url = f"{transformer.url}/v1/models/flowers:predict"
    answer = httpx.post(url, json={"instances": ["failure"]})
    assert answer.status_code == 500
    assert answer.json() == {
        "error": "ValueError: no such flower (predictor-script.py, line 8)",
        "component": "predictor",
    }
    assert "no such flower" in predictor.container.log


def test_options_that_kserve_appends_are_understood(
    start: ServerFactory, both: Launch
) -> None:
    predictor = start(both).wait_ready()
    transformer = start(
        *(both, *TRANSFORMER, "--predictor-host", "nowhere.invalid"),
        *("--model_name", "flowers-isvc", "--predictor_protocol", "v1"),
        *("--predictor_host", f"localhost:{predictor.port}"),
    )
    assert transformer.wait_ready().predict(["a"]) == ["predicted a!"]
    assert "'--predictor_protocol' is not known" in transformer.container.log


@pytest.mark.parametrize("is_right", [True, False])
def test_the_golden_request_goes_through_both(
    start: ServerFactory, both: Launch, is_right: bool
) -> None:
    answer = {"predictions": ["predicted a!" if is_right else "a"]}
    golden = Golden(request={"instances": ["a"]}, answer=answer)
    predictor, transformer = start_both(start, replace(both, golden=golden))
    predictor.wait_ready()
    if is_right:
        transformer.wait_ready()
        return
    wait_for(predictor.container, lambda: transformer.ready()[0] != 200)
    deadline = time.monotonic() + 30
    while transformer.container.is_running and time.monotonic() < deadline:
        assert transformer.ready()[0] != 200
    assert transformer.container.wait() == 1
    assert "gave an answer other than the recorded one" in transformer.container.message


def test_the_log_has_what_clients_sent(
    start: ServerFactory, both: Launch, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    launch = replace(both, logging=RequestLogging(mode="ALL"))
    predictor, transformer = start_both(start, launch, HOPSARTIFACTS_SPOOL=str(spool))
    transformer.wait_ready().predict(["a"])
    [segment] = spool.glob("*.spool")
    assert b"predicted a!" in segment.read_bytes()
    assert predictor.container.is_running


def test_a_request_in_progress_outlives_both(
    start: ServerFactory, both: Launch
) -> None:
    predictor, transformer = start_both(start, both)
    transformer.wait_ready()
    read, write = os.pipe()
    if os.fork() == 0:  # pragma: no cover - a client of its own
        os.write(write, str(transformer.predict(["long"])).encode())
        os._exit(0)
    time.sleep(0.5)
    transformer.container.terminate()
    predictor.container.terminate()
    assert os.read(read, 100) == b"['predicted long!']"
    assert transformer.container.wait() == predictor.container.wait() == 0
    os.wait()
    os.close(read)
    os.close(write)
