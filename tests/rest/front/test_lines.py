"""The way from the inference port to a running deployment."""

import asyncio
from typing import Any

import pytest

from hopsartifacts.rest.front.upstreams import Upstream
from hopsartifacts.serving.contract import RunState
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.grpc_messages import SERVICE, message_class
from hopsartifacts.serving.runtime.service import Service
from tests.serving.servers import served

pytest.importorskip("grpc", reason="needs grpcio")


class Predictor:
    def predict(self, inputs: list[Any]) -> list[Any]:
        return inputs


def test_no_proxy_is_asked_for_the_way_to_a_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Deployments are on this machine, and proxies are for other ones."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with served(Service("flowers", 3, Chain(Predictor())), grpc=True) as addresses:
        port = int(addresses.grpc.rpartition(":")[2])
        state = RunState(
            status="Running", url=f"http://{addresses.http}", grpc_port=port
        )

        async def ask() -> tuple[bool, int]:
            line = Upstream(state, 0, set())
            call = line.channel.unary_unary(
                f"/{SERVICE}/ServerLive",
                request_serializer=message_class("ServerLiveRequest").SerializeToString,
                response_deserializer=message_class("ServerLiveResponse").FromString,
            )
            try:
                answer = await call(message_class("ServerLiveRequest")(), timeout=30)
                async with line.http.get(
                    f"http://{addresses.http}/v2/health/live"
                ) as got:
                    return answer.live, got.status
            finally:
                await line.close()

        assert asyncio.run(ask()) == (True, 200)
