"""A serving back end that only tracks states: deployments start, but nothing runs."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hopsartifacts.errors import NotFoundError, NotRunningError
from hopsartifacts.serving.contract import (
    Component,
    DeploymentKey,
    LogArchive,
    LogLine,
    ProcessUsage,
    Reported,
    RunState,
    SealedVersion,
    StoredLog,
)
from hopsartifacts.serving.traffic import Period, Traffic


class StatesOnly:
    """A back end that reports every version as running until it is stopped."""

    name = "states-only"

    def __init__(self) -> None:
        self.running: dict[str, SealedVersion] = {}
        """The versions by the name of the deployment."""

    def check(self, sealed: SealedVersion) -> None:
        """Accept every version."""

    def start(
        self,
        sealed: SealedVersion,
        *,
        await_running_s: float,  # noqa: ARG002 - the contract's
        port: int | None = None,  # noqa: ARG002 - the contract's
        detach: bool = False,  # noqa: ARG002 - the contract's
    ) -> None:
        """Mark the deployment as running, unless ``check`` refuses it."""
        self.check(sealed)
        self.running[sealed.deployment] = sealed

    def update(self, sealed: SealedVersion, *, await_running_s: float) -> None:  # noqa: ARG002 - the contract's
        """Mark this version as running, unless ``check`` refuses it."""
        self.check(sealed)
        self.running[sealed.deployment] = sealed

    def stop(self, deployment: DeploymentKey, *, await_stopped_s: float) -> None:  # noqa: ARG002 - the contract's
        """Mark the deployment as stopped."""
        self.running.pop(deployment.name, None)

    def state(self, deployment: DeploymentKey) -> RunState:
        """Return the state: running if it was started, otherwise created."""
        version = self._running(deployment)
        if version is None:
            return RunState(status="Created")
        return RunState(
            status="Running",
            deployment_version=version.deployment_version,
            port=1,
            started_s=1,
        )

    def history(self, deployment: DeploymentKey) -> list[Reported]:  # noqa: ARG002 - the contract's
        """Return nothing: starts take no time here."""
        return []

    def predict(self, deployment: DeploymentKey, payload: dict[str, Any]) -> Any:
        """Return the inputs as predictions."""
        if self._running(deployment) is None:
            raise NotRunningError(f"{deployment.name!r} does not run")
        return {"predictions": payload.get("instances", [])}

    def read_logs(
        self, deployment: DeploymentKey, component: Component, tail: int
    ) -> str:
        """Return a line with the arguments."""
        return f"{deployment.name} {component} {tail}"

    def inference_log_spool(self, deployment: DeploymentKey) -> Path | None:  # noqa: ARG002 - the contract's
        """Return None, as nothing is logged."""
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
        """Yield one line with the arguments, then wait until the deployment stops."""
        if not after:
            yield LogLine(
                text=self.read_logs(deployment, component, tail), position="log:1"
            )
        while self._running(deployment) is not None and is_wanted():
            time.sleep(0.01)

    def traffic(self, deployment: DeploymentKey, period: Period) -> Traffic:  # noqa: ARG002 - the contract's
        """Return none, as nothing is counted."""
        return Traffic()

    def log_archives(self, name: str) -> list[LogArchive]:  # noqa: ARG002 - the contract's
        """Return none, as no logs are kept."""
        return []

    def stored_log(self, name: str, archive: str, component: Component) -> StoredLog:
        """Refuse, as no logs are kept."""
        raise NotFoundError(f"{name!r} has no log {archive!r} of a {component}")

    def usage(self, deployment: DeploymentKey) -> list[ProcessUsage]:  # noqa: ARG002 - the contract's
        """Return none, as there are no processes."""
        return []

    def forget(self, deployment: DeploymentKey) -> None:
        """Mark the deployment as stopped."""
        self.running.pop(deployment.name, None)

    def _running(self, deployment: DeploymentKey) -> SealedVersion | None:
        version = self.running.get(deployment.name)
        return version if version and version.key.is_of(deployment) else None
