import asyncio
import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.service import Service
from hopsartifacts.serving.runtime.sklearn_predictor import SklearnPredictor
from hopsartifacts.serving.runtime.v2_http import InferCall


@pytest.fixture(scope="module")
def model() -> Any:
    return LogisticRegression().fit([[0.0, 1.0], [5.0, 6.0]], [0, 1])


def test_the_model_file_predicts(tmp_path: Path, model: Any) -> None:
    joblib.dump(model, tmp_path / "model.joblib")
    (tmp_path / "notes.txt").touch()
    assert SklearnPredictor(tmp_path).predict([[0, 1], [5, 6]]) == [0, 1]


def test_rows_may_be_objects_and_the_file_a_pickle(tmp_path: Path, model: Any) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    predictor = SklearnPredictor(tmp_path)
    with pytest.warns(UserWarning, match="feature names"):
        assert predictor.predict([{"a": 5, "b": 6}]) == [1]


@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT64"])
def test_tensors_of_v2_predict(tmp_path: Path, model: Any, datatype: str) -> None:
    joblib.dump(model, tmp_path / "model.joblib")
    tensor = {"name": "x", "shape": [2, 2], "datatype": datatype, "data": [0, 1, 5, 6]}
    assert infer(SklearnPredictor(tmp_path), tensor) == [
        {"name": "output-0", "shape": [2], "datatype": "INT64", "data": [0, 1]}
    ]


def test_named_tensors_of_v2_are_the_columns_of_a_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [0.0, 5.0], "b": [1.0, 6.0]})
    model = LogisticRegression().fit(frame, ["low", "high"])
    joblib.dump(model, tmp_path / "model.joblib")
    tensors = [
        {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
        for name, value in (("a", 5), ("b", 6))
    ]
    (output,) = infer(SklearnPredictor(tmp_path), *tensors)
    assert (output["datatype"], output["data"]) == ("BYTES", ["high"])


def infer(predictor: SklearnPredictor, *tensors: dict[str, Any]) -> Any:
    service = Service("iris", 1, Chain(predictor))
    call = InferCall("iris", 1, json.dumps({"inputs": tensors}).encode())
    return json.loads(asyncio.run(service.handle(call)).body)["outputs"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([[1, 2, 3]], "X has 3 features"),
        ([1, 2], "Expected 2D array"),
        ([["a", "b"]], "refuses the input"),
        ([[None, {}]], "refuses the input"),
        ([{"a": 1}, [2]], "all rows as objects, or none"),
    ],
)
def test_inputs_that_do_not_fit_are_the_callers_mistake(
    tmp_path: Path, model: Any, inputs: list[Any], message: str
) -> None:
    joblib.dump(model, tmp_path / "model.joblib")
    with pytest.raises(RequestError, match=message) as raised:
        SklearnPredictor(tmp_path).predict(inputs)
    assert raised.value.status == 400


def test_objects_without_pandas_are_refused(
    tmp_path: Path, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    joblib.dump(model, tmp_path / "model.joblib")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RequestError, match="need pandas"):
        SklearnPredictor(tmp_path).predict([{"a": 1}])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "there are 0: none"),
        (["a.pkl", "b.joblib"], r"there are 2: a\.pkl, b\.joblib"),
        (["deeper/a.pkl"], "there are 0: none"),
    ],
)
def test_one_model_file_there_must_be(
    tmp_path: Path, files: list[str], message: str
) -> None:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    with pytest.raises(InvalidModelError, match=message) as raised:
        SklearnPredictor(tmp_path)
    assert "Provide a predictor script" in str(raised.value)


def test_a_file_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    joblib.dump({"weights": [1]}, tmp_path / "model.pickle")
    with pytest.raises(InvalidModelError, match="holds a dict without a method"):
        SklearnPredictor(tmp_path)
