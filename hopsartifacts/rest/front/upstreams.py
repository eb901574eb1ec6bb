"""Lines: the current addresses of running deployments, with open connections."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import aiohttp
import anyio.to_thread

from hopsartifacts.deployments.handle import ModelServing
from hopsartifacts.errors import NotRunningError
from hopsartifacts.serving.contract import ANSWERING, RunState, way_to_answers

TRUST_S = 0.2
"""How long an address is trusted without a new look: less than the time for which a
worker process that is being replaced keeps quiet connections open."""

ANSWER_S = 300.0
CONNECT_S = 5.0

_LOOKS_AT_ONCE = 8
_NOT_ADDED = ("accept", "accept-encoding", "content-type", "user-agent")


class Upstream:
    """The connections to one run of one version of a deployment.

    Attributes:
        url: URL of its HTTP server.
        grpc_port: port of its gRPC server; None if there is none.
        http: the HTTP connection pool.
        seen_s: loop time at which the run was last seen to be the current one.
    """

    def __init__(
        self, state: RunState, seen_s: float, closing: set[asyncio.Task[None]]
    ) -> None:
        self.url = str(state.url)
        self.grpc_port = state.grpc_port
        self.seen_s = seen_s
        self._closing = closing
        self._channel: Any = None
        self._users = 0
        self._is_left = False
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=(
                "accept",
                "accept-encoding",
                "content-type",
                "user-agent",
            ),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_S, sock_read=ANSWER_S
            ),
        )

    @property
    def channel(self) -> Any:
        """The gRPC channel to ``grpc_port``, created on first use."""
        import grpc  # noqa: PLC0415 - optional

        if self._channel is None:
            options = [
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
                # Do not share the connection with other channels: this one is closed.
                ("grpc.use_local_subchannel_pool", 1),
                # A proxy cannot reach this machine's loopback interface.
                ("grpc.enable_http_proxy", 0),
            ]
            target = f"127.0.0.1:{self.grpc_port}"
            self._channel = grpc.aio.insecure_channel(target, options=options)
        return self._channel

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the line open within the block, even if ``leave`` is called in it."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._is_left and self._users == 0:
                self._close_soon()

    def leave(self) -> None:
        """Close the connection as soon as it is no longer used."""
        self._is_left = True
        if self._users == 0:
            self._close_soon()

    async def close(self) -> None:
        """Close all connections."""
        await self.http.close()
        if self._channel is not None:
            await self._channel.close()

    def _close_soon(self) -> None:
        task = asyncio.ensure_future(self.close())
        # The event loop has only a weak reference to the task.
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class Upstreams:
    """The lines to a project's deployments, replaced whenever a deployment moves."""

    def __init__(self, serving: ModelServing) -> None:
        self._serving = serving
        self._lines: dict[str, tuple[object, Upstream]] = {}
        self._looks: dict[str, asyncio.Task[Upstream]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._limiter = anyio.CapacityLimiter(_LOOKS_AT_ONCE)

    async def to(self, name: str) -> Upstream:
        """Return the line to the deployment *name*.

        Raises:
            DeploymentNotFoundError: it does not exist.
            InvalidNameError: a deployment cannot have this name.
            NotRunningError: it does not answer (yet).
        """
        known = self._lines.get(name)
        now = asyncio.get_running_loop().time()
        if known is not None and now - known[1].seen_s < TRUST_S:
            return known[1]
        look = self._looks.get(name)
        if look is None:
            look = asyncio.ensure_future(self._look(name))
            self._looks[name] = look
            look.add_done_callback(partial(self._looked, name))
        # Shielded from the cancellation of one caller, as others may wait for it too.
        return await asyncio.shield(look)

    def doubt(self, name: str) -> None:
        """Check the run's address again before the line to *name* is used next."""
        if name in self._lines:
            self._lines[name][1].seen_s = float("-inf")

    async def close(self) -> None:
        """Close all lines."""
        lines = [line for _, line in self._lines.values()]
        self._lines.clear()
        await asyncio.gather(*(line.close() for line in lines), *self._closing)

    def _looked(self, name: str, look: asyncio.Task[Upstream]) -> None:
        del self._looks[name]
        # If all callers are gone, the exception would be reported as never retrieved.
        if not look.cancelled():
            look.exception()

    async def _look(self, name: str) -> Upstream:
        # The state that is found may be as old as the beginning of the look.
        began = asyncio.get_running_loop().time()
        state = await self._in_thread(self._serving.run_state, name)
        key = (state.url, state.grpc_port, state.revision, state.deployment_version)
        known = self._lines.get(name)
        if known is not None and (key != known[0] or state.status not in ANSWERING):
            del self._lines[name]
            known[1].leave()
            known = None
        if known is None:
            await self._check_answers(name, state)
            known = key, Upstream(state, began, self._closing)
            self._lines[name] = known
        known[1].seen_s = began
        return known[1]

    async def _check_answers(self, name: str, state: RunState) -> None:
        if state.status in ANSWERING and state.url is not None:
            return
        # Raises DeploymentNotFoundError if it does not exist.
        await self._in_thread(self._serving.get_deployment, name)
        reason = state.condition.reason if state.condition else None
        raise NotRunningError(
            f"deployment {name!r} is {state.status}{f' ({reason})' if reason else ''}; "
            f"{way_to_answers(state.status)}"
        )

    async def _in_thread(self, call: Any, name: str) -> Any:
        return await anyio.to_thread.run_sync(call, name, limiter=self._limiter)
