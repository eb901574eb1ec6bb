"""Answering a prediction, whichever protocol brought it, and telling who observes."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

import msgspec

from hopsartifacts.serving.runtime.chain import Chain, StepFailedError
from hopsartifacts.serving.runtime.component_logs import speaking
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


class Call(Protocol):
    """One request, in the words of the protocol that brought it."""

    @property
    def protocol(self) -> str:
        """Its name in metrics."""
        ...

    @property
    def id(self) -> str | None:
        """The client's name for the request, once it was read."""
        ...

    def read(self) -> Any:
        """Return what the chain takes; raises ``RequestError``."""
        ...

    def write(self, outputs: Any) -> bytes:
        """Return the body of the answer; raises any error for what has none."""
        ...

    def shown(self, answer: bytes) -> tuple[bytes, bytes]:
        """Return the request and its answer as JSON."""
        ...


class _Json(NamedTuple):
    """A request and an answer that are JSON as they are."""

    request: bytes
    reader: Callable[[bytes], Any]
    writer: Callable[[Any], bytes]
    id: str | None
    protocol: str = "v1"

    def read(self) -> Any:
        return self.reader(self.request)

    def write(self, outputs: Any) -> bytes:
        return self.writer(outputs)

    def shown(self, answer: bytes) -> tuple[bytes, bytes]:
        return self.request, answer


class Service:
    """The model of one deployment version."""

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

    async def answer(
        self,
        request: bytes,
        read: Callable[[bytes], Any],
        write: Callable[[Any], bytes],
        request_id: str | None = None,
    ) -> Answer:
        """Return the answer to a request in JSON; what goes wrong is one, too.

        Args:
            request: the body as it came.
            read: from the body to what the chain takes; raises ``RequestError``.
            write: from what the chain returns to a body.
            request_id: the client's name for the request.
        """
        return await self.handle(_Json(request, read, write, request_id))

    async def handle(self, call: Call) -> Answer:
        """Return the answer to *call*; what goes wrong is an answer, too."""
        received_s, start = time.time(), time.perf_counter()
        if self.meter is None:
            answer = await self._answer(call)
            seconds = time.perf_counter() - start
        else:
            self.meter.begin()
            answer = await self._answer(call)
            seconds = time.perf_counter() - start
            self.meter.end(call.protocol, answer.status, seconds)
        if self._observers:
            request, body = call.shown(answer.body)
            exchange = Exchange(
                id=call.id or str(uuid4()),
                received_s=received_s,
                seconds=seconds,
                status=answer.status,
                request=request,
                answer=body,
            )
            for observer in self._observers:
                observer.see(exchange)
        return answer

    async def _answer(self, call: Call) -> Answer:
        try:
            outputs = await self.chain.predict(call.read())
            return Answer(status=_OK, body=self._write(call, outputs))
        except RequestError as error:
            return _failed(error.status, str(error))
        except StepFailedError as error:
            with speaking(error.component):
                _LOG.error("the %s failed", error.component, exc_info=error.cause)
            return _failed(500, str(error), error.component)
        except asyncio.CancelledError:
            # The server stops and has waited long enough: nothing is left to cancel.
            return _failed(503, "the server stops; the request took too long")

    def _write(self, call: Call, outputs: Any) -> bytes:
        try:
            return call.write(outputs)
        except RequestError:
            # It asked for an output that the model does not have.
            raise
        except Exception as error:
            # Not only TypeError: a foreign object's own conversion may raise any.
            raise StepFailedError(self.chain.last_component, error) from error


def _failed(status: int, message: str, component: str | None = None) -> Answer:
    return Answer(
        status=status,
        body=error_body(message, component),
        error=message,
        component=component,
    )
