"""Clients: of an application without a server; and of a port, again and again."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

PATH = "/v1/models/flowers:predict"


class InProcess:
    """Asks an application of this process."""

    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app)

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url="http://server"
            ) as client:
                return await client.request(method, path, **request)

        return asyncio.run(send())


class Load:
    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.failures: list[str] = []
        self.is_over = False


def ask(connection: http.client.HTTPConnection, rows: Any = None) -> Any:
    body = json.dumps({"instances": rows or [[1]]})
    connection.request("POST", PATH, body, {"content-type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, (answer.status, text)
    return json.loads(text)["predictions"]


@contextmanager
def under_load(port: int | None, *, clients: int = 8) -> Iterator[Load]:
    """Ask from several threads, each over a connection it keeps, for the block."""
    assert port is not None
    load = Load()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while not load.is_over:
            try:
                load.answers.append(ask(connection))
            except Exception as error:  # noqa: BLE001 - counted, and shown
                load.failures.append(repr(error))
                connection.close()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.is_over = True
        for thread in threads:
            thread.join()
