"""A worker's HTTP server, and the connections that it passes to other workers.

All workers of a run share one socket. A worker is drained without a lost request.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Protocol

from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.serving.http_server import HttpConnection, HttpServer
from hopsartifacts.serving.runtime.failures import error_text
from hopsartifacts.serving.runtime.keeper_link import DRAIN_S, GRACE_S, KeeperLink
from hopsartifacts.serving.runtime.readiness import Readiness

_LOG = logging.getLogger("hopsartifacts.serving")
_KEEP_ALIVE_S = 3600
_LINGER_S = 1.0
"""How long an idle connection that no other worker takes may still send a request."""
_LOOK_S = 0.05
_AWAY_S = 0.1


class Stoppable(Protocol):
    """A server that runs beside the HTTP server."""

    async def stop(self, grace: float | None) -> Any:
        """Refuse new requests, and give those in progress *grace* seconds."""
        ...


class SharedSocket(socket.socket):
    """A listening socket whose backlog another process sets."""

    def listen(self, backlog: int = 0, /) -> None:
        """Do nothing: event loops would set the backlog to what they accept."""


class IdleConnections:
    """A queue of idle connections, shared by all workers of a run.

    HTTP/1.1 has no way to announce that an idle connection will be closed. If a server
    closes one just as the client sends a request, the request is lost. So a worker that
    ends leaves idle connections open and passes them to other workers, with any data
    that has arrived meanwhile.

    Args:
        give_fd: descriptor of the end into which connections are put.
        take_fd: descriptor of the end from which each is taken, by one worker.
    """

    def __init__(self, give_fd: int, take_fd: int) -> None:
        self._giving = socket.socket(fileno=give_fd)
        self.taking = socket.socket(fileno=take_fd)
        for end in (self._giving, self.taking):
            # Otherwise child processes of scripts would keep queued connections open.
            end.set_inheritable(False)
            end.setblocking(False)  # noqa: FBT003 - the method's

    def give(self, connection: HttpConnection) -> None:
        """Queue *connection* if it is idle and the queue is not full.

        This worker no longer owns it then: its descriptor is closed in the next loop
        turn.
        """
        if connection.is_quiet:
            fd = connection.transport.get_extra_info("socket").fileno()
            # If the queue is full, the connection stays here.
            with suppress(OSError):
                socket.send_fds(self._giving, [b"."], [fd])
                # This closes our descriptor. The queue has a duplicate, so the client
                # does not notice.
                connection.transport.abort()

    def take(self) -> Iterator[socket.socket]:
        """Yield the connections in the queue."""
        while True:
            try:
                _, fds, _, _ = socket.recv_fds(self.taking, 1, 1)
            except OSError:  # the queue is empty, or another worker was faster
                return
            for fd in fds:
                yield socket.socket(fileno=fd)


class WorkerServer(HttpServer):
    """A server that also follows the orders of the keeper.

    Args:
        app: the application.
        reporter: the link to the keeper.
        passing: the queue of idle connections; None if no other worker shares the
            listening socket, which is closed then when this worker is drained.
        prepare: called before the keeper is told that this worker is loaded.
        start_beside: starts the further servers.
        readiness: what the application tells those who ask whether it is ready.
        drain_s: how long requests may take when this worker is drained.

    Attributes:
        failure: the error for which the server ended, if it was told of one.
    """

    def __init__(
        self,
        app: Any,
        reporter: KeeperLink,
        passing: IdleConnections | None,
        prepare: Callable[[], Awaitable[None]],
        start_beside: Callable[[], Awaitable[Sequence[Stoppable]]],
        readiness: Readiness | None = None,
        drain_s: float = DRAIN_S,
    ) -> None:
        super().__init__(
            app,
            HttpConnection,
            keep_alive_s=_KEEP_ALIVE_S,
            grace_s=GRACE_S,
            # Accept one at a time and leave the others to other workers.
            backlog=1,
        )
        self._reporter = reporter
        self._passing = passing
        self._prepare = prepare
        self._start_beside = start_beside
        self._readiness = readiness or Readiness()
        self._drain_s = drain_s
        self.failure: HopsArtifactsError | None = None
        self._beside: Sequence[Stoppable] = ()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._may_serve = asyncio.Event()
        self._is_draining = False
        self._is_passing = False
        self._closing: asyncio.Task[None] | None = None
        self._taken: set[asyncio.Task[Any]] = set()
        self._is_hurried = False

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until asked to end.

        A ``SystemExit`` in a task of a script ends the event loop, which is then run
        again: the awaiter of the task gets the exception, and no other request is lost.
        """
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            serving = loop.create_task(self.serve(sockets))
            while not serving.done():
                try:
                    loop.run_until_complete(serving)
                except (SystemExit, KeyboardInterrupt) as error:
                    if serving.done():
                        raise
                    _LOG.error("a script's task ended: %s", error_text(error))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Get ready, and accept connections once the keeper orders it."""
        self._loop = asyncio.get_running_loop()
        self._reporter.on_order = self._hear
        await self._prepare()
        self._reporter.loaded()
        await self._may_serve.wait()
        if self.should_exit:
            return
        self._beside = await self._start_beside()
        await super().startup(sockets)
        if self._passing is not None:
            self._loop.add_reader(self._passing.taking, self._take)
        self._reporter.serving()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, either at once or after draining the open connections."""
        if self._is_draining:
            await (self._closing or self._stop_accepting())
            await self._drain()
        else:
            await asyncio.gather(*(server.stop(GRACE_S) for server in self._beside))
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal, possibly before anything is served."""
        super().handle_exit(sig, frame)
        self._is_hurried = True
        self._call(self._may_serve.set)

    def end_soon(self, *_: object) -> None:
        """Handle a signal outside the time in which uvicorn has its own handlers."""
        self.should_exit = True

    def fail(self, error: HopsArtifactsError) -> None:
        """End because of *error*; call it on the event loop."""
        self.failure = error
        self.should_exit = True

    def _hear(self, order: str) -> None:
        self._call(self._obey, order)

    def _call(self, call: Callable[..., object], *args: object) -> None:
        # The loop is closed once the server has ended.
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call, *args)

    def _obey(self, order: str) -> None:
        if order == "serve":
            self._may_serve.set()
        elif order == "leave":
            self._readiness.leave()
            self._send_away()
        elif order in {"drain", "pass"}:
            self._is_passing = order == "pass"
            if self.started and not self._is_draining:
                self._closing = asyncio.ensure_future(self._stop_accepting())
            self._is_draining = self.should_exit = True
            self._may_serve.set()
        elif order == "ping":
            self._reporter.alive(self.answered, is_busy=self.is_busy)

    def _take(self) -> None:
        """Take over connections that other workers passed on."""
        if self._passing is not None:
            self._adopt(self._passing.take())

    def _adopt(self, connections: Iterator[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        for connection in connections:
            task = loop.create_task(
                loop.connect_accepted_socket(self.new_connection, connection)
            )
            self._taken.add(task)
            task.add_done_callback(self._taken.discard)

    def _send_away(self) -> None:
        """Close each connection after its next answer, until the server is drained."""
        if not self._is_draining:
            self.announce_close()  # which only lasts a second
            asyncio.get_running_loop().call_later(_AWAY_S, self._send_away)

    async def _drain(self) -> None:
        """Pass idle connections on, and close the others after their next answer."""
        self.announce_close()  # again, as it only lasts a second
        beside = asyncio.gather(
            *(server.stop(self._drain_s) for server in self._beside)
        )
        for connection in self.connections:
            if connection.is_answering:
                connection.shutdown()
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self.connections or not beside.done():
            lasted_s = loop.time() - began
            if self._is_hurried or lasted_s > self._drain_s:
                break
            self._pass_on()
            for connection in self.connections:
                if lasted_s > _LINGER_S and connection.may_close:
                    connection.shutdown()
            await asyncio.sleep(_LOOK_S)
        await asyncio.gather(*(server.stop(GRACE_S) for server in self._beside))

    async def _stop_accepting(self) -> None:
        self.announce_close()
        self.stop_listening()
        if self._passing is not None:
            asyncio.get_running_loop().remove_reader(self._passing.taking)
        # A connection that was just accepted is set up in the next turns of the loop;
        # if the server were closed now, that would fail.
        await asyncio.sleep(_LOOK_S)
        if self._passing is None:
            # No one else accepts the clients that have connected meanwhile.
            self._adopt(self.close_listening())
            await asyncio.sleep(_LOOK_S)
        self._pass_on()
        self._reporter.leaving()

    def _pass_on(self) -> None:
        """Pass idle connections to other workers, if there are any."""
        if self._is_passing and self._passing is not None:
            for connection in self.connections:
                self._passing.give(connection)
