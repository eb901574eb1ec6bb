"""Calls of the V2 service at the inference port."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hopsartifacts.serving.runtime.grpc_messages import SERVICE, message_class
from tests.rest.front.conftest import KEY, MAX_BYTES, Front, Ground, opened

grpc = pytest.importorskip("grpc", reason="needs grpcio")
triton = pytest.importorskip("tritonclient.grpc", reason="needs tritonclient[grpc]")
utils = pytest.importorskip("tritonclient.utils")

METADATA = (("authorization", f"ApiKey {KEY}"),)
OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]


@pytest.fixture(scope="module", autouse=True)
def _deployed(ground: Ground) -> None:
    ground.deploy("tensors", api_protocol="GRPC")
    ground.deploy("rows")
    ground.model("idle").deploy("idle", script_file=ground.script())


@pytest.fixture
def channel(port: Front) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{port.port}", options=OPTIONS) as found:
        yield found


def call(
    channel: Any,
    method: str,
    path: str = "",
    metadata: Any = METADATA,
    timeout: float = 30,
    **fields: Any,
) -> Any:
    request = message_class(f"{method}Request")(**fields)
    ask = channel.unary_unary(
        f"{path}/{SERVICE}/{method}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=message_class(f"{method}Response").FromString,
    )
    return ask(request, metadata=metadata, timeout=timeout)


def infer(channel: Any, path: str = "", size: int = 2, **options: Any) -> Any:
    """Send one text of *size* bytes."""
    tensor = message_class("ModelInferRequest.InferInputTensor")(
        name="x", datatype="BYTES", shape=[1]
    )
    fields = {"model_name": "tensors", **options}
    memory = size.to_bytes(4, "little") + b"x" * size
    return call(
        channel,
        "ModelInfer",
        path,
        inputs=[tensor],
        raw_input_contents=[memory],
        **fields,
    )


def refused(code: str, *words: str) -> Any:
    return pytest.raises(grpc.RpcError, check=lambda it: _is(it, code, words))


def _is(error: Any, code: str, words: tuple[str, ...]) -> bool:
    assert error.code().name == code, error
    assert all(word in error.details() for word in words), error.details()
    return True


def test_a_model_is_asked_by_the_name_in_the_message(channel: Any) -> None:
    answer = infer(channel)
    assert (answer.model_name, len(answer.raw_output_contents[0])) == ("tensors", 6)


def test_a_model_is_asked_by_the_path(port: Front, channel: Any) -> None:
    answer = infer(channel, port.path("tensors"))
    assert answer.model_name == "tensors"


def test_the_standard_client_is_answered(port: Front) -> None:
    headers = {"authorization": f"ApiKey {KEY}"}
    with triton.InferenceServerClient(f"127.0.0.1:{port.port}") as client:
        assert client.is_server_live(headers=headers)
        assert client.is_server_ready(headers=headers)
        assert client.is_model_ready("tensors", headers=headers)
        assert not client.is_model_ready("idle", headers=headers)
        assert not client.is_model_ready("unknown", headers=headers)
        assert client.get_server_metadata(headers=headers).name == "hopsartifacts"
        assert client.get_model_metadata("tensors", headers=headers).name == "tensors"
        values = np.arange(6, dtype=np.float32).reshape(2, 3)
        tensor = triton.InferInput("x", values.shape, "FP32")
        tensor.set_data_from_numpy(values)
        for compression in (None, "gzip"):
            answer = client.infer(
                "tensors",
                [tensor],
                headers=headers,
                compression_algorithm=compression,
            )
            np.testing.assert_array_equal(answer.as_numpy("output-0"), values)


@pytest.mark.parametrize(
    "metadata",
    [(), (("authorization", "ApiKey wrong.secret"),), (("authorization", KEY),)],
    ids=["none", "wrong", "without scheme"],
)
def test_without_a_key_nothing_is_answered(channel: Any, metadata: Any) -> None:
    for method in ("ServerLive", "ModelReady"):
        with refused("UNAUTHENTICATED", "no valid API key"):
            call(channel, method, metadata=metadata)


def test_a_key_without_the_scope_is_refused(channel: Any) -> None:
    with refused("PERMISSION_DENIED", "scope 'read'"):
        call(
            channel, "ServerLive", metadata=(("authorization", "ApiKey nobody.secret"),)
        )


def test_what_cannot_be_asked_is_told_apart(port: Front, channel: Any) -> None:
    with refused("NOT_FOUND", "unknown"):
        infer(channel, model_name="unknown")
    with refused("NOT_FOUND", "no-name"):
        infer(channel, model_name="no-name")
    with refused("NOT_FOUND"):
        infer(channel, model_name="")
    with refused("UNAVAILABLE", "idle", "start it"):
        infer(channel, model_name="idle")
    with refused("UNIMPLEMENTED", "does not support gRPC"):
        infer(channel, model_name="rows")
    with refused("NOT_FOUND", "no model 'rows'"):
        infer(channel, port.path("tensors"), model_name="rows")


@pytest.mark.parametrize(
    "path", ["/v1/other/tensors", "/v2/demo/tensors", "/v1/demo", "/v1/demo/tensors/x"]
)
def test_other_paths_lead_nowhere(channel: Any, path: str) -> None:
    with refused("UNIMPLEMENTED"):
        infer(channel, path)


def test_what_is_no_message_is_refused(channel: Any) -> None:
    ask = channel.unary_unary(f"/{SERVICE}/ModelInfer")
    with refused("INVALID_ARGUMENT", "cannot be read"):
        ask(b"\xff\xff\xff", metadata=METADATA, timeout=30)


def test_a_tensor_over_the_bound_is_refused(channel: Any) -> None:
    with refused("RESOURCE_EXHAUSTED"):
        infer(channel, size=MAX_BYTES)
    assert infer(channel, size=MAX_BYTES - 100).outputs


def test_a_tensor_of_nearly_64_mb_goes_through(ground: Ground) -> None:
    size = 64 * 1024 * 1024 - 100
    with (
        opened(ground.project) as port,
        grpc.insecure_channel(f"127.0.0.1:{port.port}", options=OPTIONS) as channel,
    ):
        answer = infer(channel, size=size)
        assert len(answer.raw_output_contents[0]) == size + 4
        with refused("RESOURCE_EXHAUSTED"):
            infer(channel, size=size + 100)


def test_nobody_without_a_key_has_much_read(port: Front) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 1
            yield b"x" * (MAX_BYTES // 2)

    with grpc.insecure_channel(f"127.0.0.1:{port.port}") as channel:
        ask = channel.stream_unary(f"/{SERVICE}/ModelInfer")
        with refused("UNAUTHENTICATED"):
            ask(pieces(), timeout=30)
    assert sent < 100


def test_a_deadline_is_passed_on(ground: Ground, channel: Any) -> None:
    code = """
        import time

        class Predictor:
            def predict(self, inputs):
                time.sleep(2)
                return inputs
    """
    ground.deploy("slow", code, api_protocol="GRPC")
    with refused("DEADLINE_EXCEEDED"):
        infer(channel, model_name="slow", timeout=0.2)


def test_whose_logins_fail_too_often_has_to_wait(ground: Ground) -> None:
    wrong = (("authorization", "ApiKey wrong.secret"),)
    with (
        opened(ground.project) as port,
        grpc.insecure_channel(f"127.0.0.1:{port.port}") as channel,
        port.client("other.secret") as client,
    ):
        for _ in range(10):
            with refused("UNAUTHENTICATED"):
                call(channel, "ServerLive", metadata=wrong)
        with refused("RESOURCE_EXHAUSTED", "too many failed logins"):
            call(channel, "ServerLive", metadata=wrong)
        assert client.get("/v1/models/rows").status_code == 429
