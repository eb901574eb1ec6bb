"""What a worker does beside answering over HTTP, as its launch asks for it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from hopsartifacts.serving.runtime import component_logs
from hopsartifacts.serving.runtime.handover import Handover
from hopsartifacts.serving.runtime.loading import prepare_chain
from hopsartifacts.serving.runtime.metrics import Metrics
from hopsartifacts.serving.runtime.recording import make_recorder
from hopsartifacts.serving.runtime.service import Observer, Service


class Stoppable(Protocol):
    """A server beside the one for HTTP."""

    async def stop(self, grace: float | None) -> Any:
        """Refuse what is new, and give what is under way *grace* seconds."""
        ...


def lead_logs(handover: Handover) -> None:
    """Give the transformer, if there is one, a log of its own."""
    descriptor = handover.transformer_log_fd
    if descriptor is not None:
        component_logs.install(Path(f"/dev/fd/{descriptor}"))
        # Open now by another descriptor, which processes of scripts do not inherit.
        os.close(descriptor)


def meter(handover: Handover) -> Metrics:
    """Return what counts the worker's requests."""
    return Metrics(handover.launch.deployment, handover.launch.deployment_version)


def observers(handover: Handover, metrics: Metrics) -> Sequence[Observer]:
    """Return who sees every exchange before its answer is sent."""
    recorder = make_recorder(
        handover.launch, handover.spool_path, on_drop=metrics.count_dropped
    )
    return [recorder] if recorder else []


async def prepare(service: Service, handover: Handover) -> None:
    """Do what has to be done before the worker counts as ready, on the serving loop.

    Raises:
        HopsArtifactsError: it must not become ready.
    """
    await prepare_chain(service.chain, handover.launch)


async def start_beside(
    service: Service, handover: Handover, *, max_request_bytes: int
) -> Sequence[Stoppable]:
    """Start further servers, ready when this returns."""
    if handover.grpc_port is None:
        return ()
    # Imported late: an extra of its own.
    from hopsartifacts.serving.runtime.grpc_server import (  # noqa: PLC0415 - late
        serve_grpc,
    )

    port = handover.grpc_port
    return [await serve_grpc(service, port, max_request_bytes=max_request_bytes)]
