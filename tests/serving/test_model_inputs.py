"""The inputs that V2 lists for a model are those that the server takes."""

import sys
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
from hopsartifacts.deployments.launch import placed
from hopsartifacts.serving.runtime.app import create_app
from hopsartifacts.serving.runtime.chain_loader import load_chain
from hopsartifacts.serving.runtime.predictors import TensorflowPredictor
from hopsartifacts.serving.runtime.service import Service
from hopsartifacts.store.cache import Cache
from hopsartifacts.testing.states_only import StatesOnly
from tests.serving.clients import InProcess

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [3, 2, 1, 0]})
Y = [0, 0, 1, 1]
VALUES = {"FP64": 1.5, "INT64": 2, "BYTES": "x", "BOOL": True}
PREPROCESS = "class Transformer:\n    def preprocess(self, inputs): return inputs\n"
POSTPROCESS = "class Transformer:\n    def postprocess(self, outputs): return outputs\n"


Asked = Callable[..., httpx.Response]
"""Sends a request to what serves the model: a method, a path below it, a body."""


def saved(
    project: Project, folder: Path, fitted_on: Any, schema: Any, framework: str
) -> Model:
    path = folder / "model.joblib"
    joblib.dump(LogisticRegression().fit(fitted_on, Y), path)
    registry = getattr(project.get_model_registry(), framework)
    given = None if schema is None else ModelSchema(input_schema=Schema(schema))
    model: Model = registry.create_model("m", model_schema=given).save(path)
    return model


@pytest.fixture
def load(
    local_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Asked]:
    """Deploy a model, and serve in this process what its workers would serve."""
    # Loading sets these for the whole process.
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def serve(fitted_on: Any, schema: Any) -> Asked:
        backend = StatesOnly()
        project = Project(local_project.storage, backend=backend)
        saved(project, tmp_path, fitted_on, schema, "sklearn").deploy().start()
        storage = project.storage
        with placed(storage, lambda: Cache(None), backend.running["m"]) as launch:
            service = Service("m", 1, load_chain(launch))
        application = InProcess(create_app(service, max_request_bytes=1000))

        def ask(method: str, path: str, **request: Any) -> httpx.Response:
            return application.ask(method, f"/v2/models/m{path}", **request)

        return ask

    return serve


def asked(deployment: Deployment) -> Asked:
    """Return what sends requests to a deployment that runs."""
    port = deployment.get_state().internal_port
    url = f"http://127.0.0.1:{port}/v2/models/{deployment.name}"
    return lambda method, path, **request: httpx.request(method, url + path, **request)


def listed(ask: Asked) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("GET", "").json()["inputs"]
    return found


def infer(ask: Asked) -> httpx.Response:
    """Send three rows that are made of nothing but what is listed."""
    tensors = []
    for given in listed(ask):
        shape = [3 if length == -1 else length for length in given["shape"]]
        data = np.full(shape, VALUES[given["datatype"]]).tolist()
        tensors.append({**given, "shape": shape, "data": data})
    return ask("POST", "/infer", json={"inputs": tensors})


def check(ask: Asked, inputs: list[Any]) -> None:
    found = [(it["name"], it["datatype"], it["shape"]) for it in listed(ask)]
    assert found == inputs
    answer = infer(ask)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["shape"] == [3]


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
    load: Callable[..., Asked], fitted_on: Any, schema: Any, inputs: Any
) -> None:
    check(load(fitted_on, schema), inputs)


def test_a_worker_lists_what_its_model_takes(
    local_project: Project, tmp_path: Path
) -> None:
    deployment = saved(local_project, tmp_path, FRAME, FRAME, "sklearn").deploy()
    deployment.start()
    try:
        check(asked(deployment), [("a", "FP64", [-1]), ("b", "INT64", [-1])])
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
    load: Callable[..., Asked], fitted_on: Any, schema: Any
) -> None:
    assert listed(load(fitted_on, schema)) == []


def test_a_script_takes_what_its_schema_says(
    local_project: Project, make_script: Callable[..., Path], tmp_path: Path
) -> None:
    """Also over gRPC; a transformer that changes requests makes other inputs of it."""
    model = saved(local_project, tmp_path, FRAME, FRAME, "python")
    deployment = model.deploy(script_file=make_script(), api_protocol="GRPC")
    deployment.start()
    try:
        assert [it["name"] for it in listed(asked(deployment))] == ["a", "b"]
        assert infer(asked(deployment)).status_code == 200
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
            assert len(listed(asked(deployment))) == count
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
