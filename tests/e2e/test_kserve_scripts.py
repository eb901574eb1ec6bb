"""Scripts written for KServe on Hopsworks run as they are, for any standard client."""

from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Deployment, InferenceBatcher

np = pytest.importorskip("numpy")
pytest.importorskip("joblib")
linear_model = pytest.importorskip("sklearn.linear_model")
rest = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
grpc = pytest.importorskip("tritonclient.grpc", reason="needs tritonclient[grpc]")

# In the guide's form: the model's folder from the environment, lists in and out.
PREDICTOR = """
import os
import joblib
import numpy as np

class Predict(object):

    def __init__(self):
        self.model = joblib.load(os.environ["MODEL_FILES_PATH"] + "/model.pkl")

    def predict(self, inputs):
        return self.model.predict(np.array(inputs)).tolist()
"""
TRANSFORMER = """
class Transformer(object):

    def __init__(self):
        print("the transformer is up")

    def preprocess(self, inputs):
        if "instances" in inputs:
            return {"instances": self.times_ten(inputs["instances"])}
        tensor = inputs["inputs"][0]
        tensor["data"] = self.times_ten(tensor["data"])
        return inputs

    def postprocess(self, outputs):
        if "predictions" in outputs:
            return [round(output, 3) for output in outputs["predictions"]]
        for tensor in outputs["outputs"]:
            tensor["data"] = [round(output, 3) for output in tensor["data"]]
        return outputs

    def times_ten(self, rows):
        return [[value * 10 for value in row] for row in rows]
"""
ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
EXPECTED = [31.0, 71.0, 111.0]  # 10 a + 10 b + 1


@pytest.fixture
def deployment(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    import joblib  # noqa: PLC0415 - optional

    folder = tmp_path / "model"
    folder.mkdir()
    fitted = linear_model.LinearRegression().fit([[0, 0], [1, 0], [0, 1]], [1, 2, 2])
    joblib.dump(fitted, folder / "model.pkl")
    (tmp_path / "predictor.py").write_text(PREDICTOR)
    (tmp_path / "transformer.py").write_text(TRANSFORMER)
    project = hopsartifacts.login(tmp_path / "project")
    model = project.get_model_registry().python.create_model("line")
    model.save(folder)
    serving = project.get_model_serving()
    made = model.deploy(
        script_file=tmp_path / "predictor.py",
        transformer=serving.create_transformer(tmp_path / "transformer.py"),
        inference_batcher=InferenceBatcher(enabled=True),
        api_protocol=request.param,
    )
    made.start()
    yield made
    made.delete(force=True)


def infer(client: Any, module: Any) -> Any:
    given = module.InferInput("x", [3, 2], "FP64")
    given.set_data_from_numpy(np.array(ROWS))
    return client.infer("line", [given], request_id="mine")


@pytest.mark.parametrize("deployment", ["REST"], indirect=True)
def test_over_rest_with_both_protocols(deployment: Deployment) -> None:
    assert deployment.predict(inputs=ROWS) == {"predictions": EXPECTED}
    port = deployment.get_state().internal_port
    with rest.InferenceServerClient(f"127.0.0.1:{port}") as client:
        assert client.is_model_ready("line")
        answer = infer(client, rest)
    assert answer.as_numpy("output-0").tolist() == EXPECTED
    assert answer.get_response()["id"] == "mine"
    assert "the transformer is up" in deployment.read_logs("transformer")


@pytest.mark.parametrize("deployment", ["GRPC"], indirect=True)
def test_over_grpc(deployment: Deployment) -> None:
    state = deployment.get_state()
    assert state.grpc_port != state.internal_port
    with grpc.InferenceServerClient(f"127.0.0.1:{state.grpc_port}") as client:
        assert client.is_model_ready("line")
        answer = infer(client, grpc)
    assert answer.as_numpy("output-0").tolist() == EXPECTED
    values = [value for row in ROWS for value in row]
    tensor = {"name": "x", "shape": [3, 2], "datatype": "FP64", "data": values}
    [output] = deployment.predict(inputs=tensor)
    assert (output.shape, output.data) == ([3], EXPECTED)
    # A port for health, metrics and V1 is there as well.
    assert deployment.predict(data={"instances": ROWS}) == {"predictions": EXPECTED}
