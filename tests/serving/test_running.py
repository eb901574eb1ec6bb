import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from hopsartifacts.errors import DeploymentFailedError, NotRunningError, PredictionError
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local import LocalBackend
from hopsartifacts.serving.local.client import ModelServerClient
from tests.serving.conftest import FLOWERS

ASK = {"instances": [[1, 2]]}


def test_a_deployment_starts_predicts_and_stops(
    backend: LocalBackend, echo: Launch, live: Callable[[], list[Any]]
) -> None:
    backend.start(echo, await_running_s=60)
    state = backend.state(FLOWERS)
    assert state.status == "Running"
    assert (state.available_predictor_instances, state.deployment_version) == (1, 3)
    assert state.url == f"http://127.0.0.1:{state.port}"
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}
    assert len(live()) == 2, "a keeper and a worker"

    backend.stop(FLOWERS, await_stopped_s=30)
    assert live() == []
    assert backend.state(FLOWERS).status == "Stopped"
    assert backend.state(FLOWERS).deployment_version is None
    with pytest.raises(NotRunningError, match="'flowers' is Stopped"):
        backend.predict(FLOWERS, ASK)
    backend.stop(FLOWERS, await_stopped_s=30)


def test_what_never_ran_is_created(backend: LocalBackend, run_root: Path) -> None:
    state = backend.state(FLOWERS)
    assert state.status == "Created"
    assert state.condition is not None
    assert (state.condition.type, state.condition.status) == ("STOPPED", True)
    with pytest.raises(NotRunningError, match="'flowers' is Created"):
        backend.predict(FLOWERS, ASK)
    backend.stop(FLOWERS, await_stopped_s=0)
    backend.forget(FLOWERS)
    assert backend.read_logs(FLOWERS, "predictor", 10) == ""
    assert not run_root.exists()


def test_run_files_are_private_and_can_be_forgotten(
    backend: LocalBackend, echo: Launch, run_root: Path, tmp_path: Path
) -> None:
    backend.start(echo, await_running_s=60, detach=True)
    [folder] = run_root.glob("*/flowers")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    backend.forget(FLOWERS)
    assert not folder.exists()
    assert backend.state(FLOWERS).status == "Created"
    assert len(list((tmp_path / "Logs" / "flowers").iterdir())) == 1


def test_logs_of_the_newest_run_are_kept(
    backend: LocalBackend, make_launch: Any
) -> None:
    for word in ["first", "second"]:
        launch = make_launch(
            f"""
            print("hello from the {word} run")
            class Predict:
                def predict(self, inputs):
                    raise ValueError("not today")
            """,
            features=frozenset({"transformer"}),
        )
        backend.start(launch, await_running_s=60)
        with pytest.raises(PredictionError, match="not today") as raised:
            backend.predict(FLOWERS, ASK)
        assert raised.value.status == 500
        where = "(predictor-script.py, line 5)"
        assert raised.value.detail == f"predictor: ValueError: not today {where}"
        backend.stop(FLOWERS, await_stopped_s=30)
    log = backend.read_logs(FLOWERS, "transformer", 100)
    assert "hello from the second run" in log
    assert "first" not in log
    assert "Traceback" in log
    assert len(backend.read_logs(FLOWERS, "predictor", 2).splitlines()) == 2


def test_without_a_log_folder_logs_are_run_files(
    run_root: Path, make_launch: Any
) -> None:
    backend = LocalBackend("iris", "file:///other", run_root=run_root)
    launch = make_launch(
        "print('hi')\nclass Predict:\n    def predict(self, x): ...",
        project_url="file:///other",
    )
    backend.start(launch, await_running_s=60)
    assert backend.read_logs(FLOWERS, "predictor", 100).startswith("hi")
    assert list(run_root.glob("*/flowers/*_predictor.log"))


def test_scripts_get_their_environment_values_and_files(
    backend: LocalBackend,
    make_launch: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One start shows all that a script is given, and what is kept from it."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    launch = make_launch(
        """
        import os
        import additional

        class Predictor:
            def __init__(self, project, model, deployment):
                self.values = [
                    project.name, project.url, model.name, model.version,
                    model.files_path, deployment.name, deployment.version,
                ]

            def predict(self, inputs):
                return [dict(os.environ), self.values, additional.WORD, os.getcwd()]
        """,
        """
        class Transformer:
            async def preprocess(self, inputs):
                return inputs

            def postprocess(self, outputs):
                return [*outputs["predictions"], "postprocessed"]
        """,
    )
    artifact_files = Path(launch.artifact_files_path)
    (artifact_files / "additional.py").write_text("WORD = 'imported'")
    before = sorted(artifact_files.iterdir())
    backend.start(launch, await_running_s=60)
    assert backend.state(FLOWERS).available_transformer_instances == 1
    environ, values, word, folder, last = backend.predict(FLOWERS, ASK)["predictions"]
    assert "AWS_SECRET_ACCESS_KEY" not in environ
    assert environ["MODEL_FILES_PATH"] == launch.model_files_path
    assert environ["IS_PREDICTOR"] == environ["IS_TRANSFORMER"] == "true"
    assert values == [
        "iris",
        launch.project_url,
        "iris_model",
        2,
        launch.model_files_path,
        "flowers",
        3,
    ]
    assert (word, last) == ("imported", "postprocessed")
    assert environ["ARTIFACT_FILES_PATH"] != launch.artifact_files_path
    assert Path(environ["ARTIFACT_FILES_PATH"]).parent == Path(folder).parent
    assert not Path(folder).exists() or not [*Path(folder).iterdir()]
    assert sorted(artifact_files.iterdir()) == before, "a sealed folder was written to"


def test_the_v2_protocol_tells_the_version_of_the_model(
    backend: LocalBackend, echo: Launch
) -> None:
    assert echo.model_version != echo.deployment_version
    backend.start(echo, await_running_s=60)
    url = f"http://127.0.0.1:{backend.state(FLOWERS).port}/v2/models/flowers"
    version = str(echo.model_version)
    assert httpx.get(url).json()["versions"] == [version]
    asked = {"inputs": [{"name": "x", "shape": [1], "datatype": "INT8", "data": [1]}]}
    answer = httpx.post(f"{url}/versions/{version}/infer", json=asked).json()
    assert answer["model_version"] == version
    gone = httpx.get(f"{url}/versions/{echo.deployment_version}")
    assert (gone.status_code, f"version {version}" in gone.text) == (404, True)


def test_scikit_learn_models_need_no_script(
    backend: LocalBackend, make_launch: Any
) -> None:
    launch = make_launch(framework="SKLEARN")
    model = LogisticRegression().fit([[0.0, 1.0], [5.0, 6.0]], [0, 1])
    joblib.dump(model, Path(launch.model_files_path) / "model.joblib")
    backend.start(launch, await_running_s=120)
    answer = backend.predict(FLOWERS, {"instances": [[0, 1], [5, 6]]})
    assert answer == {"predictions": [0, 1]}
    with pytest.raises(PredictionError, match="the rows have 1 value") as raised:
        backend.predict(FLOWERS, {"instances": [[1]]})
    assert raised.value.status == 400
    backend.stop(FLOWERS, await_stopped_s=30)


def test_a_start_that_does_not_wait_returns_at_once(
    backend: LocalBackend, make_launch: Any
) -> None:
    launch = make_launch(
        """
        import time
        time.sleep(3)
        class Predict:
            def predict(self, inputs): return inputs
        """
    )
    backend.start(launch, await_running_s=0)
    assert backend.state(FLOWERS).status == "Starting"
    with pytest.raises(NotRunningError, match="'flowers' is Starting") as told:
        backend.predict(FLOWERS, ASK)
    assert str(told.value).endswith("): wait until it runs")
    with pytest.raises(DeploymentFailedError, match="not ready within"):
        backend.start(launch, await_running_s=0.1)
    backend.start(launch, await_running_s=60)
    assert backend.state(FLOWERS).status == "Running"


def test_a_start_returns_only_when_the_server_really_answers(
    backend: LocalBackend, echo: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [False, True]
    monkeypatch.setattr(ModelServerClient, "is_ready", lambda *_: answers.pop(0))
    backend.start(echo, await_running_s=60)
    assert answers == []


def test_what_runs_already_is_left_alone(backend: LocalBackend, echo: Launch) -> None:
    backend.start(echo, await_running_s=60)
    state = backend.state(FLOWERS)
    backend.start(echo, await_running_s=60)
    backend.start(echo, await_running_s=60, port=state.port)
    assert backend.state(FLOWERS) == state
    assert state.port is not None
    with pytest.raises(DeploymentFailedError, match=r"runs on port .* stop it first"):
        backend.start(echo, await_running_s=60, port=state.port + 1)


def test_another_version_must_wait_its_turn(
    backend: LocalBackend, echo: Launch, make_launch: Any
) -> None:
    backend.start(echo, await_running_s=60)
    other = make_launch("", deployment_version=4)
    with pytest.raises(DeploymentFailedError, match="version 3 already runs; stop it"):
        backend.start(other, await_running_s=60)


def test_a_deployment_started_in_a_thread_outlives_it(
    backend: LocalBackend, echo: Launch
) -> None:
    thread = threading.Thread(
        target=backend.start, args=[echo], kwargs={"await_running_s": 60}
    )
    thread.start()
    thread.join()
    time.sleep(1.2)
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}


def test_the_server_answers_while_it_predicts(
    backend: LocalBackend, make_launch: Any, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    launch = make_launch(
        f"""
        import pathlib, time
        class Predict:
            def predict(self, inputs):
                while not pathlib.Path({str(gate)!r}).exists():
                    time.sleep(0.01)
                return inputs
        """
    )
    backend.start(launch, await_running_s=60)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(backend.predict, FLOWERS, ASK)
        # Joining a start asks the server whether it is ready.
        backend.start(launch, await_running_s=60)
        assert not answer.done()
        gate.touch()
        assert answer.result(60) == {"predictions": [[1, 2]]}


def test_requests_can_be_limited(
    backend: LocalBackend, echo: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPSARTIFACTS_MAX_REQUEST_BYTES", "50")
    backend.start(echo, await_running_s=60)
    assert backend.predict(FLOWERS, ASK) == {"predictions": [[1, 2]]}
    with pytest.raises(PredictionError, match="larger than 50 bytes") as raised:
        backend.predict(FLOWERS, {"instances": [[1] * 100_000]})
    assert raised.value.status == 413
