"""The start of workers: the resources they share, and those of each."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from hopsartifacts.machine.posix import delete_folder
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local.control import KeeperOrder, Patience
from hopsartifacts.serving.local.keeper.logs import RunLog
from hopsartifacts.serving.local.keeper.workers import (
    WorkerProcess,
    confine,
    launch_limits,
    thread_variables,
)
from hopsartifacts.serving.local.processes import kill_marked
from hopsartifacts.serving.local.runs import write_whole
from hopsartifacts.serving.process_environment import (
    METRICS_VARIABLE,
    WORKER_VARIABLE,
    deployment_variables,
)
from hopsartifacts.serving.runtime.keeper_link import Handover

_WORK = "work"
_ARTIFACT = "artifact"


class WorkerStarter(msgspec.Struct, kw_only=True):
    """The shared resources of all workers of a run, and the means to start them."""

    order: KeeperOrder
    listener: socket.socket
    log: RunLog
    """The log of workers and of the helper."""
    transformer_log: RunLog | None = None
    """The log of transformers; created when needed."""
    passing: tuple[socket.socket, socket.socket] = msgspec.field(
        default_factory=socket.socketpair
    )
    """The queue through which workers that end pass idle connections to others."""
    started: int = 0
    reserved: socket.socket | None = None

    @property
    def metrics(self) -> Path:
        """The folder in which workers add up their counts."""
        return Path(self.order.folder) / f"metrics-{self.order.revision}"

    def grpc_port_of(self, launch: Launch) -> int | None:
        """Return the gRPC port of *launch*; None if it does not serve gRPC.

        The keeper binds the port but never listens on it, so it stays reserved while
        workers come and go.
        """
        if launch.api_protocol != "GRPC":
            return None
        if self.reserved is None:
            self.reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.reserved.bind(("127.0.0.1", 0))
        port: int = self.reserved.getsockname()[1]
        return port

    @property
    def patience(self) -> Patience:
        """The timeouts and the restart policy."""
        return self.order.patience

    def start(self, launch: Launch, index: int, now: float) -> WorkerProcess:
        """Start worker number *index* of *launch*."""
        self.started += 1
        marker = f"{self.order.revision}-{self.started}"
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - the method's
        listen_fd = self.listener.fileno()
        give, take = self.passing
        passing_fds = give.fileno(), take.fileno()
        is_logged = launch.logging is not None
        home = self.home_of(marker)
        (home / _WORK).mkdir(mode=0o700, parents=True)
        handover = Handover(
            launch=msgspec.structs.replace(
                launch, artifact_files_path=str(home / _ARTIFACT)
            ),
            sealed_artifact=launch.artifact_files_path,
            listen_fd=listen_fd,
            keeper_fd=theirs.fileno(),
            passing_fds=passing_fds,
            grpc_port=self.grpc_port_of(launch),
            spool_path=self.order.spool_path if is_logged else None,
            transformer_log_fd=self._transformer_fd(launch),
        )
        self.metrics.mkdir(mode=0o700, exist_ok=True)
        path = self.handover_path(marker)
        write_whole(path, handover)
        marks = {WORKER_VARIABLE: marker, METRICS_VARIABLE: str(self.metrics)}
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own module
                # -P: do not search the working folder for modules; -u: unbuffered
                # output.
                [
                    sys.executable,
                    *("-P", "-u", "-X", "faulthandler"),
                    *("-m", "hopsartifacts.serving.runtime", str(path)),
                ],
                env=worker_environment(os.environ, handover.launch, marks),
                cwd=home / _WORK,
                stdin=subprocess.DEVNULL,
                stdout=self.log.writing,
                stderr=self.log.writing,
                pass_fds=handover.inherited,
                start_new_session=True,
            )
        confine(process.pid, launch_limits(launch), index)
        return WorkerProcess(process, ours, marker, now)

    def clean_up_after(self, worker: WorkerProcess) -> None:
        """Clean up after a worker that has ended."""
        worker.close()
        self.handover_path(worker.marker).unlink(missing_ok=True)
        for path in self.metrics.glob(f"gauge_live*_{worker.pid}.db"):
            path.unlink(missing_ok=True)
        kill_marked(WORKER_VARIABLE, worker.marker)
        with suppress(OSError):
            delete_folder(self.home_of(worker.marker))

    def take_logs(self) -> None:
        """Write all output received so far to the log files."""
        self.log.take()
        if self.transformer_log is not None:
            self.transformer_log.take()

    def _transformer_fd(self, launch: Launch) -> int | None:
        if launch.transformer_script is None:
            return None
        if self.transformer_log is None:
            self.transformer_log = RunLog(Path(self.order.transformer_log_path))
        return self.transformer_log.writing

    def clear(self) -> None:
        """Delete the files that are not needed after the end."""
        shutil.rmtree(self.metrics, ignore_errors=True)

    def home_of(self, marker: str) -> Path:
        """Return the folder that a worker may write to, deleted when the worker ends.

        It contains the worker's working folder and its copy of the artifact. The
        records of the run are outside of it: only the keeper writes them.
        """
        return Path(self.order.folder) / f"worker-{marker}"

    def handover_path(self, marker: str) -> Path:
        """Return the path of a worker's handover file."""
        return Path(self.order.folder) / f"worker-{marker}.json"


def worker_environment(
    environ: Mapping[str, str], launch: Launch, marks: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a worker.

    Args:
        environ: the environment of the keeper.
        launch: what it runs; its variables override ours, not the documented ones.
        marks: the variables that the keeper sets for each worker.
    """
    return {
        **thread_variables(launch_limits(launch)),
        **environ,
        **launch.env_vars,
        **deployment_variables(launch),
        **marks,
    }
