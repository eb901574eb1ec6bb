import asyncio
import json
import pickle
import re
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.serving.runtime.app import InferCall
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.predictors import SklearnPredictor
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.service import Service


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
        ([[1, 2, 3]], "the rows have 3 values; the model takes rows of 2 values"),
        ([1, 2], "the rows are single values; the model takes rows of 2"),
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
    with pytest.raises(InvalidModelError, match="contains a dict without a method"):
        SklearnPredictor(tmp_path)


def fitted(folder: Path, *, names: bool, schema: tuple[str, ...] = ()) -> Any:
    """Return the predictor of a model whose answer is the larger column."""
    frame = pd.DataFrame({"b": [0.0, 9.0, 0.0, 9.0], "a": [9.0, 0.0, 8.0, 0.0]})
    rows = frame if names else frame.to_numpy()
    model = LogisticRegression().fit(rows, ["a", "b", "a", "b"])
    joblib.dump(model, folder / "model.joblib")
    return SklearnPredictor(folder, columns=schema)


@pytest.mark.parametrize(
    ("names", "schema"), [(True, ()), (True, ("a", "b")), (False, ("b", "a"))]
)
def test_columns_are_matched_by_name(
    tmp_path: Path, names: bool, schema: tuple[str, ...]
) -> None:
    predictor = fitted(tmp_path, names=names, schema=schema)
    assert predictor.predict([{"a": 9.0, "b": 0.0}, {"b": 9.0, "a": 0.0}]) == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"a": 1}], "row 0 lacks 'b'; the columns are b, a"),
        (
            [{"a": 1, "b": 2}, {"a": 1, "c": 2}],
            "row 1 lacks 'b' and has the unknown 'c'",
        ),
        ([{"a": 1, "b": 2, "c": 3, "d": 4}], "row 0 has the unknown 'c', 'd'"),
        (
            [[1, 2, 3]],
            "the rows have 3 values; the model takes rows of 2 values (b, a)",
        ),
        ([1], "the rows are single values; the model takes rows of 2 values (b, a)"),
        ([[1, 2], [1]], "row 1 is a list of length 1"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("names", "schema"), [(True, ()), (False, ("b", "a"))], ids=["fitted", "schema"]
)
def test_columns_that_do_not_fit_are_named(
    tmp_path: Path, rows: Any, words: str, names: bool, schema: tuple[str, ...]
) -> None:
    with pytest.raises(RequestError, match=re.escape(words)) as raised:
        fitted(tmp_path, names=names, schema=schema).predict(rows)
    assert raised.value.status == 400


def test_objects_of_a_model_without_names_have_the_same_keys(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="row 1 lacks 'b'"):
        fitted(tmp_path, names=False).predict([{"a": 1, "b": 2}, {"a": 1}])


def test_lists_become_a_frame_with_the_names(tmp_path: Path) -> None:
    scaled = ColumnTransformer([("one", StandardScaler(), ["a", "b"])])
    frame = pd.DataFrame({"b": [0.0, 9.0], "a": [9.0, 0.0]})
    model = make_pipeline(scaled, LogisticRegression()).fit(frame, ["a", "b"])
    joblib.dump(model, tmp_path / "model.joblib")
    predictor = SklearnPredictor(tmp_path)
    assert predictor.predict([[0.0, 9.0], [9, 0]]) == ["a", "b"]
    assert predictor.predict([{"a": 9, "b": 0}]) == ["a"]


def test_single_values_are_the_rows_of_a_model_of_one_column(tmp_path: Path) -> None:
    model = LogisticRegression().fit([[0.0], [9.0]], [0, 1])
    joblib.dump(model, tmp_path / "model.joblib")
    assert SklearnPredictor(tmp_path).predict([0, 9]) == [0, 1]


def test_texts_are_rows(tmp_path: Path) -> None:
    words = make_pipeline(CountVectorizer(), LogisticRegression())
    joblib.dump(words.fit(["good", "bad"], [1, 0]), tmp_path / "model.joblib")
    assert SklearnPredictor(tmp_path).predict(["good", "bad", "bad"]) == [1, 0, 0]


def test_numbers_among_texts_stay_numbers(tmp_path: Path) -> None:
    columns = ColumnTransformer(
        [("kind", OneHotEncoder(), [0])], remainder="passthrough"
    )
    model = make_pipeline(columns, LogisticRegression())
    rows = np.array([["x", 0], ["y", 9]], dtype=object)
    joblib.dump(model.fit(rows, [0, 1]), tmp_path / "model.joblib")
    assert SklearnPredictor(tmp_path).predict([["y", 9], ["x", 0]]) == [1, 0]
