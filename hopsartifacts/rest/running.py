"""The server's process: from the first connection to the last answer."""

import asyncio
import logging
import os
import resource
import signal
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import anyio.to_thread
import msgspec
import uvicorn
from starlette.types import ASGIApp

from hopsartifacts.project import Project
from hopsartifacts.rest.access_log import log_to
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.certificates import (
    Certificate,
    fingerprint,
    own,
    self_signed,
    tls,
)
from hopsartifacts.rest.connections import Connection
from hopsartifacts.rest.hosted import Hosted, Settings
from hopsartifacts.rest.keys import Keys
from hopsartifacts.rest.listening import BACKLOG, Listening, listen
from hopsartifacts.rest.own_folder import alone_in, make_private

_KEEP_ALIVE_S = 75
_THREADS = 128
"""Requests wait in them for storage and for deployments."""
_MOST_FILES = 65536
_OTHER_FILES = 256
"""Descriptors that are no connection's: the project's files, pipes, logs."""
_MOST_CONNECTIONS = 10_000
_IDLE_S = 2.0
"""So long an idle connection is waited for that is told of the end."""
_LOOK_S = 0.1
_STUCK_S = 10.0
"""What threads get beyond the time for requests, before the process ends anyway."""
_LOGGER = logging.getLogger(__name__)

Chore = Callable[[], object]


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever started the server wants to know.

    Attributes:
        url: where clients reach it.
        certificate: path of the one that clients can trust; None if it made none.
        fingerprint: SHA-256 of the certificate that it shows; None without TLS.
        has_keys: whether anybody can log in.
    """

    url: str
    certificate: str | None
    fingerprint: str | None
    has_keys: bool


def serve(
    project: Project,
    folder: Path,
    listening: Listening,
    settings: Settings,
    on_start: Callable[[Started], None],
) -> None:
    """Serve *project* until a signal ends it.

    Args:
        project: what is served.
        folder: the server's own, on this disk; see ``own_folder``.
        listening: where, and how.
        settings: bounds.
        on_start: called once, when connections are accepted.

    Raises:
        InvalidInputError: something in *listening* cannot be used.
        InUseError: another server uses *folder*.
        PortTakenError: somebody listens there.
        FormatError: the file of keys is damaged.
        StorageError: *folder* cannot be used.
    """
    listening.check()
    with ExitStack() as stack:
        stack.enter_context(alone_in(make_private(folder)))
        keys = Keys(folder)
        has_keys = any(it.revoked is None for it in keys.list())
        renewed = partial(_certificate, listening, folder)
        certificate = renewed()
        context = tls(certificate) if certificate else None
        sockets = [
            stack.enter_context(it) for it in listen(listening.host, listening.port)
        ]
        log_to(listening.access_log)
        hosted = Hosted(project, keys, None, settings)
        chores: list[Chore] = []
        if certificate and context:
            chores.append(_Renewing(renewed, certificate, context))
        for_clients = certificate.for_clients if certificate else None
        started = Started(
            url=listening.url(sockets[0]),
            certificate=str(for_clients) if for_clients else None,
            fingerprint=fingerprint(certificate) if certificate else None,
            has_keys=has_keys,
        )

        async def on_ready() -> None:
            stack.callback(_look_after(chores, listening.chores_s).cancel)
            on_start(started)

        server = Server(create_app(hosted), listening, context, on_ready)
        server.run(sockets)


class Server(uvicorn.Server):
    """Uvicorn's server, whose end is bounded, and is no failure."""

    def __init__(
        self,
        app: ASGIApp,
        listening: Listening,
        context: ssl.SSLContext | None,
        on_ready: Callable[[], Awaitable[None]],
    ) -> None:
        files = _raise_file_limit()
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(listening.proxies),
                forwarded_allow_ips=list(listening.proxies),
                backlog=BACKLOG,
                limit_concurrency=min(_MOST_CONNECTIONS, (files - _OTHER_FILES) // 2),
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, round(listening.drain_s)),
                ssl_context_factory=(lambda *_: context) if context else None,
            )
        )
        self._drain_s = listening.drain_s
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        await super().startup(sockets)
        await self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests under way finish, and hang up on those who have none."""
        _end_at_last(self._drain_s + _STUCK_S)
        hanging_up = asyncio.ensure_future(self._hang_up())
        try:
            await super().shutdown(sockets)
        finally:
            hanging_up.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End at a signal, as one ends that has done what it should."""
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
        """End idle connections: with TLS their clients would have to say goodbye."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_S)
            before = loop.time() - _IDLE_S
            for connection in list(self.server_state.connections):
                if (
                    isinstance(connection, Connection)
                    and connection.is_idle
                    and connection.idle_since < before
                ):
                    connection.transport.abort()


class _Renewing:
    """Shows a certificate that was renewed, without a restart."""

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
            # Not half of one: what cannot be used is refused before.
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
    """Do *chores* again and again, one after the other, in a thread."""

    async def look() -> None:
        while True:
            await asyncio.sleep(every_s)
            for chore in chores:
                try:
                    await anyio.to_thread.run_sync(chore)
                except Exception:
                    _LOGGER.exception("it is tried again in %g seconds", every_s)

    return asyncio.ensure_future(look())


def _end_at_last(after_s: float) -> None:
    """End the process if threads keep it: whatever they do may be ended any time."""

    def end() -> None:
        _LOGGER.error("some requests did not end in %g seconds: they are cut", after_s)
        logging.shutdown()
        os._exit(1)

    timer = threading.Timer(after_s, end)
    timer.daemon = True
    timer.start()


def _raise_file_limit() -> int:
    """Allow as many open files as the system does, and return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
