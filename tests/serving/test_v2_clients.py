"""What the standard client of the V2 protocol gets, over REST and over gRPC."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.grpc_messages import MESSAGES, message_class
from hopsartifacts.serving.runtime.service import Service
from tests.serving.servers import served

rest = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
grpc = pytest.importorskip("tritonclient.grpc", reason="needs tritonclient[grpc]")
utils = pytest.importorskip("tritonclient.utils")
service_pb2 = pytest.importorskip("tritonclient.grpc.service_pb2")


class Predictor:
    """Written for V1: rows come in, and lists or arrays go out."""

    def predict(self, inputs: list[Any]) -> Any:
        assert isinstance(inputs, list)
        first = inputs[0]
        if first == "fail":
            raise ValueError("no such flower")
        if isinstance(first, dict):
            return {
                "keys": [sorted(row) for row in inputs],
                "total": np.array([np.sum(row["a"]) for row in inputs], np.float32),
            }
        return inputs


@pytest.fixture(scope="module", params=["rest", "grpc"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    service = Service("flowers", 3, Chain(Predictor()))
    with served(service, grpc=request.param == "grpc") as addresses:
        if request.param == "grpc":
            with grpc.InferenceServerClient(addresses.grpc) as found:
                yield found
        else:
            with rest.InferenceServerClient(addresses.http) as found:
                yield found


def module(client: Any) -> Any:
    return grpc if isinstance(client, grpc.InferenceServerClient) else rest


def tensor(client: Any, values: Any, datatype: str = "", name: str = "x") -> Any:
    datatype = datatype or utils.np_to_triton_dtype(values.dtype)
    given = module(client).InferInput(name, values.shape, datatype)
    given.set_data_from_numpy(values)
    return given


def test_server_and_model_are_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("flowers")
    assert client.is_model_ready("flowers", "3")
    assert not client.is_model_ready("roses")
    assert not client.is_model_ready("flowers", "2")


def test_metadata(client: Any) -> None:
    as_json = {"as_json": True} if module(client) is grpc else {}
    server = client.get_server_metadata(**as_json)
    model = client.get_model_metadata("flowers", **as_json)
    assert server["name"] == "hopsartifacts"
    assert server["extensions"] == ["binary_tensor_data"]
    assert (model["name"], model["versions"]) == ("flowers", ["3"])


@pytest.mark.parametrize(
    ("values", "returned"),
    [
        (np.array([[1.5, 2], [3, 4]], np.float32), np.float64),
        (np.array([[1.5, 2], [3, 4]], np.float64), np.float64),
        (np.array([0.5, -2], np.float16), np.float64),
        (np.array([1, -1], np.int8), np.int64),
        (np.array([1, 65535], np.uint16), np.int64),
        (np.array([2**64 - 1], np.uint64), np.uint64),
        (np.array([[[True], [False]]]), np.bool_),
        (np.arange(24, dtype=np.int32).reshape(2, 3, 4), np.int64),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_numbers_come_back(client: Any, values: Any, returned: type) -> None:
    found = client.infer("flowers", [tensor(client, values)]).as_numpy("output-0")
    assert found.dtype == returned
    np.testing.assert_array_equal(found, values)


def test_text_comes_back(client: Any) -> None:
    values = np.array([["rose", "märz"], ["", "x"]], dtype=np.object_)
    answer = client.infer("flowers", [tensor(client, values, "BYTES")])
    words = [[word.decode() for word in row] for row in answer.as_numpy("output-0")]
    assert words == values.tolist()


def test_bytes_come_back(client: Any) -> None:
    values = np.array([b"\xff\x00", b"a"], dtype=np.object_)
    answer = client.infer("flowers", [tensor(client, values, "BYTES")])
    assert answer.as_numpy("output-0").tolist() == [b"\xff\x00", b"a"]


def test_named_tensors_go_in_and_come_out(client: Any) -> None:
    inputs = [
        tensor(client, np.array([[1, 2], [3, 4]], np.float32), name="a"),
        tensor(client, np.array([5, 6], np.int64), name="b"),
    ]
    answer = client.infer("flowers", inputs, request_id="r-9", model_version="3")
    assert answer.as_numpy("total").tolist() == [3, 7]
    assert answer.as_numpy("total").dtype == np.float32
    assert answer.as_numpy("keys").tolist() == [[b"a", b"b"], [b"a", b"b"]]
    response = answer.get_response()
    given = (
        response
        if isinstance(response, dict)
        else {
            "id": response.id,
            "model_version": response.model_version,
        }
    )
    assert (given["id"], given["model_version"]) == ("r-9", "3")


def test_one_output_can_be_wanted(client: Any) -> None:
    wanted = [module(client).InferRequestedOutput("total")]
    inputs = [tensor(client, np.array([1.0]), name=name) for name in "ab"]
    answer = client.infer("flowers", inputs, outputs=wanted)
    assert answer.as_numpy("total").tolist() == [1]
    assert answer.as_numpy("keys") is None


@pytest.mark.parametrize(
    ("model", "values", "code", "words"),
    [
        ("roses", np.array([1]), "NOT_FOUND", "has the model flowers, version 3"),
        ("flowers", np.array([1]), "INVALID_ARGUMENT", "has no output 'z', only"),
        ("flowers", np.array(["fail"], np.object_), "INTERNAL", "no such flower"),
    ],
    ids=["model", "output", "script"],
)
def test_errors_have_a_code_and_a_reason(
    client: Any, model: str, values: Any, code: str, words: str
) -> None:
    datatype = "BYTES" if values.dtype == np.object_ else ""
    inputs = [tensor(client, values, datatype)]
    wanted = [module(client).InferRequestedOutput("z")]
    with pytest.raises(utils.InferenceServerException) as raised:
        client.infer(model, inputs, outputs=wanted)
    statuses = {"NOT_FOUND": "404", "INVALID_ARGUMENT": "400", "INTERNAL": "500"}
    assert raised.value.status() in {f"StatusCode.{code}", statuses[code]}
    assert words in raised.value.message()


@pytest.mark.parametrize("binary", [True, False])
def test_numbers_keep_every_digit_in_json_and_memory(binary: bool) -> None:
    values = np.array([[0.1, 1e300], [5e-324, -2]])
    given = rest.InferInput("x", values.shape, "FP64")
    given.set_data_from_numpy(values, binary_data=binary)
    wanted = rest.InferRequestedOutput("output-0", binary_data=binary)
    service = Service("flowers", 3, Chain(Predictor()))
    with (
        served(service) as addresses,
        rest.InferenceServerClient(addresses.http) as found,
    ):
        answer = found.infer("flowers", [given], outputs=[wanted])
    np.testing.assert_array_equal(answer.as_numpy("output-0"), values)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_requests_may_be_compressed(client: Any, algorithm: str) -> None:
    argument = (
        "request_compression_algorithm"
        if module(client) is rest
        else ("compression_algorithm")
    )
    values = np.zeros((100, 10))
    inputs = [tensor(client, values)]
    answer = client.infer("flowers", inputs, **{argument: algorithm})
    np.testing.assert_array_equal(answer.as_numpy("output-0"), values)


def test_the_messages_are_those_of_the_protocol() -> None:
    ours = {name: message_class(name).DESCRIPTOR for name in MESSAGES}
    theirs = {name: standard_message(name) for name in MESSAGES}
    assert {name: fields(ours[name]) for name in ours} == {
        name: fields(theirs[name]) for name in theirs
    }


def standard_message(name: str) -> Any:
    outer, _, inner = name.partition(".")
    found = getattr(service_pb2, outer).DESCRIPTOR
    return found.nested_types_by_name[inner] if inner else found


def fields(message: Any) -> set[tuple[Any, ...]]:
    return {
        (
            field.name,
            field.number,
            field.type,
            field.is_repeated,
            field.message_type and field.message_type.full_name,
            field.containing_oneof and field.containing_oneof.name,
        )
        for field in message.fields
    }
