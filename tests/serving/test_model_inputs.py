"""The inputs that V2 lists for a model are those that the server takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import joblib
import numpy as np
import pandas as pd
import pytest
import tritonclient.grpc
from sklearn.linear_model import LogisticRegression

from hopsartifacts import Deployment, Model, ModelSchema, Project, Schema
from hopsartifacts.serving.runtime.predictors import TensorflowPredictor

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [3, 2, 1, 0]})
Y = [0, 0, 1, 1]
VALUES = {"FP64": 1.5, "INT64": 2, "BYTES": "x", "BOOL": True}
PREPROCESS = "class Transformer:\n    def preprocess(self, inputs): return inputs\n"
POSTPROCESS = "class Transformer:\n    def postprocess(self, outputs): return outputs\n"


@pytest.fixture
def save(local_project: Project, tmp_path: Path) -> Callable[..., Model]:
    def made(fitted_on: Any, schema: Any, framework: str = "sklearn") -> Model:
        path = tmp_path / "model.joblib"
        joblib.dump(LogisticRegression().fit(fitted_on, Y), path)
        registry = getattr(local_project.get_model_registry(), framework)
        given = None if schema is None else ModelSchema(input_schema=Schema(schema))
        saved: Model = registry.create_model("m", model_schema=given).save(path)
        return saved

    return made


def url_of(deployment: Deployment) -> str:
    port = deployment.get_state().internal_port
    return f"http://127.0.0.1:{port}/v2/models/{deployment.name}"


def listed(deployment: Deployment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(url_of(deployment)).json()["inputs"]
    return found


def ask(deployment: Deployment) -> httpx.Response:
    """Send three rows that are made of nothing but what is listed."""
    tensors = []
    for given in listed(deployment):
        shape = [3 if length == -1 else length for length in given["shape"]]
        data = np.full(shape, VALUES[given["datatype"]]).tolist()
        tensors.append({**given, "shape": shape, "data": data})
    return httpx.post(f"{url_of(deployment)}/infer", json={"inputs": tensors})


@pytest.mark.parametrize(
    ("fitted_on", "schema", "inputs"),
    [
        (FRAME, FRAME, [("a", "FP64", [-1]), ("b", "INT64", [-1])]),
        (FRAME.to_numpy(), FRAME, [("a", "FP64", [-1]), ("b", "INT64", [-1])]),
        (FRAME.to_numpy(), FRAME.to_numpy(), [("input-0", "FP64", [-1, 2])]),
        (FRAME, FRAME.to_numpy(), [("input-0", "FP64", [-1, 2])]),
        (FRAME[["a"]], FRAME["a"], [("a", "FP64", [-1])]),
    ],
    ids=["frame", "array by names", "array", "frame by order", "one column"],
)
def test_a_model_lists_what_it_takes(
    save: Callable[..., Model], fitted_on: Any, schema: Any, inputs: Any
) -> None:
    deployment = save(fitted_on, schema).deploy()
    deployment.start()
    try:
        found = [(it["name"], it["datatype"], it["shape"]) for it in listed(deployment)]
        assert found == inputs
        answer = ask(deployment)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outputs"][0]["shape"] == [3]
    finally:
        deployment.stop()


@pytest.mark.parametrize(
    ("fitted_on", "schema"),
    [
        (FRAME, None),
        (FRAME, FRAME.rename(columns={"b": "c"})),
        (FRAME.to_numpy(), np.zeros((1, 3))),
        (FRAME, {"a": "float", "b": "object"}),
    ],
    ids=["no schema", "other names", "other width", "a type of anything"],
)
def test_nothing_is_listed_that_would_be_refused(
    save: Callable[..., Model], fitted_on: Any, schema: Any
) -> None:
    deployment = save(fitted_on, schema).deploy()
    deployment.start()
    try:
        assert listed(deployment) == []
    finally:
        deployment.stop()


def test_a_script_takes_what_its_schema_says(
    save: Callable[..., Model], make_script: Callable[..., Path], local_project: Project
) -> None:
    """Also over gRPC; a transformer that changes requests makes other inputs of it."""
    model, script = save(FRAME, FRAME, "python"), make_script()
    deployment = model.deploy(script_file=script, api_protocol="GRPC")
    deployment.start()
    try:
        assert [it["name"] for it in listed(deployment)] == ["a", "b"]
        assert ask(deployment).status_code == 200
        port = deployment.get_state().grpc_port
        client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{port}")
        found = client.get_model_metadata(deployment.name)
        client.close()
        assert [(it.name, it.datatype, [*it.shape]) for it in found.inputs] == [
            ("a", "FP64", [-1]),
            ("b", "INT64", [-1]),
        ]
        make = local_project.get_model_serving().create_transformer
        for code, count in ((PREPROCESS, 0), (POSTPROCESS, 2)):
            deployment.transformer = make(make_script(code, "transform.py"))
            deployment.save()
            assert len(listed(deployment)) == count
    finally:
        deployment.stop()


def test_a_signature_of_tensorflow_is_listed() -> None:
    """The signature names the inputs, so no schema is needed."""
    predictor = TensorflowPredictor.__new__(TensorflowPredictor)
    given = {"x": (np.float32, (None, 3)), "y": (object, (None,))}
    predictor._model = type("_", (), {"inputs": given})()
    assert [(it.name, it.datatype, it.shape) for it in predictor.inputs()] == [
        ("x", "FP32", (-1, 3)),
        ("y", "BYTES", (-1,)),
    ]
    given["z"] = (np.complex64, (None,))
    assert predictor.inputs() == ()
