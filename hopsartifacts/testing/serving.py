"""A serving back end that only knows states: deployments start and nothing runs."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hopsartifacts.errors import NotRunningError
from hopsartifacts.serving.contract import Component, Launch, LogLine, RunState


class StatesOnly:
    """Every launch is taken for running until it is stopped."""

    name = "states-only"

    def __init__(self) -> None:
        self.running: dict[str, Launch] = {}

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

    def stop(self, deployment: str, *, await_stopped_s: float) -> None:  # noqa: ARG002 - the contract's
        """Say that it does not run."""
        self.running.pop(deployment, None)

    def state(self, deployment: str) -> RunState:
        """Say whether it was started."""
        launch = self.running.get(deployment)
        if launch is None:
            return RunState(status="Created")
        return RunState(
            status="Running",
            deployment_version=launch.deployment_version,
            port=1,
            started_s=1,
        )

    def predict(self, deployment: str, payload: dict[str, Any]) -> Any:
        """Answer with the inputs."""
        if deployment not in self.running:
            raise NotRunningError(f"{deployment!r} does not run")
        return {"predictions": payload.get("instances", [])}

    def read_logs(self, deployment: str, component: Component, tail: int) -> str:
        """Answer with what was asked for."""
        return f"{deployment} {component} {tail}"

    def inference_log_spool(self, deployment: str) -> Path | None:  # noqa: ARG002 - the contract's
        """Say that nothing is logged."""
        return None

    def follow_logs(
        self,
        deployment: str,
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
        while deployment in self.running and is_wanted():
            time.sleep(0.01)

    def forget(self, deployment: str) -> None:
        """Say that it does not run."""
        self.running.pop(deployment, None)
