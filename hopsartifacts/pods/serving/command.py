"""The main function of the main container, from its command line to its exit code."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from hopsartifacts.errors import HopsArtifactsError, PortTakenError
from hopsartifacts.pods.launch_file import read_launch
from hopsartifacts.pods.serving.component import TENSORFLOW_SERVING, component_launch
from hopsartifacts.pods.serving.first_process import FirstProcess
from hopsartifacts.pods.serving.options import ServingOptions, read_options
from hopsartifacts.pods.termination import say, say_last
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.process_environment import (
    worker_command,
    worker_environment,
)
from hopsartifacts.serving.runtime.keeper_link import Handover, PredictorAddress

_HOME_PREFIX = "hopsartifacts-serving-"
_ARTIFACT = "artifact"
_WORK = "work"


def main(arguments: Sequence[str]) -> int:
    """Serve until asked to end; return the exit code of the container."""
    try:
        options = read_options(arguments)
        launch = component_launch(read_launch(options.launch_path), options.component)
        with _home() as home, _bound(options) as listener:
            return _serve(launch, options, home, listener)
    except HopsArtifactsError as error:
        say_last(str(error))
    except OSError as error:
        say_last(f"the container cannot start: {error}")
    return 1


def _serve(
    launch: Launch, options: ServingOptions, home: Path, listener: socket.socket
) -> int:
    ours, theirs = socket.socketpair()
    handover = Handover(
        launch=replace(launch, artifact_files_path=str(home / _ARTIFACT)),
        sealed_artifact=launch.artifact_files_path,
        listen_fd=listener.fileno(),
        keeper_fd=theirs.fileno(),
        host=_grpc_host(options),
        grpc_port=options.grpc_port,
        drain_s=options.drain_s,
        spool_path=options.spool_path if launch.logging is not None else None,
        predictor=_predictor(launch, options),
    )
    path = home / "handover.json"
    path.write_bytes(msgspec.json.encode(handover))
    process = FirstProcess(ours, options.leave_s, options.drain_s)
    for argument in options.unknown:
        say(f"the argument {argument!r} is not known and is ignored")
    for note in launch.notes:
        say(note)
    with theirs:
        process.start(
            worker_command(path),
            env=worker_environment(os.environ, handover.launch, {}, options.component),
            cwd=home / _WORK,
            pass_fds=handover.inherited,
        )
    return process.run(on_loaded=listener.listen, on_serving=listener.close)


def _predictor(launch: Launch, options: ServingOptions) -> PredictorAddress | None:
    if options.predictor_host is None:
        return None
    is_ours = launch.model_server != TENSORFLOW_SERVING
    # KServe gives the name of the InferenceService, under which our server has nothing.
    given = None if is_ours else options.model_name
    return PredictorAddress(
        host=options.predictor_host,
        port=options.predictor_port,
        model=given or launch.deployment,
        is_ours=is_ours,
        answer_s=options.predictor_s,
    )


def _grpc_host(options: ServingOptions) -> str:
    if options.host is None:
        return "[::]" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - a pod
    return f"[{options.host}]" if ":" in options.host else options.host


@contextmanager
def _home() -> Iterator[Path]:
    """Yield a new folder that the worker may write to; delete it after the block.

    It contains the worker's working folder and its copy of the artifact.
    """
    if os.getpid() == 1:
        # The container was restarted: nothing that used these is alive.
        for left in Path(tempfile.gettempdir()).glob(f"{_HOME_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
    home = Path(tempfile.mkdtemp(prefix=_HOME_PREFIX))
    try:
        (home / _WORK).mkdir()
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _bound(options: ServingOptions) -> Iterator[socket.socket]:
    """Yield a socket with the port, which does not listen: nothing can connect yet.

    Raises:
        PortTakenError: the port cannot be had.
    """
    is_dual = options.host is None and socket.has_dualstack_ipv6()
    is_6 = is_dual or ":" in (options.host or "")
    listener = socket.socket(socket.AF_INET6 if is_6 else socket.AF_INET)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_dual:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            listener.bind((options.host or "", options.port))
        except OSError as error:
            raise PortTakenError(
                f"port {options.port} cannot be served: {error.strerror}"
            ) from error
        yield listener
