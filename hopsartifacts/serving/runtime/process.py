"""The main function of a worker process, from its handover to its exit.

A worker ends on request, together with its keeper, or by force.
"""

import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.serving.contract import ConditionType, Launch
from hopsartifacts.serving.process_environment import max_request_bytes
from hopsartifacts.serving.runtime.app import create_app
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.chain_loader import (
    copy_artifact,
    load_chain,
)
from hopsartifacts.serving.runtime.failures import error_text, last_error, said_by
from hopsartifacts.serving.runtime.golden import check_golden
from hopsartifacts.serving.runtime.keeper_link import (
    Handover,
    KeeperLink,
    read_handover,
)
from hopsartifacts.serving.runtime.metrics import Metrics
from hopsartifacts.serving.runtime.readiness import Readiness, ReadinessOfBoth
from hopsartifacts.serving.runtime.recorder import make_recorder
from hopsartifacts.serving.runtime.remote_predictor import RemotePredictor
from hopsartifacts.serving.runtime.server import (
    IdleConnections,
    SharedSocket,
    Stoppable,
    WorkerServer,
)
from hopsartifacts.serving.runtime.service import Observer, Service
from hopsartifacts.serving.runtime.worker_logs import route_transformer, set_up_logging

_OURS = "hopsartifacts."
_ORPHAN_GRACE_S = 2.0
_EXIT_GRACE_S = 2.0


def run(handover_path: Path) -> NoReturn:
    """Serve what the handover file describes until asked to end, then exit."""
    handover = read_handover(handover_path)
    set_up_logging()
    reporter = KeeperLink(handover.keeper_fd)
    signal.signal(signal.SIGTERM, _end_while_loading)
    signal.signal(signal.SIGINT, _end_while_loading)
    reporter.listen(_end_without_keeper)
    _let_forks_end()
    reporter.starting("INITIALIZED", "the process is up and loads the model")
    launch = handover.launch
    try:
        limit = max_request_bytes(os.environ)
        _lead_logs(handover)
        copy_artifact(launch, Path(handover.sealed_artifact))
        reporter.news = metrics = Metrics(launch.deployment, launch.deployment_version)
        predictor = RemotePredictor(handover.predictor) if handover.predictor else None
        chain = load_chain(launch, on_batch=metrics.count_batch, predictor=predictor)
        seen_by = _observers(handover, metrics)
    except HopsArtifactsError as error:
        _fail(reporter, "STARTED", error, launch)
    reporter.starting("STARTED", "the model is loaded")
    name, version = launch.deployment, launch.model_version
    check, prepare = partial(_check, chain, launch), _do_nothing
    readiness = Readiness()
    if predictor is None:
        prepare = check
    else:

        def end(error: HopsArtifactsError) -> None:
            server.fail(error)

        readiness = ReadinessOfBoth(predictor.flaw, check, end)
    service = Service(name, version, chain, seen_by, metrics, readiness)
    passing_fds = handover.passing_fds
    server = WorkerServer(
        create_app(service, max_request_bytes=limit),
        reporter,
        IdleConnections(*passing_fds) if passing_fds else None,
        prepare,
        partial(_start_beside, service, handover, predictor, max_request_bytes=limit),
        readiness,
        handover.drain_s,
    )
    _serve(server, handover, reporter)
    if server.failure is not None:
        _fail(reporter, "READY", server.failure, launch)
    reporter.ended()
    _leave(0, at_once=chain.is_busy)


def _serve(server: WorkerServer, handover: Handover, reporter: KeeperLink) -> None:
    # When it is done, uvicorn raises the signal that it handled once more.
    signal.signal(signal.SIGTERM, server.end_soon)
    signal.signal(signal.SIGINT, server.end_soon)
    try:
        server.run(sockets=[_adopt_socket(handover.listen_fd)])
    except HopsArtifactsError as error:
        _fail(reporter, "READY", error, handover.launch)
    except BaseException as error:  # noqa: BLE001 - reported, and the process ends
        _print(error)
        last = last_error(error, handover.launch.deployment_version)
        reporter.failed("READY", f"serving failed: {error_text(error)}", last)
        _leave(1)


def _fail(
    reporter: KeeperLink, step: ConditionType, error: HopsArtifactsError, launch: Launch
) -> NoReturn:
    # The cause is the script's own error; the rest of the traceback is our code.
    cause = error.__cause__ or error
    _print(cause)
    reporter.failed(step, said_by(error), last_error(cause, launch.deployment_version))
    _leave(1)


def _print(error: BaseException) -> None:
    # A script may have closed or replaced the stream; the reason is still reported.
    with suppress(Exception):
        traceback.print_exception(error)


def _adopt_socket(listen_fd: int) -> SharedSocket:
    adopted = SharedSocket(fileno=listen_fd)
    # Otherwise child processes of scripts would keep the port open.
    adopted.set_inheritable(False)
    return adopted


def _lead_logs(handover: Handover) -> None:
    """Route the output of the transformer, if there is one, to its own log."""
    descriptor = handover.transformer_log_fd
    if descriptor is not None:
        route_transformer(Path(f"/dev/fd/{descriptor}"))
        # It is now open under another descriptor, which child processes do not inherit.
        os.close(descriptor)


def _observers(handover: Handover, metrics: Metrics) -> Sequence[Observer]:
    """Return the observers of every exchange, called before the answer is sent."""
    recorder = make_recorder(
        handover.launch, handover.spool_path, on_drop=metrics.count_dropped
    )
    return [recorder] if recorder else []


async def _do_nothing() -> None:
    pass


async def _check(chain: Chain, launch: Launch) -> None:
    """Make the checks that must run on the serving loop, before requests are served.

    Raises:
        DeploymentFailedError: the answer to the golden request is not the recorded one.
    """
    if launch.golden is not None:
        await check_golden(chain, launch.golden)


async def _start_beside(
    service: Service,
    handover: Handover,
    predictor: RemotePredictor | None,
    *,
    max_request_bytes: int,
) -> Sequence[Stoppable]:
    """Start the further servers; they are ready when this returns."""
    beside: list[Stoppable] = [predictor] if predictor else []
    if handover.grpc_port is None:
        return beside
    # Imported late: needed for gRPC only, which is a separate extra.
    from hopsartifacts.serving.runtime.grpc_server import (  # noqa: PLC0415 - late
        serve_grpc,
    )

    port = handover.grpc_port
    limit, host = max_request_bytes, handover.host
    server = await serve_grpc(service, port, max_request_bytes=limit, host=host)
    return [*beside, server]


def _let_forks_end() -> None:
    """Let processes that a script forks end on the signals that this process handles.

    They inherit its handlers, which only ask a server to end that they do not run.
    """
    os.register_at_fork(after_in_child=_drop_handlers)


def _end_while_loading(*_: object) -> None:
    """Handle SIGTERM before the server exists: no request is in progress."""
    _leave(0, at_once=True)


def _end_without_keeper() -> None:
    """End the process unconditionally; called from a thread other than the main one."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ORPHAN_GRACE_S)
    if _is_group_leader():
        # Coverage does not see this line, since it is killed as well.
        os.killpg(os.getpid(), signal.SIGKILL)  # pragma: no cover - see above
    _leave_now(0)


def _leave(code: int, *, at_once: bool = False) -> NoReturn:
    """Exit from the main thread, and terminate the processes that scripts started.

    Exit handlers run unless *at_once* is true. Threads of scripts get little time.
    """

    def insist() -> None:
        time.sleep(_EXIT_GRACE_S)
        _leave_now(code)

    if _is_group_leader():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(os.getpid(), signal.SIGTERM)
    if at_once:
        _leave_now(code)
    threading.Thread(target=insist, name="exit", daemon=True).start()
    sys.exit(code)


def _leave_now(code: int) -> NoReturn:
    """Exit without waiting for anything."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # Without a keeper these may be broken pipes; a script may have replaced them.
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def _drop_handlers() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        # Keep a handler that the script has set.
        module = getattr(signal.getsignal(number), "__module__", None) or ""
        if module.startswith(_OURS):
            signal.signal(number, signal.SIG_DFL)


def _is_group_leader() -> bool:
    # Otherwise the group belongs to the process that started this one.
    return os.getpgrp() == os.getpid()
