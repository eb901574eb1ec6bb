"""A balancer like a Service: new connections go to containers that are ready."""

import asyncio
import itertools
import threading
from contextlib import suppress

PROBE_S = 0.2
"""How often readiness is asked, and so how late the balancer may be."""

_PROBE = b"GET /v2/health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


class Balancer:
    """Passes bytes between clients and the *ports* of this machine that are ready."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.ready: list[int] = []
        self.port = 0
        self._turns = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._passing: set[asyncio.Task[None]] = set()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,))
        self._thread.start()
        started.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(started))
        self._loop.close()

    async def _serve(self, started: threading.Event) -> None:
        self._over = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        probing = asyncio.create_task(self._probe())
        started.set()
        await self._over.wait()
        probing.cancel()
        server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        await asyncio.sleep(0.1)  # the loop closes what was aborted

    async def _probe(self) -> None:
        while True:
            found = await asyncio.gather(*map(self._is_ready, self.ports))
            self.ready = [
                port
                for port, is_ready in zip(self.ports, found, strict=True)
                if is_ready
            ]
            await asyncio.sleep(PROBE_S)

    async def _is_ready(self, port: int) -> bool:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(_PROBE)
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
                await writer.wait_closed()
        return False

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        port = self.ready[next(self._turns) % len(self.ready)]
        there_reader, there = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_copy(reader, there), _copy(there_reader, writer))
        finally:
            for each in (there, writer):
                each.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
