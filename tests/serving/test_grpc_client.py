"""``predict`` on a deployment whose protocol is GRPC."""

import math
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hopsartifacts.deployments.requests import InferOutput, ask
from hopsartifacts.errors import InvalidInputError, NotRunningError, PredictionError
from hopsartifacts.serving.local.client import is_infer_request
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.grpc_messages import SERVICE, message_class
from hopsartifacts.serving.runtime.service import Service
from tests.serving.servers import served

grpc = pytest.importorskip("grpc", reason="needs grpcio")
client = pytest.importorskip("hopsartifacts.serving.local.grpc_client")


KEYS = ["name", "shape", "datatype", "data"]


class Predictor:
    def predict(self, inputs: list[Any]) -> Any:
        outputs: dict[Any, Any] = {
            "half": np.array([0.5], np.float16),
            "none": np.zeros((0, 3), np.float32),
            "flag": [True],
        }
        first = inputs[0]
        if first == "fail":
            raise ValueError("no such flower")
        return outputs.get(first, inputs) if isinstance(first, str) else inputs


class Input:
    """As other clients' classes for inputs are."""

    def __init__(self, values: Any, datatype: str) -> None:
        self.name = "x"
        self.shape = values.shape
        self.datatype = datatype
        self.data = values
        self.parameters = {"limit": 7, "fast": True, "unit": "cm", "scale": 0.5}


def tensor(datatype: str, data: Any, name: str = "x") -> dict[str, Any]:
    shape = [*np.shape(data)]
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


@pytest.fixture(scope="module")
def predict() -> Iterator[Callable[..., Any]]:
    service = Service("flowers", 3, Chain(Predictor()))
    with served(service, grpc=True) as addresses:
        port = int(addresses.grpc.rpartition(":")[2])
        send = partial(client.predict, port, "flowers")
        yield lambda data=None, inputs=None: ask(send, "GRPC", data, inputs)


@pytest.mark.parametrize(
    ("given", "datatype", "data"),
    [
        (tensor("FP32", [[0.5, 1], [2, 3]]), "FP64", [0.5, 1, 2, 3]),
        (tensor("FP16", [0.5]), "FP64", [0.5]),
        (tensor("INT8", np.array([1, -1])), "INT64", [1, -1]),
        (tensor("BOOL", [True]), "BOOL", [True]),
        (tensor("BYTES", ["é"]), "BYTES", ["é"]),
        (tensor("BYTES", [b"\xff"]), "BYTES", [b"\xff"]),
        (tensor("BYTES", ["half"]), "FP16", [0.5]),
        (tensor("BYTES", ["none"]), "FP32", []),
    ],
    ids=str,
)
def test_one_tensor_goes_out_and_one_comes_back(
    predict: Callable[..., Any], given: Any, datatype: str, data: list[Any]
) -> None:
    (output,) = predict(inputs=given)
    assert isinstance(output, InferOutput)
    assert (output.name, output.datatype, output.data) == ("output-0", datatype, data)


def test_outputs_become_arrays(predict: Callable[..., Any]) -> None:
    (numbers,) = predict(inputs=tensor("FP32", [[0.5, 1]]))
    (flags,) = predict(inputs=tensor("BYTES", ["flag"]))
    (text,) = predict(inputs=tensor("BYTES", ["é"]))
    assert numbers.as_numpy().tolist() == [[0.5, 1]]
    assert numbers.as_numpy().dtype == np.float64
    assert flags.as_numpy().dtype == np.bool_
    assert text.as_numpy().tolist() == ["é"]


def test_data_is_a_list_of_inputs_of_any_client(predict: Callable[..., Any]) -> None:
    given = Input(np.array([[1, 2]], np.int32), "INT32")
    (output,) = predict(data=[given])
    assert (output.shape, output.data) == ([1, 2], [1, 2])


@pytest.mark.parametrize("kind", ["grpc", "http", "http in JSON"])
def test_inputs_of_the_triton_client_are_taken(
    predict: Callable[..., Any], kind: str
) -> None:
    triton = pytest.importorskip(f"tritonclient.{kind[:4]}")
    options = {} if kind == "grpc" else {"binary_data": kind == "http"}
    values = np.array([[2**53 + 1, 2]], np.int64)
    numbers = triton.InferInput("x", [1, 2], "INT64")
    numbers.set_data_from_numpy(values, **options)
    (output,) = predict(inputs=numbers)
    assert (output.datatype, output.data) == ("INT64", [2**53 + 1, 2])
    texts = triton.InferInput("x", [2], "BYTES")
    texts.set_data_from_numpy(np.array(["é", "b"], object), **options)
    assert predict(data=[texts])[0].data == ["é", "b"]
    with pytest.raises(InvalidInputError, match="a tensor has no data"):
        predict(inputs=triton.InferInput("x", [1], "INT64"))


@pytest.mark.parametrize(
    ("inputs", "datatype", "shape", "data"),
    [
        (np.ones((1, 2), np.float32), "FP64", [1, 2], [1.0, 1.0]),
        ([[1, 2], [3, 4]], "INT64", [2, 2], [1, 2, 3, 4]),
        ([1, 2], "INT64", [1, 2], [1, 2]),
        (["a", "b"], "BYTES", [2], ["a", "b"]),
        ([[math.inf, -0.0]], "FP64", [1, 2], [math.inf, -0.0]),
        (5, "INT64", [1, 1], [5]),
    ],
    ids=str,
)
def test_what_other_deployments_take_is_taken(
    predict: Callable[..., Any],
    inputs: Any,
    datatype: str,
    shape: list[int],
    data: list[Any],
) -> None:
    (output,) = predict(inputs=inputs)
    assert (output.datatype, output.shape, output.data) == (datatype, shape, data)


def test_frames_are_rows_with_names(predict: Callable[..., Any]) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    for inputs in (frame, frame.to_dict("records")):
        a, b = predict(inputs=inputs)
        assert (a.name, a.datatype, a.data) == ("a", "INT64", [1, 2])
        assert (b.name, b.datatype, b.data) == ("b", "BYTES", ["x", "y"])
    names = [it.name for it in predict(inputs=pd.DataFrame([KEYS], columns=KEYS))]
    assert names == KEYS
    (alone,) = predict(inputs={"a": 1})
    assert (alone.name, alone.data) == ("a", [1])


def test_data_may_be_the_whole_request(predict: Callable[..., Any]) -> None:
    wanted = [{"name": "output-0"}]
    given = {"inputs": [tensor("INT8", [5])], "outputs": wanted}
    assert predict(data=given)[0].data == [5]


def test_named_tensors_go_out(predict: Callable[..., Any]) -> None:
    given = [tensor("INT8", [1], "a"), tensor("BYTES", ["u"], "b")]
    first, second = predict(inputs=given)
    assert (first.name, first.data) == ("a", [1])
    assert (second.name, second.data) == ("b", ["u"])


@pytest.mark.parametrize(
    ("data", "inputs", "words"),
    [
        (None, None, "either data or inputs, and neither was given"),
        ([tensor("INT8", [1])], tensor("INT8", [1]), "and both were given"),
        (None, [], "no tensor"),
        (
            None,
            [[1, 2], tensor("INT8", [1])],
            "no name and no shape and no datatype",
        ),
        (None, [[1, "a"]], "its elements are of int, str"),
        (None, [2**64], "more than 64 bits"),
        (None, tensor("BYTES", ["a", None]), "element 1 of 'x' is missing"),
        (None, {"name": "x", "shape": [1], "data": [1]}, "has no datatype"),
        (None, {**tensor("INT8", [1]), "shape": [2]}, "shape .2., but its data"),
        (None, tensor("INT8", [300]), "beyond INT8"),
        (None, tensor("BF16", [0.5]), "send FP32 instead"),
        (None, tensor("X", [1]), "unknown datatype"),
    ],
    ids=str,
)
def test_what_is_no_request(
    predict: Callable[..., Any], data: Any, inputs: Any, words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        predict(data, inputs)


def test_a_request_of_v1_is_sent_as_it_is() -> None:
    body = {"instances": [[1]]}
    assert not is_infer_request(body)
    assert ask(lambda sent: sent, "GRPC", body, None) == body


def test_a_request_with_tensors_is_told_from_rows() -> None:
    assert is_infer_request({"inputs": [tensor("INT8", [1])]})
    assert not is_infer_request({"inputs": [[1, 2]]})
    assert not is_infer_request({"inputs": [{"x": 1}]})


def test_errors_of_the_model_name_the_component(predict: Callable[..., Any]) -> None:
    with pytest.raises(PredictionError, match="INTERNAL: predictor: ValueError") as got:
        predict(inputs=tensor("BYTES", ["fail"]))
    assert got.value.status == 500
    assert got.value.detail == "predictor: ValueError: no such flower"


@pytest.mark.parametrize(
    ("refusals", "is_answered"), [(1, True), (2, True), (3, False)]
)
def test_what_a_stopping_server_refused_is_sent_again(
    refusals: int, is_answered: bool
) -> None:
    """A server that ends cancels calls that it has not begun."""
    asked: list[bytes] = []

    def infer(request: bytes, context: Any) -> bytes:
        asked.append(request)
        if len(asked) <= refusals:
            context.abort(grpc.StatusCode.CANCELLED, "the server stops")
        answer: bytes = message_class("ModelInferResponse")(id="7").SerializeToString()
        return answer

    handler = grpc.unary_unary_rpc_method_handler(infer)
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"ModelInfer": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    payload = {"inputs": [tensor("INT8", [1])]}
    try:
        if is_answered:
            assert client.predict(port, "flowers", payload)["id"] == "7"
        else:
            with pytest.raises(PredictionError, match="CANCELLED: the server stops"):
                client.predict(port, "flowers", payload)
    finally:
        server.stop(0).wait()
    assert len(asked) == min(refusals + 1, 3)


def test_nobody_answers() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(NotRunningError, match="'flowers' does not answer"):
            client.predict(port, "flowers", {"inputs": [tensor("INT8", [1])]})


def test_no_proxy_is_asked_for_the_way_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with served(Service("flowers", 3, Chain(Predictor())), grpc=True) as addresses:
        port = int(addresses.grpc.rpartition(":")[2])
        payload = {"inputs": [tensor("INT8", [1])], "id": "7"}
        assert client.predict(port, "flowers", payload)["id"] == "7"
