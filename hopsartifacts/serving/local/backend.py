"""The serving back end ``local``: processes of this machine."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hopsartifacts.errors import ServingError, StorageError, UnsupportedHereError
from hopsartifacts.serving.contract import (
    Component,
    DeploymentKey,
    Launch,
    LogLine,
    RunState,
)
from hopsartifacts.serving.inference_log.orders import (
    ShipperOrder,
    shipper_command,
    shipper_input,
)
from hopsartifacts.serving.local import capabilities
from hopsartifacts.serving.local.keeper.orders import Helper
from hopsartifacts.serving.local.refusals import (
    has_no_place,
    in_our_words,
    take_standard_descriptors,
)
from hopsartifacts.serving.local.states import NEVER_RAN
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.state_folder import state_folder

if TYPE_CHECKING:
    from hopsartifacts.serving.local.supervisor import Supervisor


class LocalBackend:
    """Runs deployments as processes of the user; see ``ServingBackend``.

    Creating one touches nothing. A transformer runs in the predictor's process.

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
    ) -> None:
        self.name = "local"
        self.project = project
        self._project_url = project_url
        self._logs_dir = logs_dir
        self._run_root = run_root
        self._storage = storage

    def check(self, launch: Launch) -> None:
        """Refuse what processes of this machine cannot do, all at once."""
        capabilities.check(launch)

    def start(
        self,
        launch: Launch,
        *,
        await_running_s: float,
        port: int | None = None,
        detach: bool = False,
    ) -> None:
        """Start the keeper on a port that is already ours.

        Of several processes that start one deployment, one does; the others wait
        for it, or are refused if they want another version or port. Whoever joins
        a run does not prolong it: not detached, it ends with its starter.
        """
        self.check(launch)
        with self._supervised(f"start deployment {launch.deployment!r}") as supervisor:
            supervisor.start(
                launch,
                await_running_s=await_running_s,
                port=port,
                detach=detach,
                helper=self._shipper(supervisor, launch),
            )

    def update(self, launch: Launch, *, await_running_s: float) -> None:
        """Have workers of the new version take over, whoever started the old ones."""
        self.check(launch)
        with self._supervised(f"move deployment {launch.deployment!r}") as supervisor:
            supervisor.update(
                launch,
                await_running_s=await_running_s,
                helper=self._shipper(supervisor, launch),
            )

    def stop(self, deployment: DeploymentKey, *, await_stopped_s: float) -> None:
        """Ask the keeper to end, kill what is left after *await_stopped_s*.

        It gets ten seconds at least to finish the requests under way.
        """
        with (
            suppress(UnsupportedHereError),
            self._supervised(f"stop deployment {deployment.name!r}") as supervisor,
        ):
            supervisor.stop(deployment, await_stopped_s=await_stopped_s)

    def state(self, deployment: DeploymentKey) -> RunState:
        """Combine what the keeper said last with whether it still lives."""
        try:
            with self._supervised("read the state of deployments") as supervisor:
                return supervisor.state(deployment)
        except (ServingError, StorageError) as error:
            if not has_no_place(error):
                raise
            # Without its packages, or a folder for its run files, this installation
            # cannot have started anything.
            return NEVER_RAN

    def predict(self, deployment: DeploymentKey, payload: dict[str, Any]) -> Any:
        """Send *payload* over a connection that is kept for the next one."""
        with self._supervised(f"ask deployment {deployment.name!r}") as supervisor:
            return supervisor.predict(deployment, payload)

    def read_logs(
        self, deployment: DeploymentKey, component: Component, tail: int
    ) -> str:
        """Return the end of the component's log."""
        what = f"read the log of deployment {deployment.name!r}"
        with self._supervised(what) as supervisor:
            return supervisor.read_logs(deployment, component, tail)

    def inference_log_spool(self, deployment: DeploymentKey) -> Path | None:
        """Return where the workers of this user leave what they log."""
        try:
            with self._supervised("find inference logs") as supervisor:
                return supervisor.inference_log_spool(deployment)
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
        """Return the lines of the component's log as they come."""
        what = f"follow the log of deployment {deployment.name!r}"
        with self._supervised(what) as supervisor:
            lines = supervisor.follow_logs(
                deployment, component, tail, after=after, is_wanted=is_wanted
            )
        return self._told(what, lines)

    def forget(self, deployment: DeploymentKey) -> None:
        """Stop what runs and drop its run files, as far as that is possible."""
        with (
            suppress(ServingError, StorageError),
            self._supervised(f"forget deployment {deployment.name!r}") as supervisor,
        ):
            supervisor.forget(deployment)

    def _told(self, what: str, lines: Iterator[LogLine]) -> Iterator[LogLine]:
        with self._supervised(what):
            yield from lines

    @contextmanager
    def _supervised(self, what: str) -> Iterator["Supervisor"]:
        """Give the supervisor; every call goes through here.

        Raises:
            ServingError: the system refuses something that this needs.
            StorageError: there is no folder for run files.
        """
        supervisor = self._supervisor
        with in_our_words(what, supervisor.root):
            yield supervisor

    def _shipper(self, supervisor: "Supervisor", launch: Launch) -> Helper | None:
        """Return the process that takes what *launch* logs into the project."""
        storage = self._storage
        if launch.logging is None or storage is None:
            return None
        if not storage.capabilities.is_shared:
            return None  # shipped when it is read
        order = ShipperOrder(
            spool=str(supervisor.inference_log_spool(launch.key)),
            deployment=launch.deployment,
        )
        told = shipper_input(order, storage)
        return Helper(command=tuple(shipper_command()), told=told)

    @cached_property
    def _supervisor(self) -> "Supervisor":
        try:
            # Imported late: registry users need neither the packages nor the time.
            from hopsartifacts.serving.local.supervisor import (  # noqa: PLC0415 - see above
                Supervisor,
            )

        except ModuleNotFoundError as error:
            raise UnsupportedHereError(
                f"running deployments here needs {error.name}; run: "
                'pip install "hopsartifacts[serving]"'
            ) from error
        take_standard_descriptors()
        root = self._run_root or state_folder()
        project = hashlib.sha256(self._project_url.encode()).hexdigest()[:16]
        return Supervisor(root / project, self._logs_dir)
