"""Starting, watching and ending the deployments of one project on this machine."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from filelock import FileLock

from hopsartifacts.errors import (
    DeploymentFailedError,
    InvalidNameError,
    NotRunningError,
)
from hopsartifacts.serving.contract import (
    Component,
    Condition,
    DeploymentKey,
    Launch,
    LogLine,
    RunState,
)
from hopsartifacts.serving.local import processes
from hopsartifacts.serving.local.children import exit_code
from hopsartifacts.serving.local.client import Client, is_infer_request
from hopsartifacts.serving.local.following import follow
from hopsartifacts.serving.local.keeper import control
from hopsartifacts.serving.local.keeper.orders import Helper, Reply, Update
from hopsartifacts.serving.local.log_files import last_lines, newest_log, quoted
from hopsartifacts.serving.local.reports import REASON_CHARS, Report, stopped
from hopsartifacts.serving.local.runs import Run, RunFolder, transformer_log
from hopsartifacts.serving.local.spawning import listen, spawn
from hopsartifacts.serving.local.states import NEVER_RAN, key_of, run_state
from hopsartifacts.serving.runtime.failures import sayable

_LOG = logging.getLogger("hopsartifacts.serving")

STOP_GRACE_S = 10.0
"""The least time a keeper gets to end its workers, which finish their requests."""

_FAILURE_GRACE_S = 3.0
_POLL_S = 0.02
_REASON_WAIT_S = 1.5
"""How long the keeper may take to see that a worker has ended."""
_BUSY_POLL_S = 0.2
_LOG_LINES_IN_ERRORS = 15
_UP = frozenset({"Starting", "Running", "Idle", "Updating"})
_ANSWERING = frozenset({"Running", "Idle", "Updating"})


class _Target(NamedTuple):
    key: DeploymentKey
    stamp: object
    revision: str
    server: psutil.Process
    url: str
    grpc_port: int | None
    version: int | None


class Supervisor:
    """All deployments of one project that run here; see ``ServingBackend``.

    What it knows is in files, guarded by a lock per deployment: any process of
    the user sees the same and may stop what another one started.
    """

    def __init__(self, root: Path, logs_dir: Path | None) -> None:
        self.root = root
        self._logs_dir = logs_dir
        self._client = Client()
        self._targets: dict[str, _Target] = {}

    def start(
        self,
        launch: Launch,
        *,
        await_running_s: float,
        port: int | None,
        detach: bool,
        helper: Helper | None = None,
    ) -> None:
        """Start the deployment, or join a start of the same version."""
        folder = self._folder(launch.key)
        with self._locked(folder):
            ended = self._end_others(folder, launch.key)
            run = self._reuse(folder, launch, port)
            is_ours = run is None
            if run is None:
                with listen(port) as listener:
                    folder.create()
                    run = spawn(
                        launch,
                        folder,
                        listener,
                        logs=self._logs(folder),
                        notes=ended,
                        detach=detach,
                        helper=helper,
                    )
                folder.drop_others(run.revision)
        if await_running_s <= 0:
            return
        try:
            self._await_running(folder, run, await_running_s)
        except BaseException as error:
            if is_ours:
                self._give_up(folder, run, error)
            raise

    def update(
        self, launch: Launch, *, await_running_s: float, helper: Helper | None = None
    ) -> None:
        """Have the keeper move to *launch*."""
        folder = self._folder(launch.key)
        run = _own_run(folder, launch.key)
        if run is None or _state_of(folder, run).status not in _UP:
            raise NotRunningError(
                f"deployment {launch.deployment!r} does not run: start it first"
            )
        name = f"deployment {launch.deployment!r} version {launch.deployment_version}"
        update = Update(launch=launch, await_running_s=await_running_s, helper=helper)
        try:
            reply = _tell(folder.control_path(run.revision), update)
        except OSError as error:
            raise DeploymentFailedError(
                f"{name} did not start: the process that keeps the deployment does not "
                f"answer ({error.strerror or error}); its state and its log say more"
            ) from error
        if reply.reason is not None:
            before = _state_of(folder, run).deployment_version
            goes_on = f"; version {before} goes on" if before else ""
            raise DeploymentFailedError(
                f"{name} did not start: {sayable(reply.reason, REASON_CHARS)}"
                f"{goes_on}\n{_log_end(run)}"
            )

    def stop(self, deployment: DeploymentKey, *, await_stopped_s: float) -> None:
        """End what runs under the name, and everything it started."""
        folder = self._folder(deployment)
        if folder.read_run() is None:
            return
        with self._locked(folder):
            run = folder.read_run()
            if run is None or self._is_over(folder, run):
                return
            before = _state_of(folder, run)
            processes.end_tree(run, max(await_stopped_s, STOP_GRACE_S))
            report = folder.read_report(run)
            if report is None or report.status != "Stopped":
                folder.write_report(run, stopped(_stop_in_words(before)))

    def state(self, deployment: DeploymentKey) -> RunState:
        """Say what the deployment's newest run does now."""
        folder = self._folder(deployment)
        run = _own_run(folder, deployment)
        return NEVER_RAN if run is None else _state_of(folder, run)

    def predict(self, deployment: DeploymentKey, payload: dict[str, Any]) -> Any:
        """Ask the running server; if it ends meanwhile, say why."""
        target = self._target(deployment)
        try:
            return self._ask(target, payload)
        except NotRunningError as error:
            reason = self._reason_since(target)
            if reason is None:
                raise
            raise NotRunningError(
                f"{error}; the state of the deployment says: {reason}"
            ) from error.__cause__

    def _ask(self, target: _Target, payload: dict[str, Any]) -> Any:
        deployment = target.key.name
        if target.grpc_port is None or not is_infer_request(payload):
            return self._client.predict(target.url, deployment, payload)
        # Imported late: an extra of its own.
        from hopsartifacts.serving.local import (  # noqa: PLC0415 - see above
            grpc_client,
        )

        return grpc_client.predict(target.grpc_port, deployment, payload)

    def read_logs(
        self, deployment: DeploymentKey, component: Component, tail: int
    ) -> str:
        """Return the end of the newest run's log of *component*."""
        path = self._log(deployment, component)
        return "" if path is None else last_lines(path, tail)

    def inference_log_spool(self, deployment: DeploymentKey) -> Path:
        """Return where logged exchanges wait, whatever becomes of the run files."""
        return self._folder(deployment).spool_path(deployment.id)

    def follow_logs(
        self,
        deployment: DeploymentKey,
        component: Component,
        tail: int,
        *,
        after: str = "",
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[LogLine]:
        """Return the end of the newest run's log, and what comes until nothing runs."""
        folder = self._folder(deployment)

        def is_over() -> bool:
            run = _own_run(folder, deployment)
            return run is None or processes.find_server(run) is None

        return follow(
            lambda: self._log(deployment, component),
            is_over,
            tail,
            after=after,
            is_wanted=is_wanted,
        )

    def forget(self, deployment: DeploymentKey) -> None:
        """Stop what runs and delete its files."""
        self.stop(deployment, await_stopped_s=0)
        folder = self._folder(deployment)
        if folder.path.exists():
            with self._locked(folder):
                folder.clear()

    def _folder(self, deployment: DeploymentKey) -> RunFolder:
        name = deployment.name
        if not (name.isascii() and name.isalnum()):
            raise InvalidNameError(
                f"{name!r} is not a deployment name: use letters and digits only"
            )
        return RunFolder(self.root / name)

    def _log(self, deployment: DeploymentKey, component: Component) -> Path | None:
        folder = self._folder(deployment)
        run = _own_run(folder, deployment)
        if run is None:
            path = newest_log(self._logs(folder), deployment.id)
        else:
            path = Path(run.log_path)
        if path is None or component == "predictor":
            return path
        own = transformer_log(path)
        # What a transformer writes before it has a log of its own is in the other.
        return own if own.exists() else path

    def _logs(self, folder: RunFolder) -> list[Path]:
        """Return where logs are: in the project, or here if that cannot be written."""
        if self._logs_dir is None:
            return [folder.path]
        return [self._logs_dir / folder.path.name, folder.path]

    @contextmanager
    def _locked(self, folder: RunFolder) -> Iterator[None]:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder.lock_path):
            yield

    def _end_others(self, folder: RunFolder, key: DeploymentKey) -> list[str]:
        """End what runs under the name for another deployment; return it in words."""
        run = folder.read_run()
        if run is None or self._is_over(folder, run):
            return []
        whose = key_of(run, folder.read_report(run))
        if whose.is_of(key):
            return []
        is_up = processes.find_server(run) is not None
        processes.end_tree(run, STOP_GRACE_S)
        if not is_up:
            return []
        words = (
            f"ended a run of another deployment that had the name {key.name!r}: "
            f"version {whose.version} of id {whose.id}"
        )
        _LOG.warning("%s", words)
        return [words]

    def _reuse(self, folder: RunFolder, launch: Launch, port: int | None) -> Run | None:
        """Return a run that is what is asked for; None when one must be started.

        Raises:
            DeploymentFailedError: another version runs, or on another port.
        """
        run = folder.read_run()
        if run is None or self._is_over(folder, run):
            return None
        server = processes.find_server(run)
        state = _state_of(folder, run)
        status, version = state.status, state.deployment_version
        if server is None or status not in _UP or processes.is_orphan(run, server):
            processes.end_tree(run, STOP_GRACE_S)
            return None
        found = None
        if version != launch.deployment_version:
            found = f"version {version} already runs"
        elif port not in {None, run.port}:
            found = f"already runs on port {run.port}, not on {port}"
        if found is not None:
            raise DeploymentFailedError(
                f"deployment {launch.deployment!r}: {found}; stop it first"
            )
        return run

    def _is_over(self, folder: RunFolder, run: Run) -> bool:
        """Tell whether the run was stopped and its server is gone."""
        if processes.find_server(run) is not None:
            return False
        return _state_of(folder, run).status == "Stopped"

    def _await_running(self, folder: RunFolder, run: Run, timeout_s: float) -> None:
        """Return when the run answers.

        Raises:
            DeploymentFailedError: it ended instead, or did neither in time.
        """
        deadline = time.monotonic() + timeout_s
        name = f"deployment {run.deployment.name!r} version {run.deployment.version}"
        while True:
            state = _state_of(folder, run)
            reason = state.condition.reason if state.condition else None
            if state.status in {"Idle", "Updating"}:
                return
            if state.status == "Running":
                if self._client.is_ready(run.url, run.deployment.name):
                    return
            elif state.status != "Starting":
                raise DeploymentFailedError(
                    f"{name} did not start: {reason}\n{_log_end(run)}"
                )
            if time.monotonic() > deadline:
                raise DeploymentFailedError(
                    f"{name} was not ready within {timeout_s:g} s; the last it said: "
                    f"{reason}. Its log says more; or wait longer for it"
                )
            time.sleep(_POLL_S)

    def _give_up(self, folder: RunFolder, run: Run, error: BaseException) -> None:
        """End a run that did not become ready and note why."""
        status = _state_of(folder, run).status
        processes.end_tree(run, _FAILURE_GRACE_S)
        if status in {"Failed", "Stopped"}:
            return
        if isinstance(error, DeploymentFailedError):
            reason = str(error).partition("\n")[0]
            condition = Condition(type="READY", status=False, reason=reason)
            report = Report(status="Failed", condition=condition)
        else:
            report = stopped("the start was interrupted")
        folder.write_report(run, report)

    def _target(self, deployment: DeploymentKey) -> _Target:
        """Return where the running server is, from memory if nothing changed.

        Raises:
            NotRunningError: there is none.
        """
        folder = self._folder(deployment)
        target = self._targets.get(deployment.name)
        is_same = (
            target
            and target.key == deployment
            and target.stamp == _stamp(folder, target.revision)
        )
        if target and is_same and processes.is_alive(target.server):
            return target
        run = _own_run(folder, deployment)
        # Before what it stands for is read: if that changes meanwhile, it is old.
        stamp = _stamp(folder, run.revision) if run else None
        state = self.state(deployment)
        server = None if run is None else processes.find_server(run)
        if state.status not in _ANSWERING or run is None or server is None:
            reason = state.condition.reason if state.condition else "it ended"
            raise NotRunningError(
                f"deployment {deployment.name!r} is {state.status} ({reason}): start "
                "it and wait until it runs"
            )
        version = state.deployment_version
        if target is None or target.version != version:
            # Connections may lead to workers that are about to leave.
            self._client.hang_up()
        target = _Target(
            key=deployment,
            stamp=stamp,
            revision=run.revision,
            server=server,
            url=run.url,
            grpc_port=state.grpc_port,
            version=version,
        )
        self._targets[deployment.name] = target
        return target

    def _reason_since(self, target: _Target) -> str | None:
        """Return what is said of *target* since it was found, if that comes soon."""
        folder = self._folder(target.key)
        deadline = time.monotonic() + _REASON_WAIT_S
        while _stamp(folder, target.revision) == target.stamp:
            if not processes.is_alive(target.server):
                break
            if time.monotonic() > deadline:
                return None
            time.sleep(_POLL_S)
        condition = self.state(target.key).condition
        return condition.reason if condition else None


def _own_run(folder: RunFolder, key: DeploymentKey) -> Run | None:
    """Return the newest run if it is of this deployment."""
    run = folder.read_run()
    if run is None or not key_of(run, folder.read_report(run)).is_of(key):
        return None
    return run


def _log_end(run: Run) -> str:
    """Return how the run's log ends, for an error message."""
    text = quoted(Path(run.log_path), _LOG_LINES_IN_ERRORS)
    return f"Its log ends with:\n{text}"


def _stop_in_words(before: RunState) -> str:
    if before.status != "Failed" or before.condition is None:
        return "the deployment was stopped"
    return f"the deployment was stopped; it had failed: {before.condition.reason}"


def _tell(path: Path, update: Update) -> Reply:
    """Send *update*, again while another move is under way and there is time."""
    deadline = time.monotonic() + update.await_running_s
    while True:
        reply = control.ask(path, update)
        if not reply.is_busy or time.monotonic() > deadline:
            return reply
        time.sleep(_BUSY_POLL_S)


def _stamp(folder: RunFolder, revision: str) -> object:
    """Return a value that changes when something else answers, or somewhere else."""
    return folder.run_stamp(), folder.report_stamp(revision)


def _state_of(folder: RunFolder, run: Run) -> RunState:
    # Liveness first: a server that ends meanwhile has reported before that.
    is_alive = processes.find_server(run) is not None
    report = folder.read_report(run)
    return run_state(run, report, is_alive=is_alive, exit_code=exit_code(run.revision))
