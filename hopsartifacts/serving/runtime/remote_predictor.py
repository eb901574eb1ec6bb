"""The predictor of a transformer that runs in a place of its own: asked over HTTP.

A request to the predictor has the protocol of the request that it belongs to. Rows that
V2 cannot express, and requests to a server of another package, are sent with V1.

No request is sent twice: if the connection is lost before the answer is complete, the
predictor may have run.
"""

from typing import Any, NamedTuple, Protocol

import msgspec

from hopsartifacts.serving.runtime.http_client import (
    HttpClient,
    LostConnectionError,
    UnreachableError,
)
from hopsartifacts.serving.runtime.keeper_link import PredictorAddress
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.remote_bodies import infer_outputs, infer_request
from hopsartifacts.serving.runtime.v2 import InferBodies
from hopsartifacts.values import plain

_OK = 200
_READY_S = 0.7
"""Shorter than the second after which Kubernetes gives up a probe."""


class RowBodies(Protocol):
    """The part of ``chain.StepBodies`` that finds rows."""

    def rows_in(self, body: Any) -> Any:
        """Return the rows in the result of ``preprocess``."""
        ...


class PredictorRequest(NamedTuple):
    """A request to the predictor, or the answer to one."""

    is_v2: bool
    body: bytes


class RemotePredictor:
    """The predictor at *address*."""

    def __init__(self, address: PredictorAddress) -> None:
        self._address = address
        self._name = f"the predictor {address.host}:{address.port}"
        self._client = HttpClient(address.host, address.port)

    def request_of(self, bodies: RowBodies, value: Any) -> PredictorRequest:
        """Return the request for *value*, a body or plain rows.

        Raises:
            TypeError: the rows have no JSON form.
            ValueError: the body has both of the keys that rows may have.
            RequestError: a tensor does not match its shape or datatype.
        """
        if isinstance(bodies, InferBodies) and self._address.is_ours:
            try:
                return PredictorRequest(True, infer_request(value, bodies.id))  # noqa: FBT003
            except TypeError:
                pass  # these rows are no tensors
        rows = plain(bodies.rows_in(value), "instances")
        return PredictorRequest(False, msgspec.json.encode({"instances": rows}))  # noqa: FBT003

    async def predict(self, request: PredictorRequest) -> PredictorRequest:
        """Send the request once, and return the answer.

        Raises:
            RequestError: the predictor answered with an error, whose status and text
                these are, or did not answer (503 or 504).
        """
        model = self._address.model
        kind = (
            f"v2/models/{model}/infer"
            if request.is_v2
            else f"v1/models/{model}:predict"
        )
        limit_s = self._address.answer_s
        try:
            status, body = await self._client.ask(
                "POST", f"/{kind}", request.body, timeout_s=limit_s
            )
        except UnreachableError as error:
            raise RequestError(
                503, f"{self._name} cannot be reached: {error}"
            ) from error
        except LostConnectionError as error:
            raise RequestError(
                503,
                f"the connection to {self._name} was lost before it answered: {error}; "
                "the request may have been predicted, and is not sent again",
            ) from error
        except TimeoutError as error:
            words = f"{self._name} did not answer within {limit_s:g} s"
            raise RequestError(504, words) from error
        if status != _OK:
            raise _error_of(status, body)
        return PredictorRequest(request.is_v2, body)

    def outputs_of(self, bodies: RowBodies, answer: PredictorRequest) -> Any:
        """Return the outputs in an answer.

        Raises:
            RequestError: it is not an answer of its protocol (502).
        """
        try:
            if answer.is_v2 and isinstance(bodies, InferBodies):
                return infer_outputs(answer.body)
            return msgspec.json.decode(answer.body)["predictions"]
        except (msgspec.MsgspecError, ValueError, LookupError, TypeError) as error:
            protocol = "V2" if answer.is_v2 else "V1"
            words = f"{self._name} gave no {protocol} answer: {error!r}"
            raise RequestError(502, words) from error

    async def stop(self, _: float | None) -> None:
        """Close the connections that are not in use; see ``server.Stoppable``."""
        self._client.close()

    async def flaw(self) -> str | None:
        """Return why the predictor is not ready; None if it is."""
        model = self._address.model
        path = "/v2/health/ready" if self._address.is_ours else f"/v1/models/{model}"
        try:
            status, body = await self._client.ask("GET", path, timeout_s=_READY_S)
        except (UnreachableError, LostConnectionError) as error:
            return f"{self._name} is not ready: {error}"
        except TimeoutError:
            return f"{self._name} is not ready: no answer within {_READY_S:g} s"
        if status != _OK:
            return f"{self._name} is not ready: {_error_of(status, body)}"
        if not self._address.is_ours and b"AVAILABLE" not in body:
            return f"{self._name} is not ready: it has no model {model!r} yet"
        return None


def _error_of(status: int, body: bytes) -> RequestError:
    """Return the error in an answer, also of a server that does not answer in JSON."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        document = None
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        component = document.get("component")
        named = component if isinstance(component, str) else None
        return RequestError(status, document["error"], named)
    text = body.decode(errors="replace").strip()
    return RequestError(status, text or f"status {status} without a text")
