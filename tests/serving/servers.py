"""A service behind real sockets, in a thread of the test's own process."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn

from hopsartifacts.serving.runtime.app import create_app
from hopsartifacts.serving.runtime.service import Service

MAX_REQUEST_BYTES = 1_000_000


class Addresses(NamedTuple):
    http: str
    grpc: str


@contextmanager
def served(service: Service, *, grpc: bool = False) -> Iterator[Addresses]:
    """Serve over HTTP and, if asked to, over gRPC until the block ends."""
    http_socket = socket.create_server(("127.0.0.1", 0), backlog=64)
    # Held, but not listening, as the port of several processes is.
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind(("127.0.0.1", 0))
    grpc_port = reserved.getsockname()[1]
    app = create_app(service, max_request_bytes=MAX_REQUEST_BYTES)
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None)
    server = uvicorn.Server(config)
    failures: list[BaseException] = []

    async def serve() -> None:
        running: Any = None
        if grpc:
            from hopsartifacts.serving.runtime.grpc_server import (  # noqa: PLC0415 - not for every test
                serve_grpc,
            )

            running = await serve_grpc(
                service, grpc_port, max_request_bytes=MAX_REQUEST_BYTES
            )
        await server.serve(sockets=[http_socket])
        if running is not None:
            await running.stop(1)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.01)
        yield Addresses(
            f"127.0.0.1:{http_socket.getsockname()[1]}", f"127.0.0.1:{grpc_port}"
        )
    finally:
        server.should_exit = True
        thread.join(30)
        reserved.close()
    if failures:
        raise failures[0]
