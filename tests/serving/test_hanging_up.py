import asyncio
from typing import Any

import pytest

from hopsartifacts.serving.contract import Batching
from hopsartifacts.serving.runtime.app import create_app
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.http_requests import PATIENCE_S, watching
from hopsartifacts.serving.runtime.service import Service

PATH = "/v1/models/m:predict"


class Client:
    """What a server tells an application of its client."""

    def __init__(self) -> None:
        self.is_gone = asyncio.Event()
        self.asked = 0
        self.body = b""

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        if self.asked == 1:
            return {"type": "http.request", "body": self.body}
        await self.is_gone.wait()
        return {"type": "http.disconnect"}


def test_a_client_that_is_gone_is_not_predicted_for() -> None:
    """Predictions for clients that left would only delay those of the others."""

    class Slow:
        def __init__(self) -> None:
            self.seen: list[Any] = []
            self.go_on = asyncio.Event()

        async def predict(self, inputs: Any) -> Any:
            self.seen.append(inputs)
            await self.go_on.wait()
            return inputs

    async def ask(service: Service, client: Client, row: int) -> int:
        app = create_app(service, max_request_bytes=100)
        scope = {"type": "http", "method": "POST", "path": PATH, "headers": []}
        client.body = b'{"instances": [[%d]]}' % row
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, client.receive, send)
        return int(sent[0]["status"])

    async def hang_up() -> None:
        predictor = Slow()
        service = Service("m", 1, Chain(predictor, None, Batching()))
        clients = [Client() for _ in range(3)]
        first = asyncio.create_task(ask(service, clients[0], 0))
        await asyncio.sleep(PATIENCE_S / 2)
        others = [
            asyncio.create_task(ask(service, client, row))
            for row, client in enumerate(clients[1:], 1)
        ]
        await asyncio.sleep(PATIENCE_S * 2)
        clients[1].is_gone.set()
        await asyncio.sleep(0.01)
        predictor.go_on.set()
        assert list(await asyncio.gather(first, *others)) == [200, 503, 200]
        assert predictor.seen == [[[0]], [[2]]]

    asyncio.run(hang_up())


def test_a_quick_answer_is_not_watched() -> None:
    async def quick() -> int:
        client = Client()
        with watching(client.receive):
            await asyncio.sleep(0)
        await asyncio.sleep(PATIENCE_S * 2)
        return client.asked

    assert asyncio.run(quick()) == 0


def test_what_fails_within_fails_as_it_does() -> None:
    async def fail() -> None:
        with watching(Client().receive):
            await asyncio.sleep(PATIENCE_S * 2)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        asyncio.run(fail())
