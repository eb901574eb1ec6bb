"""Answering a prediction, whichever protocol brought it, and telling who observes."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from hopsartifacts.serving.runtime.chain import Chain, StepFailedError
from hopsartifacts.serving.runtime.protocol import RequestError, error_body

_LOG = logging.getLogger("hopsartifacts.serving")
_OK = 200


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back: an HTTP status, and JSON."""

    status: int
    body: bytes
    error: str | None = None
    """What went wrong, in a sentence; None for predictions."""


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


class Service:
    """The model of one deployment version."""

    def __init__(
        self,
        name: str,
        version: int,
        chain: Chain,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.name = name
        self.version = version
        self.chain = chain
        self._observers = tuple(observers)

    async def answer(
        self,
        request: bytes,
        read: Callable[[bytes], Any],
        write: Callable[[Any], bytes],
        request_id: str | None = None,
    ) -> Answer:
        """Return the answer to *request*; what goes wrong is an answer, too.

        Args:
            request: the body as it came.
            read: from the body to what the chain takes; raises ``RequestError``.
            write: from what the chain returns to a body.
            request_id: the client's name for the request.
        """
        received_s, start = time.time(), time.perf_counter()
        answer = await self._answer(request, read, write)
        if self._observers:
            exchange = Exchange(
                id=request_id or str(uuid4()),
                received_s=received_s,
                seconds=time.perf_counter() - start,
                status=answer.status,
                request=request,
                answer=answer.body,
            )
            for observer in self._observers:
                observer.see(exchange)
        return answer

    async def _answer(
        self,
        request: bytes,
        read: Callable[[bytes], Any],
        write: Callable[[Any], bytes],
    ) -> Answer:
        try:
            outputs = await self.chain.predict(read(request))
            return Answer(status=_OK, body=self._write(write, outputs))
        except RequestError as error:
            return _failed(error.status, str(error))
        except StepFailedError as error:
            _LOG.error("the %s failed", error.component, exc_info=error.cause)
            return _failed(500, str(error), error.component)
        except asyncio.CancelledError:
            # The server stops and has waited long enough: nothing is left to cancel.
            return _failed(503, "the server stops; the request took too long")

    def _write(self, write: Callable[[Any], bytes], outputs: Any) -> bytes:
        try:
            return write(outputs)
        except Exception as error:
            # Not only TypeError: a foreign object's own conversion may raise any.
            raise StepFailedError(self.chain.last_component, error) from error


def _failed(status: int, message: str, component: str | None = None) -> Answer:
    return Answer(status=status, body=error_body(message, component), error=message)
