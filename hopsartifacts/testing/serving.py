"""A serving back end that only knows states: deployments start and nothing runs."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hopsartifacts.errors import NotRunningError
from hopsartifacts.serving.contract import (
    Component,
    DeploymentKey,
    Launch,
    LogLine,
    RunState,
)


class StatesOnly:
    """Every launch is taken for running until it is stopped."""

    name = "states-only"

    def __init__(self) -> None:
        self.running: dict[str, Launch] = {}
        """By the name of the deployment."""

    def check(self, launch: Launch) -> None:
        """Take everything."""

    def start(
        self,
        launch: Launch,
        *,
        await_running_s: float,  # noqa: ARG002 - the contract's
        port: int | None = None,  # noqa: ARG002 - the contract's
        detach: bool = False,  # noqa: ARG002 - the contract's
    ) -> None:
        """Say that it runs."""
        self.running[launch.deployment] = launch

    def update(self, launch: Launch, *, await_running_s: float) -> None:  # noqa: ARG002 - the contract's
        """Say that this version runs."""
        self.running[launch.deployment] = launch

    def stop(self, deployment: DeploymentKey, *, await_stopped_s: float) -> None:  # noqa: ARG002 - the contract's
        """Say that it does not run."""
        self.running.pop(deployment.name, None)

    def state(self, deployment: DeploymentKey) -> RunState:
        """Say whether it was started."""
        launch = self._running(deployment)
        if launch is None:
            return RunState(status="Created")
        return RunState(
            status="Running",
            deployment_version=launch.deployment_version,
            port=1,
            started_s=1,
        )

    def predict(self, deployment: DeploymentKey, payload: dict[str, Any]) -> Any:
        """Answer with the inputs."""
        if self._running(deployment) is None:
            raise NotRunningError(f"{deployment.name!r} does not run")
        return {"predictions": payload.get("instances", [])}

    def read_logs(
        self, deployment: DeploymentKey, component: Component, tail: int
    ) -> str:
        """Answer with what was asked for."""
        return f"{deployment.name} {component} {tail}"

    def inference_log_spool(self, deployment: DeploymentKey) -> Path | None:  # noqa: ARG002 - the contract's
        """Say that nothing is logged."""
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
        """Answer with what was asked for, in one line, until it is stopped."""
        if not after:
            yield LogLine(
                text=self.read_logs(deployment, component, tail), mark="log:1"
            )
        while self._running(deployment) is not None and is_wanted():
            time.sleep(0.01)

    def forget(self, deployment: DeploymentKey) -> None:
        """Say that it does not run."""
        self.running.pop(deployment.name, None)

    def _running(self, deployment: DeploymentKey) -> Launch | None:
        launch = self.running.get(deployment.name)
        return launch if launch and launch.key.is_of(deployment) else None
