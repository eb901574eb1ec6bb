"""Answers predictions of any protocol and notifies the observers."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from hopsartifacts.serving.contract import Component
from hopsartifacts.serving.runtime.chain import Chain, Request, StepFailedError
from hopsartifacts.serving.runtime.failures import (
    error_text,
    is_cancellation,
    said_by,
    traceback_text,
)
from hopsartifacts.serving.runtime.protocol import RequestError, error_body
from hopsartifacts.serving.runtime.readiness import Readiness
from hopsartifacts.serving.runtime.worker_logs import speaking

_LOG = logging.getLogger("hopsartifacts.serving")
_OK = 200


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: an HTTP status and a JSON body (for gRPC, a message)."""

    status: int
    body: bytes
    error: str | None = None
    """The error message; None for predictions."""
    component: str | None = None
    """The component whose script failed; None if it was not a script."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer, in the form for observers."""

    id: str
    """The id that the client gave, or a new one."""
    received_s: float
    """Time of arrival, in seconds since 1970."""
    seconds: float
    """Duration from the complete request to the complete answer."""
    status: int
    request: bytes
    """JSON, or the bytes that were sent instead."""
    answer: bytes
    """JSON."""


class Observer(Protocol):
    """A receiver of every exchange, called before the answer is sent."""

    def see(self, exchange: Exchange) -> None:
        """Record the exchange, quickly and without raising: the client waits."""
        ...


class Meter(Protocol):
    """A counter of requests, without access to their contents."""

    def begin(self) -> None:
        """Count a request that arrived."""
        ...

    def end(self, protocol: str, status: int, seconds: float) -> None:
        """Count the answer to a request."""
        ...

    def fail(self, error: BaseException, component: Component | None) -> None:
        """Note the error of a request; *component* is whose script failed, if any."""
        ...

    def page(self) -> tuple[bytes, str]:
        """Return the body and the content type of ``/metrics``."""
        ...


class PredictionCall(Request, Protocol):
    """One request in the form of its protocol."""

    @property
    def protocol(self) -> str:
        """The name of the protocol in metrics."""
        ...

    @property
    def id(self) -> str | None:
        """The id that the client gave the request; available once it was read."""
        ...

    def write(self, outputs: Any) -> bytes:
        """Return the body of the answer; raises any exception if there is none."""
        ...

    def shown(self, answer: bytes) -> tuple[bytes, bytes]:
        """Return the request and its answer as JSON."""
        ...


class Service:
    """The model of one deployment version, ready to answer calls.

    Attributes:
        name: the name of the deployment, which clients use as the model name.
        version: the number of the model version in the registry.
        chain: the loaded scripts.
        meter: the counter of requests, if there is one.
        readiness: whether new requests should be sent here.
    """

    def __init__(
        self,
        name: str,
        version: int,
        chain: Chain,
        observers: Sequence[Observer] = (),
        meter: Meter | None = None,
        readiness: Readiness | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.chain = chain
        self.meter = meter
        self.readiness = readiness or Readiness()
        self._observers = tuple(observers)

    async def handle(self, call: PredictionCall) -> Answer:
        """Return the answer to *call*; errors become answers too.

        In every case the request is counted and passed to each observer.
        """
        received_s, start = time.time(), time.perf_counter()
        if self.meter is not None:
            self.meter.begin()
        answer = _LOST
        try:
            answer = await self._answer(call)
        finally:
            seconds = time.perf_counter() - start
            if self.meter is not None:
                self.meter.end(call.protocol, answer.status, seconds)
            if self._observers:
                self._show(call, answer, received_s, seconds)
        return answer

    async def _answer(self, call: PredictionCall) -> Answer:
        try:
            outputs = await self.chain.answer(call)
            return Answer(status=_OK, body=self._write(call, outputs))
        except RequestError as error:
            return _failed(error.status, said_by(error), error.component)
        except StepFailedError as error:
            self._note(error.cause, error.component)
            with speaking(error.component):
                _log(f"the {error.component} failed", error.cause)
            return _failed(500, str(error), error.component)
        except BaseException as error:  # noqa: BLE001 - every error is answered
            if is_cancellation(error):
                # The server is stopping, and the grace period is over.
                return _failed(503, "the server is stopping; the request took too long")
            self._note(error)
            _log("a request failed", error)
            return _failed(500, error_text(error))

    def _note(self, error: BaseException, component: Component | None = None) -> None:
        if self.meter is not None:
            self.meter.fail(error, component)

    def _write(self, call: PredictionCall, outputs: Any) -> bytes:
        try:
            return call.write(outputs)
        except RequestError:
            # The request names an output that the model does not have.
            raise
        except BaseException as error:
            # Not only TypeError: the conversion of a foreign object may raise anything.
            raise StepFailedError(self.chain.last_component, error) from error

    def _show(
        self, call: PredictionCall, answer: Answer, received_s: float, seconds: float
    ) -> None:
        try:
            request, body = call.shown(answer.body)
        except Exception as error:  # noqa: BLE001 - the exchange is shown without a request
            _log("an exchange could not be converted for the inference log", error)
            request, body = b"null", answer.body
        exchange = Exchange(
            id=call.id or str(uuid4()),
            received_s=received_s,
            seconds=seconds,
            status=answer.status,
            request=request,
            answer=body,
        )
        for observer in self._observers:
            try:
                observer.see(exchange)
            except Exception as error:  # noqa: BLE001 - the client gets its answer
                _log("an exchange was not logged", error)


def _log(words: str, error: BaseException) -> None:
    """Log *error*, even if a script has disabled logging. Never raises."""
    # ``logging.config.dictConfig`` disables every logger that it does not name.
    _LOG.disabled = False
    text = f"{words}\n{traceback_text(error)}"
    record = _LOG.makeRecord(_LOG.name, logging.ERROR, __file__, 0, text, (), None)
    # A handler of a script may raise.
    with suppress(Exception):
        _LOG.handle(record)


def _failed(status: int, message: str, component: str | None = None) -> Answer:
    return Answer(
        status=status,
        body=error_body(message, component),
        error=message,
        component=component,
    )


_LOST = _failed(500, "the request was lost before it was answered")
