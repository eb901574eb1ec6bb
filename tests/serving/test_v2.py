"""The V2 protocol over HTTP: one script, whatever brings the request."""

import json
import struct
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

import hopsartifacts
from hopsartifacts.serving.runtime.app import InferCall, create_app
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.service import Exchange, Service
from tests.serving.clients import InProcess

INFER = "/v2/models/flowers/infer"
SIZE = "inference-header-content-length"


class Script:
    """Remembers what it was given and returns what it was told."""

    def __init__(self, outputs: Any = None) -> None:
        self.inputs: Any = None
        self._outputs = outputs

    def predict(self, inputs: Any) -> Any:
        self.inputs = inputs
        return inputs if self._outputs is None else self._outputs


@dataclass
class Flower:
    name: str
    p: float


class Witness:
    def __init__(self) -> None:
        self.seen: list[Exchange] = []

    def see(self, exchange: Exchange) -> None:
        self.seen.append(exchange)


class Client(InProcess):
    def __init__(self, script: Any, *observers: Witness) -> None:
        service = Service("flowers", 3, Chain(script), observers)
        app = create_app(service, max_request_bytes=10_000)
        super().__init__(app)

    def infer(self, *inputs: dict[str, Any], **rest: Any) -> httpx.Response:
        return self.ask("POST", INFER, json={"inputs": inputs, **rest})

    def infer_binary(
        self, document: dict[str, Any], data: bytes = b""
    ) -> httpx.Response:
        header = json.dumps(document).encode()
        size = {SIZE: str(len(header))}
        return self.ask("POST", INFER, content=header + data, headers=size)


def tensor(
    datatype: str, shape: list[int], data: Any, name: str = "x", **parameters: Any
) -> dict[str, Any]:
    described: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
    if parameters:
        described["parameters"] = parameters
    return described if data is None else {**described, "data": data}


def outputs_of(script_outputs: Any) -> Any:
    answer = Client(Script(script_outputs)).infer(tensor("INT8", [1], [1]))
    assert answer.status_code == 200, answer.text
    return answer.json()["outputs"]


MODEL = {
    "name": "flowers",
    "versions": ["3"],
    "platform": "python",
    "inputs": [],
    "outputs": [],
}
SERVER = {
    "name": "hopsartifacts",
    "version": hopsartifacts.__version__,
    "extensions": ["binary_tensor_data"],
}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2", SERVER),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/flowers", MODEL),
        ("/v2/models/flowers/ready", {"name": "flowers", "ready": True}),
        ("/v2/models/flowers/versions/3", MODEL),
        ("/v2/models/flowers/versions/3/ready", {"name": "flowers", "ready": True}),
    ],
)
def test_the_server_tells_what_it_serves(path: str, answer: dict[str, Any]) -> None:
    response = Client(Script()).ask("GET", path)
    assert response.status_code == 200
    assert response.json() == answer


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/other",
        "/v2/models/flowers/versions/2",
        "/v2/models/flowers/versions/2/ready",
    ],
)
def test_another_model_or_version_is_not_found(path: str) -> None:
    response = Client(Script()).ask("GET", path)
    assert response.status_code == 404
    assert "the model flowers, version 3" in response.json()["error"]


def test_the_answer_names_request_model_and_version() -> None:
    response = Client(Script()).infer(tensor("FP64", [1, 2], [[1, 2]]), id="r-7")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "model_name": "flowers",
        "model_version": "3",
        "id": "r-7",
        "outputs": [
            {"name": "output-0", "shape": [1, 2], "datatype": "INT64", "data": [1, 2]}
        ],
    }


def test_a_request_without_an_id_gets_one() -> None:
    client = Client(Script())
    ids = {client.infer(tensor("INT8", [1], [1])).json()["id"] for _ in range(2)}
    assert len(ids) == 2


def test_a_version_can_be_asked_for() -> None:
    path = "/v2/models/flowers/versions/3/infer"
    body = {"inputs": [tensor("INT8", [1], [1])]}
    assert Client(Script()).ask("POST", path, json=body).status_code == 200


@pytest.mark.parametrize(
    ("inputs", "rows"),
    [
        ([tensor("FP32", [2, 2], [1, 2, 3.5, 4])], [[1, 2], [3.5, 4]]),
        ([tensor("FP32", [2, 2], [[1, 2], [3, 4]])], [[1, 2], [3, 4]]),
        ([tensor("BOOL", [2], [True, False])], [True, False]),
        ([tensor("BYTES", [2, 1], ["a", "é"])], [["a"], ["é"]]),
        ([tensor("UINT64", [1], [2**64 - 1])], [2**64 - 1]),
        ([tensor("BYTES", [1], ["/w=="], content_type="base64")], [b"\xff"]),
        (
            [tensor("INT8", [2], [1, 2], "a"), tensor("BYTES", [2], ["x", "y"], "b")],
            [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
        ),
        (
            [tensor("INT8", [1], [1], "a"), tensor("FP64", [1, 2], [2, 3], "b")],
            [{"a": 1, "b": [2, 3]}],
        ),
    ],
    ids=str,
)
def test_tensors_become_rows(inputs: list[dict[str, Any]], rows: list[Any]) -> None:
    script = Script([0])
    assert Client(script).infer(*inputs).status_code == 200
    assert script.inputs == rows


def test_one_tensor_of_a_frame_becomes_objects() -> None:
    script = Script([0])
    Client(script).infer(tensor("INT8", [1], [1]), parameters={"content_type": "pd"})
    assert script.inputs == [{"x": 1}]


def test_null_is_nan_in_both_directions() -> None:
    response = Client(Script()).infer(tensor("FP64", [2], [None, 1]))
    assert response.json()["outputs"][0]["data"] == [None, 1]


BAD = [
    ([tensor("FP32", [2], [1])], "shape [2], but its data has shape [1]"),
    ([tensor("FP32", [2, 3], [[1, 2], [3, 4], [5, 6]])], "shape [2, 3], but its data"),
    ([tensor("FP32", [2, 2], [[1, 2], [3]])], "rows of differing length: 1 and 2"),
    ([tensor("FP32", [2], [[1], 2])], "lists and single values"),
    ([tensor("FP32", [1], ["1"])], "is FP32, but its data contains str"),
    ([tensor("INT32", [1], [1.5])], "is INT32, but its data contains float"),
    ([tensor("INT32", [1], [True])], "is INT32, but its data contains bool"),
    ([tensor("INT8", [1], [None])], "is INT8, but its data contains null"),
    ([tensor("INT8", [1], [128])], "beyond INT8"),
    ([tensor("UINT8", [1], [-1])], "beyond UINT8"),
    ([tensor("COMPLEX", [1], [1])], "unknown datatype 'COMPLEX'; known are BOOL"),
    ([tensor("FP32", [], [1])], "needs a first dimension"),
    ([tensor("FP32", [0, 4], [])], "none may be below 1"),
    ([tensor("FP32", [-1], [1])], "is not a V2 request"),
    ([tensor("FP32", [1], None)], "has no data"),
    ([tensor("FP32", [1], "x")], "is not a list"),
    ([tensor("BYTES", [1], ["?"], content_type="base64")], "is not Base64"),
    ([tensor("FP32", [1], None, shared_memory_region="r")], "shared_memory_region"),
    ([tensor("FP32", [1], None, binary_data_size="4")], "binary_data_size '4'"),
    ([tensor("FP32", [1], None, binary_data_size=4)], "takes 4 bytes; 0 came"),
    ([], "has no inputs"),
    ([{"name": "x"}], "missing required field `shape`"),
    (
        [tensor("INT8", [1], [1]), tensor("INT8", [1], [1])],
        "two inputs have the same name",
    ),
    (
        [tensor("INT8", [1], [1]), tensor("INT8", [2], [1, 2], "y")],
        "differ in their number of rows: x 1, y 2",
    ),
]


@pytest.mark.parametrize(("inputs", "words"), BAD, ids=[words for _, words in BAD])
def test_bad_requests_are_refused(inputs: list[dict[str, Any]], words: str) -> None:
    witness = Witness()
    response = Client(Script(), witness).infer(*inputs)
    assert response.status_code == 400
    assert words in response.json()["error"]
    assert witness.seen[0].status == 400


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([[1, 2], [3, 4]], [tensor("INT64", [2, 2], [1, 2, 3, 4], "output-0")]),
        (((1, 2), (3, 4)), [tensor("INT64", [2, 2], [1, 2, 3, 4], "output-0")]),
        ([1, 2.5], [tensor("FP64", [2], [1, 2.5], "output-0")]),
        ([1, None], [tensor("FP64", [2], [1, None], "output-0")]),
        ([2**63], [tensor("UINT64", [1], [2**63], "output-0")]),
        (["a", b"b"], [tensor("BYTES", [2], ["a", "b"], "output-0")]),
        ([True], [tensor("BOOL", [1], [True], "output-0")]),
        ([], [tensor("FP64", [0], [], "output-0")]),
        (0.5, [tensor("FP64", [1], [0.5], "output-0")]),
        ("a", [tensor("BYTES", [1], ["a"], "output-0")]),
        (np.float32(0.5), [tensor("FP32", [1], [0.5], "output-0")]),
        (np.array([[1, np.inf]]), [tensor("FP64", [1, 2], [1, None], "output-0")]),
        (np.array([1], dtype=">i4"), [tensor("INT64", [1], [1], "output-0")]),
        (np.array(["a"]), [tensor("BYTES", [1], ["a"], "output-0")]),
        (
            np.array([[1, 2], [3, 4]]).T,
            [tensor("INT64", [2, 2], [1, 3, 2, 4], "output-0")],
        ),
        ([np.float32(1), np.float32(2)], [tensor("FP32", [2], [1, 2], "output-0")]),
        (
            [{"a": np.array([1], np.int8)}, {"a": np.array([2], np.int8)}],
            [tensor("INT8", [2, 1], [1, 2], "a")],
        ),
        ([np.array([1]), np.array([2])], [tensor("INT64", [2, 1], [1, 2], "output-0")]),
        (
            {"label": ["a"], "scores": np.array([[0.5, 0.5]], np.float16)},
            [
                tensor("BYTES", [1], ["a"], "label"),
                tensor("FP16", [1, 2], [0.5, 0.5], "scores"),
            ],
        ),
        (
            [{"label": "a", "p": 1}, {"label": "b", "p": 2}],
            [
                tensor("BYTES", [2], ["a", "b"], "label"),
                tensor("INT64", [2], [1, 2], "p"),
            ],
        ),
        (
            [Flower("a", 0.5)],
            [tensor("BYTES", [1], ["a"], "name"), tensor("FP64", [1], [0.5], "p")],
        ),
        (
            Flower("a", 0.5),
            [tensor("BYTES", [1], ["a"], "name"), tensor("FP64", [1], [0.5], "p")],
        ),
        ([MappingProxyType({"a": 1})], [tensor("INT64", [1], [1], "a")]),
        (
            pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
            [tensor("INT64", [2], [1, 2], "a"), tensor("BYTES", [2], ["x", "y"], "b")],
        ),
        (
            [datetime(2026, 1, 2, tzinfo=UTC)],
            [tensor("BYTES", [1], ["2026-01-02T00:00:00Z"], "output-0")],
        ),
    ],
    ids=str,
)
def test_outputs_become_tensors(outputs: Any, expected: Any) -> None:
    assert outputs_of(outputs) == expected


def test_nan_in_a_request_is_named() -> None:
    call = InferCall("flowers", 3, b'{"inputs": [{"data": [1, NaN]}]}')
    with pytest.raises(RequestError, match=r'the body\["inputs"\]\[0\].* is NaN'):
        call.rows()


@pytest.mark.parametrize(
    ("outputs", "datatype", "data"),
    [
        (["a", None], "BYTES", ["a", None]),
        ([b"\xff", None], "BYTES", ["/w==", None]),
        ([True, None], "BOOL", [True, None]),
        (pd.DataFrame({"a": ["x", None]}), "BYTES", ["x", None]),
        (
            pd.DataFrame({"a": [pd.Timestamp(0), pd.NaT]}),
            "BYTES",
            ["1970-01-01T00:00:00", None],
        ),
        (np.ma.array([1.5, 2.5], mask=[False, True]), "FP64", [1.5, None]),
    ],
    ids=["text", "bytes", "bool", "frame", "dates", "masked"],
)
def test_what_is_missing_is_null(outputs: Any, datatype: str, data: list[Any]) -> None:
    (output,) = outputs_of(outputs)
    assert (output["datatype"], output["data"]) == (datatype, data)


@pytest.mark.parametrize("data", [["a", None], [None, "a"]], ids=str)
def test_texts_may_be_missing(data: list[Any]) -> None:
    client = Client(Script())
    (output,) = client.infer(tensor("BYTES", [2], data)).json()["outputs"]
    assert output["data"] == data


def test_bytes_that_are_no_text_are_base64() -> None:
    (output,) = outputs_of([b"\xff", b"a"])
    assert output["data"] == ["/w==", "YQ=="]
    assert output["parameters"] == {"content_type": "base64"}


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ([[1], [1, 2]], "output 'output-0' is not a tensor: rows of differing length"),
        ([1, "a"], "its elements are of int, str"),
        ([{"a": 1}, {"b": 1}], "row 1 of the outputs has other keys"),
        ({"a": {"b": 1}}, "output 'a' is not a tensor: its elements are of dict"),
        ([2**53 + 1, 0.5], "the integer 9007199254740993 would lose digits"),
        ([2**53 + 1, None], "the integer 9007199254740993 would lose digits"),
        ([2**70], "more than 64 bits"),
        pytest.param([object()], "is of the type object", id="object"),
    ],
    ids=str,
)
def test_outputs_that_are_no_tensors_are_errors_of_the_component(
    outputs: Any, words: str
) -> None:
    response = Client(Script(outputs)).infer(tensor("INT8", [1], [1]))
    assert response.status_code == 500
    assert words in response.json()["error"]
    assert response.json()["component"] == "predictor"


def test_only_the_outputs_that_are_wanted_come() -> None:
    client = Client(Script({"a": [1], "b": [2], "c": [3]}))
    wanted = [{"name": "c"}, {"name": "a"}]
    response = client.infer(tensor("INT8", [1], [1]), outputs=wanted)
    assert [output["name"] for output in response.json()["outputs"]] == ["c", "a"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"name": "b"}, "no output 'b', only 'a'"),
        ({"name": "a", "parameters": {"classification": 3}}, "asks for classification"),
    ],
)
def test_outputs_that_cannot_be_had(wanted: dict[str, Any], words: str) -> None:
    client = Client(Script({"a": [1]}))
    response = client.infer(tensor("INT8", [1], [1]), outputs=[wanted])
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_the_body_is_no_json() -> None:
    response = Client(Script()).ask("POST", INFER, content=b"{")
    assert response.status_code == 400
    assert "not JSON" in response.json()["error"]


BINARY = [
    ("BOOL", b"\x01\x00", [True, False]),
    ("INT8", b"\xff\x01", [-1, 1]),
    ("UINT16", b"\xff\xff\x01\x00", [65535, 1]),
    ("INT64", struct.pack("<2q", -5, 5), [-5, 5]),
    ("FP16", struct.pack("<2e", 0.5, 2), [0.5, 2]),
    ("BF16", b"\x80\x3f\x00\xc0", [1, -2]),
    ("FP32", struct.pack("<2f", 0.5, 2), [0.5, 2]),
    ("FP64", struct.pack("<2d", 0.1, 2), [0.1, 2]),
    ("BYTES", b"\x01\x00\x00\x00a\x02\x00\x00\x00\xc3\xa9", ["a", "é"]),
    ("BYTES", b"\x00\x00\x00\x00\x01\x00\x00\x00\xff", [b"", b"\xff"]),
]


@pytest.mark.parametrize(("datatype", "data", "rows"), BINARY, ids=str)
def test_elements_may_come_as_memory(datatype: str, data: bytes, rows: Any) -> None:
    script = Script([0])
    described = tensor(datatype, [2], None, binary_data_size=len(data))
    response = Client(script).infer_binary({"inputs": [described]}, data)
    assert response.status_code == 200, response.text
    assert script.inputs == rows


@pytest.mark.parametrize(
    ("outputs", "datatype", "data"),
    [
        ([1, 2], "INT64", struct.pack("<2q", 1, 2)),
        ([0.5, None], "FP64", struct.pack("<2d", 0.5, np.nan)),
        (np.array([1, 2], np.float16), "FP16", struct.pack("<2e", 1, 2)),
        (np.array([[1, 2], [3, 4]], np.int8).T, "INT8", b"\x01\x03\x02\x04"),
        ([True, False], "BOOL", b"\x01\x00"),
        (["é"], "BYTES", b"\x02\x00\x00\x00\xc3\xa9"),
    ],
    ids=str,
)
def test_elements_may_go_as_memory(outputs: Any, datatype: str, data: bytes) -> None:
    body = {
        "inputs": [tensor("INT8", [1], [1])],
        "parameters": {"binary_data_output": True},
    }
    response = Client(Script(outputs)).infer_binary(body)
    size = int(response.headers[SIZE])
    (described,) = json.loads(response.content[:size])["outputs"]
    assert response.headers["content-type"] == "application/octet-stream"
    assert described["datatype"] == datatype
    assert described["parameters"] == {"binary_data_size": len(data)}
    assert response.content[size:] == data


def test_some_elements_go_as_memory_and_some_as_json() -> None:
    client = Client(Script({"a": [1], "b": [True]}))
    wanted = [{"name": "a"}, {"name": "b", "parameters": {"binary_data": True}}]
    response = client.infer(tensor("INT8", [1], [1]), outputs=wanted)
    size = int(response.headers[SIZE])
    first, second = json.loads(response.content[:size])["outputs"]
    assert first["data"] == [1]
    assert "data" not in second
    assert response.content[size:] == b"\x01"


@pytest.mark.parametrize(
    ("datatype", "data", "announced", "words"),
    [
        ("FP32", b"\x00" * 8, 4, "8 bytes follow the JSON"),
        ("FP32", b"\x00" * 4, 8, "4 bytes follow the JSON, but"),
        ("FP64", b"\x00" * 4, 4, "takes 8 bytes; 4 came"),
        ("BYTES", b"\x09\x00\x00\x00a", 5, "end too early"),
        ("BYTES", b"\x01\x00", 2, "end too early"),
        ("BYTES", b"\x00\x00\x00\x00" * 2, 8, "as many elements as its shape: "),
    ],
)
def test_bad_memory_is_refused(
    datatype: str, data: bytes, announced: int, words: str
) -> None:
    described = tensor(datatype, [1], None, binary_data_size=announced)
    response = Client(Script()).infer_binary({"inputs": [described]}, data)
    assert response.status_code == 400
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("99", "only 2"),
        ("x", "is not a number"),
        pytest.param("9" * 5000, "is not a number", id="long"),
    ],
)
def test_a_bad_size_of_the_json_is_refused(size: str, words: str) -> None:
    response = Client(Script()).ask("POST", INFER, content=b"{}", headers={SIZE: size})
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_observers_see_json_whatever_came() -> None:
    witness = Witness()
    described = tensor("BYTES", [1], None, binary_data_size=5)
    asked = {
        "id": "r-1",
        "inputs": [described],
        "parameters": {"binary_data_output": True},
    }
    Client(Script(), witness).infer_binary(asked, b"\x01\x00\x00\x00\xff")
    (exchange,) = witness.seen
    assert exchange.id == "r-1"
    base64 = {"content_type": "base64"}
    assert json.loads(exchange.request) == {
        **asked,
        "inputs": [{**described, "parameters": base64, "data": ["/w=="]}],
    }
    assert json.loads(exchange.answer)["outputs"] == [
        tensor("BYTES", [1], ["/w=="], "output-0", **base64)
    ]


def test_no_numerical_library_is_imported_for_it() -> None:
    code = """if True:
        import asyncio, sys
        from hopsartifacts.serving.runtime import app, grpc_server, metrics
        from hopsartifacts.serving.runtime.chain import Chain
        from hopsartifacts.serving.runtime.service import Service
        from hopsartifacts.serving.runtime.app import InferCall
        class Predictor:
            def predict(self, inputs):
                return inputs
        header = (b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], '
                  b'"parameters": {"binary_data_size": 4}}], '
                  b'"parameters": {"binary_data_output": true}}')
        call = InferCall("m", 1, header + bytes(4), len(header))
        service = Service("m", 1, Chain(Predictor()))
        print(asyncio.run(service.handle(call)).status)
        print({"numpy", "pandas", "scipy"} & sys.modules.keys())
    """
    shown = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert shown.stdout.split() == ["200", "set()"]


def test_a_postprocess_gives_each_output_a_name_of_its_own() -> None:
    twin = {"name": "y", "shape": [1], "datatype": "INT8", "data": [1]}
    with pytest.raises(ValueError, match="two outputs with the same name: 'y', 'y'"):
        InferCall("m", 1, b"{}").outputs_in({"outputs": [twin, twin]})
