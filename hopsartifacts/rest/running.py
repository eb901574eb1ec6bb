"""The server's process: from the first connection to the last answer."""

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
from hopsartifacts.rest.front.forwarding import operations
from hopsartifacts.rest.front.lines import Lines
from hopsartifacts.rest.front.running import front
from hopsartifacts.rest.hosted import Hosted, Settings
from hopsartifacts.rest.inference_port import inference_listener
from hopsartifacts.rest.keys import Keys
from hopsartifacts.rest.listening import Listening, in_url, is_loopback, listen
from hopsartifacts.rest.own_folder import alone_in, make_private
from hopsartifacts.rest.room import Room
from hopsartifacts.rest.server import Server, room_here
from hopsartifacts.rest.uploads import Uploads

_LOGGER = logging.getLogger(__name__)

Chore = Callable[[], object]


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever started the server wants to know.

    Attributes:
        url: where clients reach it.
        inference: where they may ask deployments directly; None if they may not.
        certificate: path of the one that clients can trust; None if it made none.
        fingerprint: SHA-256 of the certificate that it shows; None without TLS.
        has_keys: whether anybody can log in.
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
        # A damaged file of keys is told now, not to the first client.
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

        lines = Lines(project.get_model_serving())
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
        Server(app, listening, context, room, around).run(sockets)


def _inference_listener(
    listening: Listening, folder: Path, url: str
) -> socket.socket | None:
    """Listen at the inference port, if one is wanted.

    Where nothing leaves this machine there is one: some releases of the client ask
    deployments at a plain port and nowhere else.
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
    """Open the inference port if there is one, and announce it to clients."""
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
