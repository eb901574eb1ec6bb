"""Where requests to running deployments go, remembered as long as nothing changes."""

import time
from typing import Any, NamedTuple

import psutil

from hopsartifacts.errors import NotRunningError
from hopsartifacts.serving.contract import ANSWERING, DeploymentKey
from hopsartifacts.serving.local import processes
from hopsartifacts.serving.local.client import ModelServerClient, is_infer_request
from hopsartifacts.serving.local.runs import Run, RunFolder
from hopsartifacts.serving.local.states import newest_state, own_run

_POLL_S = 0.02
_REASON_WAIT_S = 1.5
"""How long the keeper may take to see that a worker has ended."""


class _Target(NamedTuple):
    folder: RunFolder
    key: DeploymentKey
    stamp: object
    revision: str
    server: psutil.Process
    url: str
    grpc_port: int | None
    version: int | None


class Targets:
    """The servers of the deployments that this process asks."""

    def __init__(self) -> None:
        self._client = ModelServerClient()
        self._known: dict[str, _Target] = {}

    def is_ready(self, run: Run) -> bool:
        """Ask the server of a run whether it takes requests."""
        return self._client.is_ready(run.url, run.deployment.name)

    def predict(
        self, folder: RunFolder, deployment: DeploymentKey, payload: dict[str, Any]
    ) -> Any:
        """Ask the running server; if it ends meanwhile, say why."""
        target = self._target(folder, deployment)
        try:
            return self._ask(target, payload)
        except NotRunningError as error:
            reason = _reason_since(target)
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

    def _target(self, folder: RunFolder, deployment: DeploymentKey) -> _Target:
        """Return where the running server is, from memory if nothing changed.

        Raises:
            NotRunningError: there is none.
        """
        target = self._known.get(deployment.name)
        is_same = (
            target
            and target.key == deployment
            and target.stamp == _stamp(folder, target.revision)
        )
        if target and is_same and processes.is_alive(target.server):
            return target
        run = own_run(folder, deployment)
        # Before what it stands for is read: if that changes meanwhile, it is old.
        stamp = _stamp(folder, run.revision) if run else None
        state = newest_state(folder, run)
        server = None if run is None else processes.find_server(run)
        if state.status not in ANSWERING or run is None or server is None:
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
            folder=folder,
            key=deployment,
            stamp=stamp,
            revision=run.revision,
            server=server,
            url=run.url,
            grpc_port=state.grpc_port,
            version=version,
        )
        self._known[deployment.name] = target
        return target


def _reason_since(target: _Target) -> str | None:
    """Return what is said of *target* since it was found, if that comes soon."""
    folder = target.folder
    deadline = time.monotonic() + _REASON_WAIT_S
    while _stamp(folder, target.revision) == target.stamp:
        if not processes.is_alive(target.server):
            break
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL_S)
    condition = newest_state(folder, own_run(folder, target.key)).condition
    return condition.reason if condition else None


def _stamp(folder: RunFolder, revision: str) -> object:
    """Return a value that changes when something else answers, or somewhere else."""
    return folder.run_stamp(), folder.report_stamp(revision)
