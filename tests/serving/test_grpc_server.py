"""What a client of the V2 protocol over gRPC gets, down to the messages."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.grpc_messages import SERVICE, message_class
from hopsartifacts.serving.runtime.service import Exchange, Service
from tests.serving.servers import MAX_REQUEST_BYTES, served

grpc = pytest.importorskip("grpc", reason="needs grpcio")
serve_grpc = pytest.importorskip("hopsartifacts.serving.runtime.grpc_server").serve_grpc

Request = message_class("ModelInferRequest")
Response = message_class("ModelInferResponse")
Code = grpc.StatusCode


class Predictor:
    """Fails, hangs or returns as its first row says."""

    def predict(self, inputs: list[Any]) -> Any:
        first = inputs[0]
        if first == "fail":
            raise ValueError("no such flower")
        if first == "fail at length":
            raise ValueError("\N{HIBISCUS}" * 100_000 + "\ud800")
        if first == "hang":
            time.sleep(1)
        if first == "surrogate":
            return ["\ud800"]
        if first == "unshaped":
            return [[1], [1, 2]]
        return inputs


class Transformer:
    def postprocess(self, outputs: Any) -> Any:
        if outputs["outputs"][0]["data"] == ["spoil"]:
            raise KeyError("x")
        if outputs["outputs"][0]["data"] == ["ragged"]:
            return [[1], [1, 2]]
        return outputs


class Witness:
    def __init__(self) -> None:
        self.seen: list[Exchange] = []

    def see(self, exchange: Exchange) -> None:
        self.seen.append(exchange)


@contextmanager
def channel_to(*observers: Witness) -> Iterator[Any]:
    service = Service("flowers", 3, Chain(Predictor(), Transformer()), observers)
    with (
        served(service, grpc=True) as addresses,
        grpc.insecure_channel(addresses.grpc) as channel,
    ):
        yield channel


@pytest.fixture(scope="module")
def channel() -> Iterator[Any]:
    with channel_to() as found:
        yield found


def ask(channel: Any, request: Any, method: str = "ModelInfer", **options: Any) -> Any:
    call = channel.unary_unary(f"/{SERVICE}/{method}")
    body = request if isinstance(request, bytes) else request.SerializeToString()
    return Response.FromString(call(body, **options))


def request(datatype: str, shape: list[int], **contents: Any) -> Any:
    asked = Request(model_name="flowers")
    asked.inputs.add(name="x", datatype=datatype, shape=shape, contents=contents)
    return asked


@pytest.mark.parametrize(
    ("asked", "field", "returned"),
    [
        (request("BOOL", [2], bool_contents=[True, False]), "bool", [True, False]),
        (request("INT8", [2], int_contents=[-1, 1]), "int64", [-1, 1]),
        (request("INT64", [1], int64_contents=[2**40]), "int64", [2**40]),
        (request("UINT8", [1], uint_contents=[255]), "int64", [255]),
        (request("UINT64", [1], uint64_contents=[2**63]), "uint64", [2**63]),
        (request("FP32", [1], fp32_contents=[0.5]), "fp64", [0.5]),
        (request("FP64", [1, 2], fp64_contents=[0.1, 2]), "fp64", [0.1, 2]),
        (request("BYTES", [1], bytes_contents=["é".encode()]), "bytes", ["é".encode()]),
        (request("BYTES", [1], bytes_contents=[b"\xff"]), "bytes", [b"\xff"]),
    ],
    ids=str,
)
def test_typed_contents_are_answered_with_such(
    channel: Any, asked: Any, field: str, returned: list[Any]
) -> None:
    answer = ask(channel, asked)
    (output,) = answer.outputs
    assert output.name == "output-0"
    assert list(output.shape) == list(asked.inputs[0].shape)
    assert list(getattr(output.contents, f"{field}_contents")) == returned
    assert not answer.raw_output_contents


def other_model() -> Any:
    asked = request("INT8", [1], int_contents=[1])
    asked.model_name = "roses"
    return asked


def other_version() -> Any:
    asked = request("INT8", [1], int_contents=[1])
    asked.model_version = "2"
    return asked


def raw_for_another() -> Any:
    asked = request("INT8", [1])
    asked.raw_input_contents.extend([b"\1", b"\2"])
    return asked


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        (b"\xff\xff", Code.INVALID_ARGUMENT, "the request is not a ModelInferRequest"),
        (other_model(), Code.NOT_FOUND, "no model 'roses'; this server has the model"),
        (other_version(), Code.NOT_FOUND, "no model 'flowers', version 2"),
        (Request(model_name="flowers"), Code.INVALID_ARGUMENT, "has no inputs"),
        (raw_for_another(), Code.INVALID_ARGUMENT, "1 inputs, but raw contents for 2"),
        (request("INT8", [2], int_contents=[1]), Code.INVALID_ARGUMENT, "shape [2]"),
        (request("INT8", [1], int_contents=[500]), Code.INVALID_ARGUMENT, "beyond"),
        (request("INT8", [-1], int_contents=[1]), Code.INVALID_ARGUMENT, "below 1"),
        (
            request("FP16", [1], fp32_contents=[1]),
            Code.INVALID_ARGUMENT,
            "send it as raw contents",
        ),
        (
            request("X", [1], int_contents=[1]),
            Code.INVALID_ARGUMENT,
            "unknown datatype",
        ),
        (
            request("BYTES", [1], bytes_contents=[b"fail"]),
            Code.INTERNAL,
            "predictor: ValueError: no such flower",
        ),
        (
            request("BYTES", [1], bytes_contents=[b"spoil"]),
            Code.INTERNAL,
            "transformer: KeyError: 'x'",
        ),
        (
            request("BYTES", [1], bytes_contents=[b"ragged"]),
            Code.INTERNAL,
            "transformer: TypeError: output 'output-0' is not a tensor",
        ),
        (
            request("BYTES", [1], bytes_contents=[b"unshaped"]),
            Code.INTERNAL,
            "predictor: TypeError: output 'output-0' is not a tensor",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_have_a_code_and_a_reason(
    channel: Any, asked: Any, code: Any, words: str
) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        ask(channel, asked)
    assert raised.value.code() == code
    assert words in raised.value.details()


def test_the_reason_of_an_error_fits_into_the_answer(channel: Any) -> None:
    asked = request("BYTES", [1], bytes_contents=[b"fail at length"])
    with pytest.raises(grpc.RpcError) as raised:
        ask(channel, asked)
    assert raised.value.code() == Code.INTERNAL
    assert raised.value.details().startswith("predictor: ValueError: \N{HIBISCUS}")
    assert raised.value.details().endswith("more characters)")


def test_so_does_the_name_of_a_model_that_is_not_there(channel: Any) -> None:
    asked = request("INT8", [1], int_contents=[1])
    asked.model_name = "r" * 100_000
    with pytest.raises(grpc.RpcError) as raised:
        ask(channel, asked)
    assert raised.value.code() == Code.NOT_FOUND


def test_a_request_that_is_too_large_is_refused(channel: Any) -> None:
    values = b"x" * (MAX_REQUEST_BYTES + 1)
    with pytest.raises(grpc.RpcError) as raised:
        ask(channel, request("BYTES", [1], bytes_contents=[values]))
    assert raised.value.code() == Code.RESOURCE_EXHAUSTED


def test_a_client_that_does_not_wait_is_no_error(
    channel: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        ask(channel, request("BYTES", [1], bytes_contents=[b"hang"]), timeout=0.2)
    assert raised.value.code() == Code.DEADLINE_EXCEEDED
    assert ask(channel, request("INT8", [1], int_contents=[1])).outputs
    assert not caplog.records


def test_observers_see_json() -> None:
    """Calls over gRPC are logged in the same form as those over HTTP."""
    witness = Witness()
    asked = request("INT8", [2], int_contents=[1, 2])
    asked.id = "r-1"
    asked.parameters["limit"].int64_param = 7
    with channel_to(witness) as channel:
        ask(channel, asked)
        with pytest.raises(grpc.RpcError):
            ask(channel, request("INT8", [2]))
        with pytest.raises(grpc.RpcError):
            ask(channel, request("BYTES", [1], bytes_contents=[b"surrogate"]))
    good, bad, failed = witness.seen
    tensor = {"name": "x", "shape": [2], "datatype": "INT8", "data": [1, 2]}
    assert good.id == "r-1"
    assert json.loads(good.request) == {
        "id": "r-1",
        "parameters": {"limit": 7},
        "inputs": [tensor],
    }
    assert json.loads(good.answer) == {
        "model_name": "flowers",
        "model_version": "3",
        "id": "r-1",
        "outputs": [{**tensor, "name": "output-0", "datatype": "INT64"}],
    }
    assert "a lone surrogate" in json.loads(failed.answer)["error"]
    assert (bad.status, "shape [2]" in json.loads(bad.answer)["error"]) == (400, True)


def test_several_servers_share_a_port_and_one_can_stop() -> None:
    """While versions change, workers of both versions serve the same port."""
    asked = request("INT8", [1], int_contents=[1]).SerializeToString()

    async def version_at(port: int) -> str:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(f"/{SERVICE}/ModelInfer")
            return str(Response.FromString(await call(asked)).model_version)

    async def versions() -> tuple[set[str], set[str]]:
        with socket.socket() as reserved:
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            old, new = [
                await serve_grpc(
                    Service("flowers", version, Chain(Predictor())),
                    port,
                    max_request_bytes=1000,
                )
                for version in (1, 2)
            ]
            both = {await version_at(port) for _ in range(40)}
            await old.stop(1)
            one = {await version_at(port) for _ in range(5)}
            await new.stop(1)
            return both, one

    assert asyncio.run(versions()) == ({"1", "2"}, {"2"})
