"""Requests to running deployments: an HTTP client, and where each deployment answers.

Where a deployment answers is remembered as long as nothing changes.
"""

import os
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import psutil
import urllib3

from hopsartifacts.errors import NotRunningError, PredictionError
from hopsartifacts.serving.contract import (
    ANSWERING,
    DeploymentKey,
    way_to_answers,
)
from hopsartifacts.serving.local import processes
from hopsartifacts.serving.local.log_files import way_to_logs
from hopsartifacts.serving.local.processes import newest_state, own_run
from hopsartifacts.serving.local.runs import Run, RunFolder

_TIMEOUT = urllib3.Timeout(connect=5, read=300)
_CHECK_TIMEOUT = urllib3.Timeout(connect=2, read=2)
_OK = 200
_POLL_S = 0.02
_REASON_WAIT_S = 1.5
"""How long the keeper may take to see that a worker has ended."""


class ModelServerClient:
    """A connection pool for predictions; usable from any thread."""

    def __init__(self) -> None:
        self._pool_manager: urllib3.PoolManager | None = None
        self._pid = 0

    def is_ready(self, url: str, deployment: str) -> bool:
        """Return whether the server reports that it serves the deployment."""
        try:
            answer = self._pool().request(
                "GET",
                f"{url}/v1/models/{deployment}",
                timeout=_CHECK_TIMEOUT,
                retries=False,
            )
            return answer.status == _OK and answer.json().get("ready") is True
        except (urllib3.exceptions.HTTPError, ValueError):
            return False

    def predict(self, url: str, deployment: str, payload: dict[str, Any]) -> Any:
        """Post *payload* and return the answer.

        Raises:
            NotRunningError: the server does not run, or ended before it answered.
            PredictionError: the answer is an error, or there is none in time.
        """
        try:
            answer = self._pool().request(
                "POST",
                f"{url}/v1/models/{deployment}:predict",
                body=msgspec.json.encode(payload),
                headers={"content-type": "application/json"},
                timeout=_TIMEOUT,
                retries=False,
            )
        except urllib3.exceptions.ReadTimeoutError as error:
            detail = f"no answer within {_TIMEOUT.read_timeout} s"
            raise _prediction_error(deployment, 504, detail) from error
        except urllib3.exceptions.HTTPError as error:
            raise NotRunningError(
                f"deployment {deployment!r} does not answer, or ended while it "
                f"answered: {_innermost(error)}"
            ) from error
        if answer.status != _OK:
            raise _prediction_error(deployment, answer.status, _detail(answer.data))
        try:
            return msgspec.json.decode(answer.data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            detail = f"the answer is not JSON: {error}"
            raise _prediction_error(deployment, 502, detail) from error

    def hang_up(self) -> None:
        """Use new connections from now on: old ones may lead to a worker that ends."""
        if self._pool_manager is not None and self._pid == os.getpid():
            self._pool_manager.clear()

    def _pool(self) -> urllib3.PoolManager:
        # After a fork, parent and child must not share a connection.
        if self._pool_manager is None or self._pid != os.getpid():
            self._pool_manager = urllib3.PoolManager(maxsize=16)
            self._pid = os.getpid()
        return self._pool_manager


def is_infer_request(payload: Mapping[str, Any]) -> bool:
    """Return whether *payload* is a V2 request (with tensors) and not a V1 request."""
    inputs = payload.get("inputs")
    return isinstance(inputs, list) and all(
        isinstance(tensor, dict) and {"name", "shape", "datatype"} <= tensor.keys()
        for tensor in inputs
    )


def _prediction_error(deployment: str, status: int, detail: str) -> PredictionError:
    message = f"deployment {deployment!r} answered with status {status}: {detail}"
    return PredictionError(f"{message}{way_to_logs(detail)}", status, detail)


def _innermost(error: BaseException) -> BaseException:
    """Return the original error, which urllib3 wraps and hides."""
    while error.args and isinstance(error.args[-1], BaseException):
        error = error.args[-1]
    return error


def _detail(body: bytes) -> str:
    """Return the error message in *body*, even if the server is not ours."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return body.decode(errors="replace")
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        component = document.get("component")
        return f"{component}: {document['error']}" if component else document["error"]
    return body.decode(errors="replace")


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
        # Imported late: it is a separate extra.
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
                f"deployment {deployment.name!r} is {state.status} ({reason}): "
                f"{way_to_answers(state.status)}"
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
    """Return the reason in a newer report of *target*; wait briefly for one."""
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
