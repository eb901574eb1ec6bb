"""Values on their way through real deployments."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import hopsartifacts
from hopsartifacts import Deployment, ModelSchema, Project, Schema
from hopsartifacts.errors import InvalidInputError, PredictionError

ECHO = "class Predict:\n    def predict(self, inputs):\n        return inputs\n"
FRAME = pd.DataFrame({"kind": ["x", "y", "x", "y"], "size": [1.0, 9.0, 2.0, 8.0]})


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("values")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOPSARTIFACTS_STATE_DIR", str(folder / "state"))
        project = hopsartifacts.login(folder / "project")
        yield project
        for deployment in project.get_model_serving().get_deployments():
            deployment.delete(force=True)


@pytest.fixture(scope="module")
def echo(
    opened: Project, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Any]:
    """Return a deployment of either protocol that answers what it is asked."""
    folder = tmp_path_factory.mktemp("echo")
    (folder / "echo.py").write_text(ECHO)
    (folder / "model.bin").write_bytes(b"1")
    registry = opened.get_model_registry()
    model = registry.python.create_model("echo").save(folder / "model.bin")

    def started(protocol: str) -> Deployment:
        deployment: Deployment = model.deploy(
            f"echo{protocol}", script_file=folder / "echo.py", api_protocol=protocol
        )
        deployment.start()
        return deployment

    return started


def test_a_model_of_a_frame_is_asked_by_its_own_example(
    opened: Project, tmp_path: Path
) -> None:
    columns = ColumnTransformer(
        [("kind", OneHotEncoder(), ["kind"])], remainder="passthrough"
    )
    estimator = make_pipeline(columns, LogisticRegression()).fit(FRAME, [0, 1, 0, 1])
    joblib.dump(estimator, tmp_path / "model.joblib")
    schema = ModelSchema(Schema(FRAME))
    model = opened.get_model_registry().sklearn.create_model(
        "frames", input_example=FRAME, model_schema=schema
    )
    model.save(tmp_path / "model.joblib")
    deployment = model.deploy()
    deployment.start()
    assert model.input_example == {"kind": "x", "size": 1.0}
    assert deployment.predict(inputs=model.input_example) == {"predictions": [0]}
    assert deployment.predict(inputs=FRAME) == {"predictions": [0, 1, 0, 1]}
    assert deployment.predict(inputs=[["y", 9.0]]) == {"predictions": [1]}
    assert deployment.predict(inputs={"size": 9.0, "kind": "y"}) == {"predictions": [1]}
    with pytest.raises(PredictionError, match="lacks 'kind' and has the unknown 'a'"):
        deployment.predict(inputs={"size": 9.0, "a": 1})
    with pytest.raises(PredictionError, match=r"of 2 values \(kind, size\)"):
        deployment.predict(inputs=[[1.0]])
    assert deployment.record_golden().answer == {"predictions": [0]}


def test_the_names_of_the_schema_count_where_the_model_has_none(
    opened: Project, tmp_path: Path
) -> None:
    rows = [[0.0, 9.0], [9.0, 0.0]]
    joblib.dump(LogisticRegression().fit(rows, [0, 1]), tmp_path / "model.joblib")
    schema = ModelSchema(Schema({"b": "float", "a": "float"}))
    registry = opened.get_model_registry()
    model = registry.sklearn.create_model("arrays", model_schema=schema)
    deployment = model.save(tmp_path / "model.joblib").deploy()
    deployment.start()
    found = deployment.predict(inputs=[{"a": 9.0, "b": 0.0}, {"a": 0.0, "b": 9.0}])
    assert found == {"predictions": [0, 1]}


def test_json_keeps_every_value_or_refuses_it(echo: Callable[..., Any]) -> None:
    deployment = echo("REST")
    frame = pd.DataFrame({"id": [2**53 + 1], "x": [0.5], "t": [pd.Timestamp(0)]})
    rows = [{"id": 2**53 + 1, "x": 0.5, "t": "1970-01-01T00:00:00"}]
    assert deployment.predict(inputs=frame) == {"predictions": rows}
    assert deployment.predict(inputs=["a", "b"]) == {"predictions": ["a", "b"]}
    with pytest.raises(InvalidInputError, match=r"inputs\[0\]\[1\] is inf"):
        deployment.predict(inputs=[[1.0, math.inf]])


def test_grpc_carries_what_json_cannot(echo: Callable[..., Any]) -> None:
    deployment = echo("GRPC")
    (output,) = deployment.predict(inputs=np.array([[math.inf, math.nan]]))
    assert repr(output.data) == "[inf, nan]"
    frame = pd.DataFrame({"id": [2**53 + 1], "t": ["a"]})
    assert [it.data for it in deployment.predict(inputs=frame)] == [[2**53 + 1], ["a"]]
