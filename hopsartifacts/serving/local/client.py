"""The HTTP client for model servers on this machine."""

import os
from collections.abc import Mapping
from typing import Any

import msgspec
import urllib3

from hopsartifacts.errors import NotRunningError, PredictionError
from hopsartifacts.serving.contract import COMPONENTS

_TIMEOUT = urllib3.Timeout(connect=5, read=300)
_CHECK_TIMEOUT = urllib3.Timeout(connect=2, read=2)
_OK = 200


class ModelServerClient:
    """A connection pool for predictions; usable from any thread."""

    def __init__(self) -> None:
        self._pool_manager: urllib3.PoolManager | None = None
        self._pid = 0

    def is_ready(self, url: str, deployment: str) -> bool:
        """Tell whether the server reports that it serves the deployment."""
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
    """Tell whether *payload* is a V2 request (with tensors) and not a V1 request."""
    inputs = payload.get("inputs")
    return isinstance(inputs, list) and all(
        isinstance(tensor, dict) and {"name", "shape", "datatype"} <= tensor.keys()
        for tensor in inputs
    )


def _prediction_error(deployment: str, status: int, detail: str) -> PredictionError:
    message = f"deployment {deployment!r} answered with status {status}: {detail}"
    return PredictionError(f"{message}{way_to_logs(detail)}", status, detail)


def way_to_logs(detail: str) -> str:
    """Return where to find the traceback if *detail* begins with a component."""
    for component in COMPONENTS:
        if detail.startswith(f"{component}: "):
            return f'; get_logs("{component}") prints where'
    return ""


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
