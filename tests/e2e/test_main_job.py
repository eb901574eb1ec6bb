"""The main job from end to end, with real models and a real server process."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import psutil
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import hopsartifacts
from hopsartifacts import Deployment, Model, Project, Transformer
from hopsartifacts.errors import (
    IntegrityError,
    InvalidInputError,
    NotRunningError,
    PredictionError,
    UnsupportedHereError,
)

PREDICTOR = """
import os
from pathlib import Path
import joblib

class Predict:
    def __init__(self):
        self.model = joblib.load(Path(os.environ["MODEL_FILES_PATH"], "iris.joblib"))
        print("model loaded")

    async def predict(self, inputs):
        return self.model.predict(inputs).tolist()
"""
DOUBLER = """
class Transformer:
    def preprocess(self, inputs):
        return [[value / 10 for value in row] for row in inputs["instances"]]

    def postprocess(self, outputs):
        return [f"class {label}" for label in outputs["predictions"]]
"""
ROW = [5.1, 3.5, 1.4, 0.2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("iris")
    features, labels = load_iris(return_X_y=True)
    estimator = LogisticRegression(max_iter=500).fit(features, labels)
    joblib.dump(estimator, folder / "iris.joblib")
    return folder


@pytest.fixture(params=["file", "memory"])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    url = tmp_path / "p" if request.param == "file" else f"memory://{tmp_path.name}"
    project = hopsartifacts.login(url)
    yield project
    for deployment in project.get_model_serving().get_deployments():
        deployment.delete(force=True)


@pytest.fixture
def model(opened: Project, trained: Path) -> Model:
    return opened.get_model_registry().sklearn.create_model("my_model").save(trained)


def test_a_model_is_served_with_a_script_and_gone_after_stop(
    opened: Project, model: Model, tmp_path: Path
) -> None:
    (tmp_path / "predictor.py").write_text(PREDICTOR)
    predictor = opened.get_model_serving().create_predictor(
        model, script_file="predictor.py"
    )
    deployment: Deployment = predictor.deploy()
    assert deployment.get_state().status == "Created"

    deployment.start()

    state = deployment.get_state()
    assert (state.status, state.condition.type) == ("Running", "READY")
    assert deployment.predict(inputs=[ROW, ROW]) == {"predictions": [0, 0]}
    assert deployment.predict(data={"instances": [ROW]}) == {"predictions": [0]}
    assert "model loaded" in deployment.read_logs(tail=50)
    deployment.stop()
    assert deployment.get_state().status == "Stopped"
    assert "model loaded" in deployment.read_logs(tail=50)
    with pytest.raises(NotRunningError, match="mymodel"):
        deployment.predict(inputs=[ROW])
    assert children() == []


def test_a_sklearn_model_needs_no_script_and_takes_a_transformer(
    opened: Project, model: Model, tmp_path: Path
) -> None:
    (tmp_path / "transformer.py").write_text(DOUBLER)
    plain = model.deploy(name="plain")
    chained = model.deploy(name="chained", transformer=Transformer("transformer.py"))
    assert (plain.artifact_version, chained.artifact_version) == (0, 1)

    plain.start()
    chained.start()

    assert plain.predict(inputs=ROW) == {"predictions": [0]}
    scaled = [[value * 10 for value in ROW]]
    assert chained.predict(inputs=scaled) == {"predictions": ["class 0"]}
    assert chained.get_state().available_transformer_instances == 1
    names = [d.name for d in opened.get_model_serving().get_deployments()]
    assert names == ["chained", "plain"]
    running = opened.get_model_serving().get_deployments(status="RUNNING")
    assert [d.name for d in running] == ["chained", "plain"]


def test_saving_a_change_moves_a_running_deployment_on(
    model: Model, tmp_path: Path
) -> None:
    script = tmp_path / "predictor.py"
    script.write_text("class Predictor:\n    def predict(self, inputs): return ['a']\n")
    deployment = model.deploy(script_file=script)
    deployment.start()
    script.write_text("class Predictor:\n    def predict(self, inputs): return ['b']\n")

    deployment.save()  # the sealed script is what counts
    assert deployment.predict(inputs=ROW) == {"predictions": ["a"]}
    deployment.script_file = str(script)
    deployment.save()

    assert (deployment.version, deployment.artifact_version) == (2, 2)
    assert deployment.predict(inputs=ROW) == {"predictions": ["b"]}
    assert deployment.get_state().to_dict()["deployment_version"] == 2


def test_what_a_script_raises_reaches_the_caller(model: Model, tmp_path: Path) -> None:
    script = tmp_path / "predictor.py"
    script.write_text(
        "class Predictor:\n    def predict(self, inputs): raise ValueError('no luck')\n"
    )
    deployment = model.deploy(script_file=script)
    deployment.start()

    with pytest.raises(PredictionError, match="no luck") as caught:
        deployment.predict(inputs=ROW)

    assert caught.value.status == 500
    # The keeper writes the log: a line may be there a moment after the answer.
    deadline = time.monotonic() + 30
    while "Traceback" not in deployment.read_logs(tail=100):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    "request_arguments",
    [
        {},
        {"inputs": [ROW], "data": {"instances": [ROW]}},
        {"inputs": []},
        {"inputs": "row"},
        {"data": {"rows": [ROW]}},
        {"data": {"instances": []}},
        {"inputs": [[object()]]},
    ],
)
def test_what_is_no_request_is_refused_before_it_is_sent(
    model: Model, request_arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError):
        model.deploy().predict(**request_arguments)


@pytest.mark.parametrize("opened", ["file"], indirect=True)
@pytest.mark.parametrize("edited", ["Files/iris.joblib", "Artifacts/1/predictor-p.py"])
def test_a_deployment_does_not_start_on_edited_files(
    opened: Project, model: Model, tmp_path: Path, edited: str
) -> None:
    (tmp_path / "p.py").write_text(PREDICTOR)
    deployment = model.deploy(script_file="p.py")
    path = tmp_path / "p/Models/my_model/1" / edited
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    with pytest.raises(IntegrityError, match=edited.rpartition("/")[2]):
        deployment.start()

    assert deployment.get_state().status == "Created"
    assert not opened.verify().ok


def test_what_this_machine_cannot_run_is_saved_but_not_started(
    opened: Project, trained: Path
) -> None:
    registry = opened.get_model_registry()
    model = registry.llm.create_model("llm").save(trained)
    config = trained.parent / "vllm.yaml"
    config.write_text("max_model_len: 1024\n")
    deployment = model.deploy(config_file=config)

    with pytest.raises(UnsupportedHereError, match="needs vLLM; use a cluster"):
        deployment.start()

    assert deployment.get_state().status == "Created"


@pytest.mark.parametrize("opened", ["file"], indirect=True)
@pytest.mark.usefixtures("opened")
def test_a_detached_deployment_outlives_its_process_and_any_other_can_stop_it(
    model: Model, tmp_path: Path
) -> None:
    """Nothing but files connects a later process with a detached deployment."""
    model.deploy()
    code = (
        "import hopsartifacts as h; "
        "d = h.login('p').get_model_serving().get_deployment('mymodel'); "
        "d.start(detach=True); print(d.get_state().internal_port)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    deployment = hopsartifacts.login(tmp_path / "p").get_model_serving()
    running = deployment.get_deployment("mymodel")
    assert running.get_state().internal_port == int(ended.stdout)
    assert running.predict(inputs=ROW) == {"predictions": [0]}
    running.description = "changed, and so restarted, still detached"
    running.save()
    assert running.get_state().deployment_version == 2
    assert running.predict(inputs=ROW) == {"predictions": [0]}
    running.stop()
    assert running.get_state().status == "Stopped"


def children() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
        and any("hopsartifacts" in part for part in child.cmdline())
    ]
