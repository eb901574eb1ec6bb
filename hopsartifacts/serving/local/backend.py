"""The serving back end ``local``: processes of this machine."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hopsartifacts.errors import (
    DeploymentFailedError,
    InvalidNameError,
    NotRunningError,
    ServingError,
    StorageError,
    UnsupportedHereError,
)
from hopsartifacts.machine.state_folder import state_folder
from hopsartifacts.serving.contract import (
    NEVER_RAN,
    UP,
    Component,
    DeploymentKey,
    Launch,
    LogArchive,
    LogLine,
    ProcessUsage,
    Reported,
    RunState,
    SealedVersion,
    StoredLog,
)
from hopsartifacts.serving.inference_log.orders import (
    ShipperOrder,
    shipper_command,
    shipper_input,
)
from hopsartifacts.serving.local import (
    capabilities,
    keepers,
    log_archives,
    process_usage,
    processes,
)
from hopsartifacts.serving.local.capabilities import has_no_place, in_our_words
from hopsartifacts.serving.local.control import Helper, Update
from hopsartifacts.serving.local.log_files import (
    follow,
    last_lines,
    log_end,
    newest_log,
)
from hopsartifacts.serving.local.processes import newest_state, own_run, reported
from hopsartifacts.serving.local.runs import (
    Run,
    RunFolder,
    transformer_log,
)
from hopsartifacts.serving.local.traffic_file import read_traffic
from hopsartifacts.serving.traffic import Period, Traffic
from hopsartifacts.storage.contract import Storage

if TYPE_CHECKING:
    from hopsartifacts.serving.local.client import Targets

_POLL_S = 0.02

Placed = Callable[[SealedVersion], AbstractContextManager[Launch]]
"""Provides the checked files of a version on this machine, as long as a block runs."""


class LocalBackend:
    """Runs deployments of one project as processes of the user; see ``ServingBackend``.

    Creating one touches nothing. A transformer runs in the predictor's process. What is
    known is in files, guarded by a lock for each deployment: any process of the user
    sees the same and may stop what another one started.

    Attributes:
        name: ``local``.
    """

    def __init__(
        self,
        project: str,
        project_url: str,
        *,
        logs_dir: Path | None = None,
        run_root: Path | None = None,
        storage: Storage | None = None,
        placed: Placed | None = None,
    ) -> None:
        self.name = "local"
        self.project = project
        self._project_url = project_url
        self._logs_dir = logs_dir
        self._run_root = run_root
        self._storage = storage
        self._placed = placed or _as_placed

    def check(self, sealed: SealedVersion) -> None:
        """Refuse what processes of this machine cannot do, all at once."""
        capabilities.check(sealed)

    def start(
        self,
        sealed: SealedVersion,
        *,
        await_running_s: float,
        port: int | None = None,
        detach: bool = False,
    ) -> None:
        """Start the keeper on a port that is already ours.

        Of several processes that start one deployment, one does; the others wait
        for it, or are refused if they want another version or port. A process that
        joins a run does not prolong it: unless detached, it ends with its starter.
        """
        self.check(sealed)
        with (
            self._placed(sealed) as launch,
            self._in_words(f"start deployment {launch.deployment!r}"),
        ):
            folder = self._folder(launch.key)
            with self._locked(folder):
                ended = keepers.end_others(folder, launch.key)
                run = keepers.reuse(folder, launch, port)
                is_ours = run is None
                if run is None:
                    run = self._spawn(folder, launch, port, ended, detach=detach)
            if await_running_s <= 0:
                return
            try:
                self._await_running(folder, run, await_running_s)
            except BaseException as error:
                if is_ours:
                    keepers.give_up(folder, run, error)
                raise

    def update(self, sealed: SealedVersion, *, await_running_s: float) -> None:
        """Replace the workers, of any starter, by workers of the new version."""
        self.check(sealed)
        with (
            self._placed(sealed) as launch,
            self._in_words(f"move deployment {launch.deployment!r}"),
        ):
            folder = self._folder(launch.key)
            run = own_run(folder, launch.key)
            if run is None or newest_state(folder, run).status not in UP:
                raise NotRunningError(
                    f"deployment {launch.deployment!r} does not run: start it first"
                )
            update = Update(
                launch=launch,
                await_running_s=await_running_s,
                helper=self._shipper(launch),
            )
            keepers.move(folder, run, update)

    def stop(self, deployment: DeploymentKey, *, await_stopped_s: float) -> None:
        """Ask the keeper to end, kill what is left after *await_stopped_s*.

        It gets ten seconds at least to finish the requests under way.
        """
        with (
            # Without the packages nothing was started.
            suppress(UnsupportedHereError),
            self._in_words(f"stop deployment {deployment.name!r}"),
        ):
            folder = self._folder(deployment)
            if folder.read_run() is None:
                return
            with self._locked(folder):
                keepers.end(folder, await_stopped_s)

    def state(self, deployment: DeploymentKey) -> RunState:
        """Combine what the keeper said last with whether it still lives."""
        try:
            with self._in_words("read the state of deployments"):
                folder = self._folder(deployment)
                return newest_state(folder, own_run(folder, deployment))
        except (ServingError, StorageError) as error:
            if not has_no_place(error):
                raise
            # Without its packages, or a folder for its run files, this installation
            # cannot have started anything.
            return NEVER_RAN

    def history(self, deployment: DeploymentKey) -> list[Reported]:
        """Return what the newest run has reported, and what is known about its end."""
        try:
            with self._in_words(f"look at deployment {deployment.name!r}"):
                folder = self._folder(deployment)
                run = own_run(folder, deployment)
                return [] if run is None else reported(folder, run)
        except (ServingError, StorageError):
            return []

    def predict(self, deployment: DeploymentKey, payload: dict[str, Any]) -> Any:
        """Send *payload* over a connection that is kept for the next one."""
        with self._in_words(f"ask deployment {deployment.name!r}"):
            folder = self._folder(deployment)
            return self._targets.predict(folder, deployment, payload)

    def read_logs(
        self, deployment: DeploymentKey, component: Component, tail: int
    ) -> str:
        """Return the end of the component's log."""
        with self._in_words(f"read the log of deployment {deployment.name!r}"):
            path = self._log(deployment, component)
            return "" if path is None else last_lines(path, tail)

    def inference_log_spool(self, deployment: DeploymentKey) -> Path | None:
        """Return the folder of the exchanges that wait to be shipped.

        They stay there when the run files are deleted.
        """
        try:
            with self._in_words("find inference logs"):
                return self._spool(deployment)
        except (ServingError, StorageError):
            return None

    def follow_logs(
        self,
        deployment: DeploymentKey,
        component: Component,
        tail: int,
        *,
        after: str = "",
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[LogLine]:
        """Yield the end of the newest run's log, and new lines until it ends."""
        what = f"follow the log of deployment {deployment.name!r}"
        with self._in_words(what):
            folder = self._folder(deployment)

        def has_ended() -> bool:
            run = own_run(folder, deployment)
            return run is None or processes.find_server(run) is None

        def lines() -> Iterator[LogLine]:
            with self._in_words(what):
                yield from follow(
                    lambda: self._log(deployment, component),
                    has_ended,
                    tail,
                    after=after,
                    is_wanted=is_wanted,
                )

        return lines()

    def traffic(self, deployment: DeploymentKey, period: Period) -> Traffic:
        """Return the counts that keepers on this machine have written."""
        try:
            with self._in_words("read the counts of requests"):
                path = self._folder(deployment).traffic_path(deployment.id)
                return read_traffic(path, period, time.time())
        except (ServingError, StorageError) as error:
            if not has_no_place(error):
                raise
            return Traffic()

    def log_archives(self, name: str) -> list[LogArchive]:
        """Return the logs of the runs that this machine, or the project, keeps."""
        with self._in_words(f"list the logs of deployment {name!r}"):
            return log_archives.archives(self._logs(self._named(name)))

    def stored_log(self, name: str, archive: str, component: Component) -> StoredLog:
        """Return one log of a run."""
        with self._in_words(f"read the log of deployment {name!r}"):
            folders = self._logs(self._named(name))
            return log_archives.archived_log(folders, archive, component)

    def usage(self, deployment: DeploymentKey) -> list[ProcessUsage]:
        """Measure the processes of the run for a quarter of a second."""
        with self._in_words(f"measure deployment {deployment.name!r}"):
            run = own_run(self._folder(deployment), deployment)
            return [] if run is None else process_usage.measured(run)

    def forget(self, deployment: DeploymentKey) -> None:
        """Stop the deployment and delete its run files, as far as possible."""
        with (
            suppress(ServingError, StorageError),
            self._in_words(f"forget deployment {deployment.name!r}"),
        ):
            self.stop(deployment, await_stopped_s=0)
            folder = self._folder(deployment)
            if folder.path.exists():
                with self._locked(folder):
                    folder.clear()

    @contextmanager
    def _in_words(self, what: str) -> Iterator[None]:
        """Turn errors of the operating system into ours; *what* was to be done.

        Raises:
            ServingError: the system refuses something that this needs.
            StorageError: there is no folder for run files.
        """
        with in_our_words(what, self._root):
            yield

    @cached_property
    def _root(self) -> Path:
        processes.take_standard_descriptors()
        root = self._run_root or state_folder()
        return root / hashlib.sha256(self._project_url.encode()).hexdigest()[:16]

    @cached_property
    def _targets(self) -> "Targets":
        # Imported late, as its packages are extras, and take time.
        from hopsartifacts.serving.local.client import Targets  # noqa: PLC0415 - late

        return Targets()

    def _folder(self, deployment: DeploymentKey) -> RunFolder:
        return self._named(deployment.name)

    def _named(self, name: str) -> RunFolder:
        if not (name.isascii() and name.isalnum()):
            raise InvalidNameError(
                f"{name!r} is not a deployment name: use letters and digits only"
            )
        return RunFolder(self._root / name)

    def _log(self, deployment: DeploymentKey, component: Component) -> Path | None:
        folder = self._folder(deployment)
        run = own_run(folder, deployment)
        if run is None:
            path = newest_log(self._logs(folder), deployment.id)
        else:
            path = Path(run.log_path)
        if path is None or component == "predictor":
            return path
        own = transformer_log(path)
        # Until a transformer has its own log, its output is in the predictor's.
        return own if own.exists() else path

    def _logs(self, folder: RunFolder) -> list[Path]:
        """Return where logs are: in the project, or here if that cannot be written."""
        if self._logs_dir is None:
            return [folder.path]
        return [self._logs_dir / folder.path.name, folder.path]

    @contextmanager
    def _locked(self, folder: RunFolder) -> Iterator[None]:
        from filelock import FileLock  # noqa: PLC0415 - takes time

        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder.lock_path):
            yield

    def _spool(self, deployment: DeploymentKey) -> Path:
        return self._folder(deployment).spool_path(deployment.id)

    def _spawn(
        self,
        folder: RunFolder,
        launch: Launch,
        port: int | None,
        notes: list[str],
        *,
        detach: bool,
    ) -> Run:
        with keepers.listen(port) as listener:
            folder.create()
            run = keepers.spawn(
                launch,
                folder,
                listener,
                logs=self._logs(folder),
                notes=notes,
                detach=detach,
                helper=self._shipper(launch),
            )
        folder.drop_others(run)
        return run

    def _shipper(self, launch: Launch) -> Helper | None:
        """Return the process that takes what *launch* logs into the project."""
        storage = self._storage
        if launch.logging is None or storage is None:
            return None
        if not storage.capabilities.is_shared:
            return None  # shipped when it is read
        order = ShipperOrder(
            spool=str(self._spool(launch.key)),
            deployment=launch.deployment,
        )
        given = shipper_input(order, storage)
        return Helper(command=tuple(shipper_command()), input=given)

    def _await_running(self, folder: RunFolder, run: Run, timeout_s: float) -> None:
        """Return when the run answers.

        Raises:
            DeploymentFailedError: it ended instead, or did neither in time.
        """
        deadline = time.monotonic() + timeout_s
        name = f"deployment {run.deployment.name!r} version {run.deployment.version}"
        while True:
            state = newest_state(folder, run)
            reason = state.condition.reason if state.condition else None
            if state.status in {"Idle", "Updating"}:
                return
            if state.status == "Running":
                if self._targets.is_ready(run):
                    return
            elif state.status != "Starting":
                raise DeploymentFailedError(
                    f"{name} did not start: {reason}\n{log_end(Path(run.log_path))}"
                )
            if time.monotonic() > deadline:
                raise DeploymentFailedError(
                    f"{name} was not ready within {timeout_s:g} s; its last report: "
                    f"{reason}. Its log says more; or wait longer for it"
                )
            time.sleep(_POLL_S)


@contextmanager
def _as_placed(sealed: SealedVersion) -> Iterator[Launch]:
    """Yield a version whose files are here already."""
    if not isinstance(sealed, Launch):
        raise TypeError(f"{sealed.deployment!r}: this back end cannot get its files")
    yield sealed
