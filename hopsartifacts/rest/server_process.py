"""The server process, from opening its ports to a shutdown that loses no answer."""

import asyncio
import logging
import os
import resource
import signal
import socket
import ssl
import threading
from asyncio import sslproto
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio.to_thread
import msgspec
from msgspec.structs import replace
from starlette.types import ASGIApp

from hopsartifacts.errors import PortTakenError
from hopsartifacts.project import Project
from hopsartifacts.rest.access_log import log_to
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.browsers import NO_SESSIONS, Sessions
from hopsartifacts.rest.certificates import (
    Certificate,
    fingerprint,
    own,
    self_signed,
    tls,
)
from hopsartifacts.rest.connections import Connection, ConnectionLimit, accept_from
from hopsartifacts.rest.front.http_proxy import operations
from hopsartifacts.rest.front.port import front, inference_listener
from hopsartifacts.rest.front.upstreams import Upstreams
from hopsartifacts.rest.hosted import FindsKeys, Hosted, ServerSettings
from hopsartifacts.rest.keys import Keys
from hopsartifacts.rest.listener import Listening, in_url, is_loopback, listen
from hopsartifacts.rest.operations import Operation
from hopsartifacts.rest.own_folder import alone_in, make_private
from hopsartifacts.rest.uploads import Uploads
from hopsartifacts.serving.http_server import HttpServer

_KEEP_ALIVE_S = 75
_THREADS = 128
"""Size of the thread pool, where requests wait for storage and for deployments."""
_MOST_FILES = 65536
_OTHER_FILES = 256
"""File descriptors not used for connections: project files, pipes, logs."""
_FILES_EACH = 3
"""File descriptors per connection: its own, and those to a deployment."""
_MOST_CONNECTIONS = 4096
_FEWEST_CONNECTIONS = 16
_TLS_BUFFER = 32 * 1024
"""Bytes that asyncio buffers for each TLS connection; its default is 8 times that."""
_IDLE_S = 2.0
"""How long a connection must be idle at shutdown before it is aborted."""
_LOOK_S = 0.1
_STUCK_S = 10.0
"""Seconds that threads get after the drain time, before the process ends anyway."""
_LOGGER = logging.getLogger(__name__)

Chore = Callable[[], object]


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The report after the server has started.

    Attributes:
        url: where clients reach it.
        inference: URL of the inference port; None if there is none.
        certificate: path of the self-signed certificate that clients can trust; None if
            there is none.
        fingerprint: SHA-256 of the certificate in use; None without TLS.
        has_keys: whether there is a valid API key.
    """

    url: str
    inference: str | None
    certificate: str | None
    fingerprint: str | None
    has_keys: bool


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A web UI: what it adds to a server.

    Attributes:
        operations: its pages, and logging in and out.
        sessions: the browsers that are logged in.
        keys: finds the callers, in place of the keys in the server's folder.
    """

    operations: tuple[Operation, ...] = ()
    sessions: Sessions = NO_SESSIONS
    keys: FindsKeys | None = None


def serve(
    project: Project,
    folder: Path,
    listening: Listening,
    settings: ServerSettings,
    on_start: Callable[[Started], None],
    site: Callable[[Keys, Path], Site] = lambda *_: Site(),
) -> None:
    """Serve *project* until a signal ends the server.

    Args:
        project: the project.
        folder: the server's own folder on local disk; see ``own_folder``.
        listening: where and how to listen.
        settings: limits.
        on_start: called once, when connections are accepted.
        site: returns the web UI of a server with these keys and this folder.

    Raises:
        InvalidInputError: *listening* has an invalid setting.
        InUseError: another server uses *folder*.
        PortTakenError: a port is in use.
        FormatError: the file of keys is damaged.
        StorageError: *folder* cannot be used.
    """
    listening.check()
    with ExitStack() as stack:
        stack.enter_context(alone_in(make_private(folder)))
        keys = Keys(folder)
        # Report a damaged file of keys now, not at the first request.
        keys.list()
        renewed = partial(_certificate, listening, folder)
        certificate = renewed()
        context = tls(certificate) if certificate else None
        sockets = [stack.enter_context(it) for it in _sockets(listening)]
        listener = _inference_listener(listening, folder, project.url)
        if listener:
            stack.enter_context(listener)
        log_to(listening.access_log)
        uploads = Uploads(project.storage, make_private(folder / "uploads"))
        stack.callback(uploads.close)
        shown = site(keys, folder)
        hosted = Hosted(
            project,
            shown.keys or keys,
            uploads,
            _reachable(settings, listening),
            folder=folder,
            sessions=shown.sessions,
        )
        chores: list[Chore] = [uploads.sweep]
        if certificate and context:
            chores.append(_Renewing(renewed, certificate, context))

        lines = Upstreams(project.get_model_serving())
        limit = connection_limit()

        @asynccontextmanager
        async def around() -> AsyncIterator[None]:
            async with _inference(hosted, listening, listener, limit) as inference:
                on_start(
                    _started(listening.url(sockets[0]), certificate, inference, keys)
                )
                looking = _look_after(chores, listening.chores_s)
                try:
                    yield
                finally:
                    looking.cancel()
                    hosted.close()
                    await lines.close()

        app = create_app(hosted, (*operations(lines), *shown.operations))
        ApiServer(app, listening, context, limit, around).run(sockets)


def _sockets(listening: Listening) -> list[socket.socket]:
    """Return sockets at the port, or at the preferred one if any port will do."""
    if not listening.port and listening.preferred_port:
        with suppress(PortTakenError):
            return listen(listening.host, listening.preferred_port)
    return listen(listening.host, listening.port)


def _reachable(settings: ServerSettings, listening: Listening) -> ServerSettings:
    """Return *settings* with the names under which browsers reach the server."""
    return replace(
        settings,
        host_names=listening.host_names(),
        checks_every_host=is_loopback(listening.host) and not listening.proxies,
    )


def _inference_listener(
    listening: Listening, folder: Path, url: str
) -> socket.socket | None:
    """Listen on the inference port, if there is to be one.

    By default there is one only on the loopback interface, as some releases of the
    client send predictions only to a plain HTTP port.
    """
    wanted = listening.inference_port
    is_wanted = wanted is not None or is_loopback(listening.host)
    if not (listening.has_inference_port and is_wanted):
        return None
    host = listening.inference_host or listening.host
    return inference_listener(folder, host, wanted, url)


@asynccontextmanager
async def _inference(
    hosted: Hosted,
    listening: Listening,
    listener: socket.socket | None,
    limit: ConnectionLimit,
) -> AsyncIterator[str | None]:
    """Open the inference port, if any, and announce it to clients; yield its URL."""
    if listener is None:
        yield None
        return
    async with front(hosted, listener, limit) as (bound, port):
        name = listening.name_of(bound, listening.inference_host or listening.host)
        hosted.settings = replace(hosted.settings, inference_endpoint=(name, port))
        yield f"http://{in_url(name)}:{port}"


def _started(
    url: str, certificate: Certificate | None, inference: str | None, keys: Keys
) -> Started:
    now = datetime.now(UTC)
    for_clients = certificate.for_clients if certificate else None
    return Started(
        url=url,
        inference=inference,
        certificate=str(for_clients) if for_clients else None,
        fingerprint=fingerprint(certificate) if certificate else None,
        has_keys=any(it.is_valid(now) for it in keys.list()),
    )


class _Renewing:
    """A chore that loads a renewed certificate without a restart."""

    def __init__(
        self,
        renewed: Callable[[], Certificate | None],
        shown: Certificate,
        context: ssl.SSLContext,
    ) -> None:
        self._renewed = renewed
        self._context = context
        self._shown = shown.changed()

    def __call__(self) -> None:
        certificate = self._renewed()
        if certificate and certificate.changed() != self._shown:
            # Try it on another context first, so that a bad one changes nothing.
            tls(certificate)
            certificate.load(self._context)
            self._shown = certificate.changed()


def _certificate(listening: Listening, folder: Path) -> Certificate | None:
    if listening.is_plain:
        return None
    if listening.certificate:
        return own(listening.certificate, listening.key)
    names = listening.names
    wildcards = {"0.0.0.0", "::"}  # noqa: S104 - it is not listened there
    if listening.host not in wildcards:
        names = (*names, listening.host)
    return self_signed(folder, names)


def _look_after(chores: Sequence[Chore], every_s: float) -> "asyncio.Task[None]":
    """Run *chores* every *every_s* seconds, one after the other, in a thread."""

    async def look() -> None:
        while True:
            await asyncio.sleep(every_s)
            for chore in chores:
                try:
                    await anyio.to_thread.run_sync(chore)
                except Exception:
                    _LOGGER.exception("a chore failed; trying again in %g s", every_s)

    return asyncio.ensure_future(look())


class ApiServer(HttpServer):
    """A server with a bounded shutdown, and exit status 0 after a signal.

    Args:
        app: the application.
        listening: settings; its sockets are passed to ``run``.
        context: for TLS; None for plain HTTP.
        limit: limits the number of connections on this and other ports.
        around: entered before connections are accepted, exited during the shutdown.
    """

    def __init__(
        self,
        app: ASGIApp,
        listening: Listening,
        context: ssl.SSLContext | None,
        limit: ConnectionLimit,
        around: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        sslproto.SSLProtocol.max_size = _TLS_BUFFER
        super().__init__(
            app,
            Connection,
            keep_alive_s=_KEEP_ALIVE_S,
            grace_s=max(1, round(listening.drain_s)),
            proxies=listening.proxies,
        )
        self._context = context
        self._limit = limit
        self._drain_s = listening.drain_s
        self._cutting: threading.Timer | None = None
        self._around = around
        self._stack = AsyncExitStack()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal comes; kill the process if it does not end in time.

        On another than the main thread the process is not the server's own: it lives.
        """
        if threading.current_thread() is not threading.main_thread():
            super().run(sockets)
            return
        after_s = self._drain_s + _STUCK_S
        before = set(threading.enumerate())
        self._cutting = threading.Timer(after_s, _cut, (after_s,))
        self._cutting.daemon = True
        try:
            super().run(sockets)
        finally:
            # Python would wait for these threads before it exits. A server that runs
            # beside others, as in tests, does not end its process.
            left = set(threading.enumerate()) - before
            is_alone = threading.current_thread() is threading.main_thread()
            if not is_alone or all(it.daemon for it in left):
                self._cutting.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Enter *around*, then accept connections."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        await self._stack.enter_async_context(self._around())
        await super().startup([])
        accept_from(self, sockets or (), self._limit, self._context)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests in progress finish, and close idle connections."""
        if self._cutting:
            self._cutting.start()
        hanging_up = asyncio.ensure_future(self._hang_up())
        try:
            await asyncio.gather(super().shutdown(sockets), self._stack.aclose())
        finally:
            hanging_up.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and exit normally instead of raising the signal again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {it: signal.signal(it, self.handle_exit) for it in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def _hang_up(self) -> None:
        """Abort idle connections: a TLS shutdown would wait for the client's answer."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_S)
            before = loop.time() - _IDLE_S
            for connection in self.connections:
                if isinstance(connection, Connection) and connection.is_idle:
                    since = connection.idle_since
                    if since is not None and since < before:
                        connection.transport.abort()


def _cut(after_s: float) -> None:
    """End the process in spite of running threads, whose work may be cut off safely."""
    _LOGGER.error("requests did not end in %g seconds: the process is killed", after_s)
    logging.shutdown()
    os._exit(1)


def connection_limit() -> ConnectionLimit:
    """Return a limit on connections that fits this process's open-file limit."""
    most = (_raise_file_limit() - _OTHER_FILES) // _FILES_EACH
    return ConnectionLimit(max(_FEWEST_CONNECTIONS, min(_MOST_CONNECTIONS, most)))


def _raise_file_limit() -> int:
    """Raise the limit on open files as far as permitted, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
