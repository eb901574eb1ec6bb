"""The life of a server process, from its handover to its exit."""

import logging
import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn

from hopsartifacts.errors import DeploymentFailedError, HopsArtifactsError
from hopsartifacts.serving.runtime.app import create_app
from hopsartifacts.serving.runtime.ending import GRACE_S, Ending, leave, leave_now
from hopsartifacts.serving.runtime.environment import max_request_bytes
from hopsartifacts.serving.runtime.handover import read_handover
from hopsartifacts.serving.runtime.loading import load_chain, prepare_chain
from hopsartifacts.serving.runtime.recording import make_recorder
from hopsartifacts.serving.runtime.reporting import Reporter
from hopsartifacts.serving.runtime.service import Service

_GO_TIMEOUT_S = 60.0
_KEEP_ALIVE_S = 3600


class _Server(uvicorn.Server):
    """Uvicorn's server, reporting when it is ready and when it stops."""

    def __init__(
        self,
        config: uvicorn.Config,
        reporter: Reporter,
        ending: Ending,
        prepare: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._reporter = reporter
        self._ending = ending
        self._prepare = prepare

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._prepare()
        await super().startup(sockets)
        self._reporter.running("the server answers requests")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._reporter.stopping(self._ending.reason)
        super().handle_exit(sig, frame)

    def end_soon(self, *_: object) -> None:
        """Handle a signal just before, or just after, uvicorn handles them."""
        self.should_exit = True


def run(handover_path: Path) -> NoReturn:
    """Serve what the file describes until told to end, then exit."""
    handover = read_handover(handover_path)
    if not _is_wanted(handover.go_fd):
        leave_now(1)
    _configure_logging()
    reporter = Reporter(Path(handover.report_path))
    ending = Ending(reporter)
    signal.signal(signal.SIGTERM, ending.end_while_loading)
    signal.signal(signal.SIGINT, ending.end_while_loading)
    if handover.parent_pid is not None:
        ending.watch_parent(handover.parent_pid)
    reporter.starting("INITIALIZED", "the process is up and loads the model")
    try:
        limit = max_request_bytes(os.environ)
        chain = load_chain(handover.launch)
    except HopsArtifactsError as error:
        # Its cause is the script's own; the rest is ours and helps nobody.
        traceback.print_exception(error.__cause__ or error)
        reporter.failed("STARTED", str(error))
        leave(1)
    reporter.starting("STARTED", "the model is loaded")
    launch = handover.launch
    recorder = make_recorder(launch, handover.spool_path)
    observers = [recorder] if recorder else []
    service = Service(launch.deployment, launch.deployment_version, chain, observers)
    app = create_app(service, max_request_bytes=limit)
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    prepare = partial(prepare_chain, chain, launch)
    _serve(_Server(config, reporter, ending, prepare), handover.listen_fd, reporter)
    reporter.stopped(ending.reason)
    leave(0, at_once=chain.is_busy)


def _serve(server: _Server, listen_fd: int, reporter: Reporter) -> None:
    # Uvicorn raises the signal it handled once more when it is done.
    signal.signal(signal.SIGTERM, server.end_soon)
    signal.signal(signal.SIGINT, server.end_soon)
    try:
        server.run(sockets=[_adopt_socket(listen_fd)])
    except DeploymentFailedError as error:
        traceback.print_exception(error.__cause__ or error)
        reporter.failed("READY", str(error))
        leave(1)
    except BaseException as error:  # noqa: BLE001 - reported, and the process ends
        traceback.print_exception(error)
        reporter.failed("READY", f"serving failed: {type(error).__name__}: {error}")
        leave(1)


def _is_wanted(go_fd: int) -> bool:
    """Wait for the back end's word; False when it died before giving it."""
    ready, _, _ = select.select([go_fd], [], [], _GO_TIMEOUT_S)
    is_wanted = bool(ready) and os.read(go_fd, 1) == b"1"
    os.close(go_fd)
    return is_wanted


def _adopt_socket(listen_fd: int) -> socket.socket:
    adopted = socket.socket(fileno=listen_fd)
    # Else processes that a script starts would keep the port.
    adopted.set_inheritable(False)
    return adopted


def _configure_logging() -> None:
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
