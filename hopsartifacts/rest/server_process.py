"""The server process, from opening its ports to its end."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio.to_thread
import msgspec
from msgspec.structs import replace

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
from hopsartifacts.rest.connections import Room
from hopsartifacts.rest.front.http_proxy import operations
from hopsartifacts.rest.front.port import front
from hopsartifacts.rest.front.upstreams import Upstreams
from hopsartifacts.rest.hosted import Hosted, ServerSettings
from hopsartifacts.rest.inference_port import inference_listener
from hopsartifacts.rest.keys import Keys
from hopsartifacts.rest.listener import Listening, in_url, is_loopback, listen
from hopsartifacts.rest.own_folder import alone_in, make_private
from hopsartifacts.rest.server import ApiServer, room_here
from hopsartifacts.rest.uploads import Uploads

_LOGGER = logging.getLogger(__name__)

Chore = Callable[[], object]


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What is reported when the server has started.

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


def serve(
    project: Project,
    folder: Path,
    listening: Listening,
    settings: ServerSettings,
    on_start: Callable[[Started], None],
) -> None:
    """Serve *project* until a signal ends the server.

    Args:
        project: the project.
        folder: the server's own folder on local disk; see ``own_folder``.
        listening: where and how to listen.
        settings: limits.
        on_start: called once, when connections are accepted.

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
        sockets = [
            stack.enter_context(it) for it in listen(listening.host, listening.port)
        ]
        listener = _inference_listener(listening, folder, project.url)
        if listener:
            stack.enter_context(listener)
        log_to(listening.access_log)
        uploads = Uploads(project.storage, make_private(folder / "uploads"))
        stack.callback(uploads.close)
        hosted = Hosted(project, keys, uploads, settings, folder=folder)
        chores: list[Chore] = [uploads.sweep]
        if certificate and context:
            chores.append(_Renewing(renewed, certificate, context))

        lines = Upstreams(project.get_model_serving())
        room = room_here()

        @asynccontextmanager
        async def around() -> AsyncIterator[None]:
            async with _inference(hosted, listening, listener, room) as inference:
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

        app = create_app(hosted, operations(lines))
        ApiServer(app, listening, context, room, around).run(sockets)


def _inference_listener(
    listening: Listening, folder: Path, url: str
) -> socket.socket | None:
    """Listen on the inference port, if there is to be one.

    By default there is one only on the loopback interface, as some releases of the
    client send predictions only to a plain HTTP port.
    """
    wanted = listening.inference_port
    if wanted is None and not is_loopback(listening.host):
        return None
    host = listening.inference_host or listening.host
    return inference_listener(folder, host, wanted, url)


@asynccontextmanager
async def _inference(
    hosted: Hosted, listening: Listening, listener: socket.socket | None, room: Room
) -> AsyncIterator[str | None]:
    """Open the inference port, if any, and announce it to clients; yield its URL."""
    if listener is None:
        yield None
        return
    async with front(hosted, listener, room) as (bound, port):
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
