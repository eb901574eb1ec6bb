"""What a worker does beside answering over HTTP, as its launch asks for it."""

from collections.abc import Sequence
from typing import Any, Protocol

from hopsartifacts.serving.runtime.handover import Handover
from hopsartifacts.serving.runtime.service import Observer, Service


class Stoppable(Protocol):
    """A server beside the one for HTTP."""

    async def stop(self, grace: float | None) -> Any:
        """Refuse what is new, and give what is under way *grace* seconds."""
        ...


def observers(handover: Handover) -> Sequence[Observer]:
    """Return who sees every exchange before its answer is sent."""
    del handover
    return ()


async def prepare(service: Service, handover: Handover) -> None:
    """Do what has to be done before the worker counts as ready, on the serving loop.

    Raises:
        HopsArtifactsError: it must not become ready.
    """
    del service, handover


async def start_beside(
    service: Service, handover: Handover, *, max_request_bytes: int
) -> Sequence[Stoppable]:
    """Start further servers, ready when this returns."""
    del service, handover, max_request_bytes
    return ()
