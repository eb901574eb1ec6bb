"""TensorFlow deployments, which bring no script."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.serving.local import LocalBackend
from hopsartifacts.serving.runtime.app import InferCall
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.predictors import TensorflowPredictor, chosen
from hopsartifacts.serving.runtime.protocol import PredictCall
from hopsartifacts.serving.runtime.service import Service
from tests.serving.conftest import FLOWERS, LaunchFactory

# Of Keras itself.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["saved_model.pb", "variables/x.index"], "."),
        (["1/saved_model.pb", "labels.txt"], "1"),
        (["iris.keras", "labels.txt"], "iris.keras"),
    ],
)
def test_the_only_model_is_found(tmp_path: Path, files: list[str], found: str) -> None:
    folder = touch(tmp_path, *files)
    assert chosen("TENSORFLOW", folder) == tmp_path / found


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], "there are 0: none"),
        (["a/b/saved_model.pb"], "there are 0: none"),
        (["1/saved_model.pb", "2/saved_model.pb"], "there are 2: 1, 2"),
        (["a.keras", "b.keras"], "there are 2: a.keras, b.keras"),
    ],
)
def test_no_model_or_several(tmp_path: Path, files: list[str], words: str) -> None:
    with pytest.raises(InvalidModelError, match=words):
        chosen("TENSORFLOW", touch(tmp_path, *files))


class Asked:
    """A predictor, asked as by V1 and by V2."""

    def __init__(self, folder: Path) -> None:
        self._service = Service("m", 1, Chain(TensorflowPredictor(folder)))

    def v1(self, rows: list[Any]) -> Any:
        body = json.dumps({"instances": rows}).encode()
        answer = self._service.handle(PredictCall(body))
        return json.loads(asyncio.run(answer).body)

    def v2(self, *inputs: dict[str, Any]) -> Any:
        call = InferCall("m", 1, json.dumps({"inputs": inputs}).encode())
        return json.loads(asyncio.run(self._service.handle(call)).body)["outputs"]


@pytest.fixture(scope="module")
def tf() -> Any:
    return pytest.importorskip("tensorflow", reason="needs tensorflow")


@pytest.fixture(scope="module")
def scaled(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """One input, one output."""
    folder = tmp_path_factory.mktemp("scaled")

    class Scaled(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.factor = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return {"y": x * self.factor}

    module = Scaled()
    tf.saved_model.save(module, str(folder / "1"), signatures=module.__call__)
    return Asked(folder)


@pytest.fixture(scope="module")
def named(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Two inputs, one of text, and two outputs."""
    folder = tmp_path_factory.mktemp("named")

    class Named(tf.Module):  # type: ignore[misc]
        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[
                tf.TensorSpec([None], tf.string, "text"),
                tf.TensorSpec([None], tf.int64, "number"),
            ]
        )
        def __call__(self, text: Any, number: Any) -> Any:
            return {"length": tf.strings.length(text), "next": number + 1}

    module = Named()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return Asked(folder)


def tensor(name: str, datatype: str, data: Any) -> dict[str, Any]:
    shape = [*np.shape(data)]
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def test_rows_of_a_saved_model(scaled: Asked) -> None:
    assert scaled.v1([[1, 2], [3, 4.5]]) == {"predictions": [[2, 4], [6, 9]]}
    assert scaled.v1([{"x": [1, 2]}]) == {"predictions": [[2, 4]]}


def test_tensors_of_a_saved_model(scaled: Asked) -> None:
    assert scaled.v2(tensor("x", "FP32", [[1, 2]])) == [
        {"name": "output-0", "shape": [1, 2], "datatype": "FP32", "data": [2, 4]}
    ]


def test_named_rows_and_tensors_of_a_saved_model(named: Asked) -> None:
    rows = [{"text": "ab", "number": 1}, {"text": {"b64": "/w=="}, "number": 2}]
    predictions = [{"length": 2, "next": 2}, {"length": 1, "next": 3}]
    assert named.v1(rows) == {"predictions": predictions}
    outputs = named.v2(tensor("text", "BYTES", ["ab"]), tensor("number", "INT64", [1]))
    assert sorted(outputs, key=lambda output: str(output["name"])) == [
        {"name": "length", "shape": [1], "datatype": "INT32", "data": [2]},
        {"name": "next", "shape": [1], "datatype": "INT64", "data": [2]},
    ]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1, 2, 3]], "input 'x' has shape [1, 3]; the model takes any x 2"),
        ([["a", "b"]], "input 'x' is not an array of float32"),
        ([{"z": 1}], "row 0 has z; the model has the inputs x"),
    ],
)
def test_what_the_model_cannot_take(scaled: Asked, rows: Any, words: str) -> None:
    assert words in scaled.v1(rows)["error"]


def test_what_the_model_itself_refuses(tf: Any, tmp_path: Path) -> None:
    class Picky(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "x")])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return {"y": tf.gather([1, 2], x)}

    module = Picky()
    tf.saved_model.save(module, str(tmp_path), signatures=module.__call__)
    assert "the model refuses the input" in Asked(tmp_path).v1([7])["error"]


def test_several_inputs_need_names(named: Asked) -> None:
    assert "send rows as objects" in named.v1([["ab", 1]])["error"]
    assert "row 0 has text; the model" in named.v1([{"text": "ab"}])["error"]


def test_a_keras_model_of_one_input(tf: Any, tmp_path: Path) -> None:
    inputs = tf.keras.Input((2,), name="x")
    dense = tf.keras.layers.Dense(1, kernel_initializer="ones", name="sum")
    tf.keras.Model(inputs, dense(inputs)).save(tmp_path / "iris.keras")
    asked = Asked(tmp_path)
    assert asked.v1([[1, 2], [3, 4]]) == {"predictions": [[3], [7]]}
    (output,) = asked.v2(tensor("x", "FP64", [[1, 2]]))
    assert (output["datatype"], output["data"]) == ("FP32", [3])
    assert "the model takes any x 2" in asked.v1([[1, 2, 3]])["error"]


def test_a_keras_model_of_several_inputs_and_outputs(tf: Any, tmp_path: Path) -> None:
    a, b = (tf.keras.Input((1,), name=name) for name in "ab")
    layers = tf.keras.layers
    outputs = [layers.Add(name="sum")([a, b]), layers.Subtract(name="rest")([a, b])]
    tf.keras.Model([a, b], outputs).save(tmp_path / "iris.keras")
    answer = Asked(tmp_path).v1([{"a": [5], "b": [3]}])
    assert answer == {"predictions": [{"sum": [8], "rest": [2]}]}


def test_a_saved_model_without_the_signature(tf: Any, tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(InvalidModelError, match="no signature 'serving_default'"):
        TensorflowPredictor(tmp_path)


def test_a_deployment_of_a_saved_model(
    tf: Any, make_launch: LaunchFactory, backend: LocalBackend
) -> None:
    launch = make_launch(framework="TENSORFLOW", model_server="TENSORFLOW_SERVING")
    inputs = tf.keras.Input((2,), name="x")
    dense = tf.keras.layers.Dense(1, kernel_initializer="ones")
    tf.keras.Model(inputs, dense(inputs)).export(
        f"{launch.model_files_path}/1", verbose=False
    )
    backend.start(launch, await_running_s=120)
    answer = backend.predict(FLOWERS, {"instances": [[1, 2], [3, 4]]})
    assert answer == {"predictions": [[3], [7]]}
