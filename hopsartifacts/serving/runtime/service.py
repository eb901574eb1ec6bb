"""Answering a prediction, whichever protocol brought it, and telling who observes."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from hopsartifacts.serving.runtime.chain import Chain, Request, StepFailedError
from hopsartifacts.serving.runtime.component_logs import speaking
from hopsartifacts.serving.runtime.failures import (
    error_text,
    is_cancellation,
    said_by,
    traceback_text,
)
from hopsartifacts.serving.runtime.protocol import RequestError, error_body

_LOG = logging.getLogger("hopsartifacts.serving")
_OK = 200


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back: an HTTP status, and JSON (in gRPC, a message)."""

    status: int
    body: bytes
    error: str | None = None
    """What went wrong, in a sentence; None for predictions."""
    component: str | None = None
    """Where it went wrong: in the script of which component, if in one."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer, as observers see them."""

    id: str
    """The client's, or a new one."""
    received_s: float
    """Seconds since 1970."""
    seconds: float
    """From the whole request to the whole answer."""
    status: int
    request: bytes
    """JSON, or whatever was sent instead."""
    answer: bytes
    """JSON."""


class Observer(Protocol):
    """Somebody who sees every exchange before its answer is sent."""

    def see(self, exchange: Exchange) -> None:
        """Take note, quickly and without raising: the client waits."""
        ...


class Meter(Protocol):
    """Somebody who counts requests, without seeing what is in them."""

    def begin(self) -> None:
        """Count a request that came."""
        ...

    def end(self, protocol: str, status: int, seconds: float) -> None:
        """Count its answer."""
        ...

    def page(self) -> tuple[bytes, str]:
        """Return what was counted as the body of ``/metrics``, and its type."""
        ...


class Call(Request, Protocol):
    """One request, in the words of the protocol that brought it."""

    @property
    def protocol(self) -> str:
        """Its name in metrics."""
        ...

    @property
    def id(self) -> str | None:
        """The client's name for the request, once it was read."""
        ...

    def write(self, outputs: Any) -> bytes:
        """Return the body of the answer; raises any error for what has none."""
        ...

    def shown(self, answer: bytes) -> tuple[bytes, bytes]:
        """Return the request and its answer as JSON."""
        ...


class Service:
    """The model of one deployment version.

    Attributes:
        name: the deployment's; what clients ask for as the model.
        version: the model version's number in the registry.
        chain: the loaded scripts.
        meter: what counts requests, if anything does.
    """

    def __init__(
        self,
        name: str,
        version: int,
        chain: Chain,
        observers: Sequence[Observer] = (),
        meter: Meter | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.chain = chain
        self.meter = meter
        self._observers = tuple(observers)

    async def handle(self, call: Call) -> Answer:
        """Return the answer to *call*; what goes wrong is an answer, too.

        Whatever happens, the request is counted, and every observer sees it.
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

    async def _answer(self, call: Call) -> Answer:
        try:
            outputs = await self.chain.answer(call)
            return Answer(status=_OK, body=self._write(call, outputs))
        except RequestError as error:
            return _failed(error.status, said_by(error))
        except StepFailedError as error:
            with speaking(error.component):
                _log(f"the {error.component} failed", error.cause)
            return _failed(500, str(error), error.component)
        except BaseException as error:  # noqa: BLE001 - answered, whatever it is
            if is_cancellation(error):
                # The server stops, and has waited long enough.
                return _failed(503, "the server stops; the request took too long")
            _log("a request failed", error)
            return _failed(500, error_text(error))

    def _write(self, call: Call, outputs: Any) -> bytes:
        try:
            return call.write(outputs)
        except RequestError:
            # It asked for an output that the model does not have.
            raise
        except BaseException as error:
            # Not only TypeError: a foreign object's own conversion may raise any.
            raise StepFailedError(self.chain.last_component, error) from error

    def _show(
        self, call: Call, answer: Answer, received_s: float, seconds: float
    ) -> None:
        try:
            request, body = call.shown(answer.body)
        except Exception as error:  # noqa: BLE001 - the exchange is shown without it
            _log("an exchange has no form for the inference log", error)
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
                _log("an exchange was not kept", error)


def _log(words: str, error: BaseException) -> None:
    """Log *error*, also if a script has switched logging off. Never raises."""
    # As ``logging.config.dictConfig`` does with every logger that it does not name.
    _LOG.disabled = False
    text = f"{words}\n{traceback_text(error)}"
    record = _LOG.makeRecord(_LOG.name, logging.ERROR, __file__, 0, text, (), None)
    # A script's own handler may raise.
    with suppress(Exception):
        _LOG.handle(record)


def _failed(status: int, message: str, component: str | None = None) -> Answer:
    return Answer(
        status=status,
        body=error_body(message, component),
        error=message,
        component=component,
    )


_LOST = _failed(500, "the request was lost on its way")
