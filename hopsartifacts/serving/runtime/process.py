"""The main function of a worker process, from its handover to its exit."""

import os
import signal
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.serving.contract import ConditionType
from hopsartifacts.serving.runtime import log_handlers, parts
from hopsartifacts.serving.runtime.app import create_app
from hopsartifacts.serving.runtime.chain_loader import load_chain
from hopsartifacts.serving.runtime.connection_handoff import Passing
from hopsartifacts.serving.runtime.environment import max_request_bytes
from hopsartifacts.serving.runtime.failures import error_text, said_by
from hopsartifacts.serving.runtime.handover import read_handover
from hopsartifacts.serving.runtime.keeper_link import KeeperLink
from hopsartifacts.serving.runtime.own_files import copy_artifact
from hopsartifacts.serving.runtime.server import SharedSocket, WorkerServer
from hopsartifacts.serving.runtime.service import Service
from hopsartifacts.serving.runtime.shutdown import (
    end_while_loading,
    end_without_keeper,
    leave,
    let_forks_end,
)


def run(handover_path: Path) -> NoReturn:
    """Serve what the handover file describes until asked to end, then exit."""
    handover = read_handover(handover_path)
    log_handlers.install()
    reporter = KeeperLink(handover.keeper_fd)
    signal.signal(signal.SIGTERM, end_while_loading)
    signal.signal(signal.SIGINT, end_while_loading)
    reporter.listen(end_without_keeper)
    let_forks_end()
    reporter.starting("INITIALIZED", "the process is up and loads the model")
    launch = handover.launch
    try:
        limit = max_request_bytes(os.environ)
        parts.lead_logs(handover)
        copy_artifact(launch, Path(handover.sealed_artifact))
        metrics = parts.meter(handover)
        chain = load_chain(launch, on_batch=metrics.count_batch)
        seen_by = parts.observers(handover, metrics)
    except HopsArtifactsError as error:
        _fail(reporter, "STARTED", error)
    reporter.starting("STARTED", "the model is loaded")
    name, version = launch.deployment, launch.model_version
    service = Service(name, version, chain, seen_by, metrics)
    server = WorkerServer(
        create_app(service, max_request_bytes=limit),
        reporter,
        Passing(*handover.passing_fds),
        partial(parts.prepare, service, handover),
        partial(parts.start_beside, service, handover, max_request_bytes=limit),
    )
    _serve(server, handover.listen_fd, reporter)
    leave(0, at_once=chain.is_busy)


def _serve(server: WorkerServer, listen_fd: int, reporter: KeeperLink) -> None:
    # When it is done, uvicorn raises the signal that it handled once more.
    signal.signal(signal.SIGTERM, server.end_soon)
    signal.signal(signal.SIGINT, server.end_soon)
    try:
        server.run(sockets=[_adopt_socket(listen_fd)])
    except HopsArtifactsError as error:
        _fail(reporter, "READY", error)
    except BaseException as error:  # noqa: BLE001 - reported, and the process ends
        _print(error)
        reporter.failed("READY", f"serving failed: {error_text(error)}")
        leave(1)


def _fail(
    reporter: KeeperLink, step: ConditionType, error: HopsArtifactsError
) -> NoReturn:
    # The cause is the script's own error; the rest of the traceback is our code.
    _print(error.__cause__ or error)
    reporter.failed(step, said_by(error))
    leave(1)


def _print(error: BaseException) -> None:
    # A script may have closed or replaced the stream; the reason is still reported.
    with suppress(Exception):
        traceback.print_exception(error)


def _adopt_socket(listen_fd: int) -> SharedSocket:
    adopted = SharedSocket(fileno=listen_fd)
    # Otherwise child processes of scripts would keep the port open.
    adopted.set_inheritable(False)
    return adopted
