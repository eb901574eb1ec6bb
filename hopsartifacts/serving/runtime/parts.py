"""The parts of a worker other than its HTTP server, as its launch requires them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from hopsartifacts.serving.runtime import component_logs
from hopsartifacts.serving.runtime.chain_loader import prepare_chain
from hopsartifacts.serving.runtime.handover import Handover
from hopsartifacts.serving.runtime.metrics import Metrics
from hopsartifacts.serving.runtime.recorder import make_recorder
from hopsartifacts.serving.runtime.service import Observer, Service


class Stoppable(Protocol):
    """A server that runs beside the HTTP server."""

    async def stop(self, grace: float | None) -> Any:
        """Refuse new requests, and give those in progress *grace* seconds."""
        ...


def lead_logs(handover: Handover) -> None:
    """Route the output of the transformer, if there is one, to its own log."""
    descriptor = handover.transformer_log_fd
    if descriptor is not None:
        component_logs.install(Path(f"/dev/fd/{descriptor}"))
        # It is now open under another descriptor, which child processes do not inherit.
        os.close(descriptor)


def meter(handover: Handover) -> Metrics:
    """Return the counters for the worker's requests."""
    return Metrics(handover.launch.deployment, handover.launch.deployment_version)


def observers(handover: Handover, metrics: Metrics) -> Sequence[Observer]:
    """Return the observers of every exchange, called before the answer is sent."""
    recorder = make_recorder(
        handover.launch, handover.spool_path, on_drop=metrics.count_dropped
    )
    return [recorder] if recorder else []


async def prepare(service: Service, handover: Handover) -> None:
    """Run, on the serving loop, the checks that precede readiness.

    Raises:
        HopsArtifactsError: the worker must not become ready.
    """
    await prepare_chain(service.chain, handover.launch)


async def start_beside(
    service: Service, handover: Handover, *, max_request_bytes: int
) -> Sequence[Stoppable]:
    """Start the further servers; they are ready when this returns."""
    if handover.grpc_port is None:
        return ()
    # Imported late: needed for gRPC only, which is a separate extra.
    from hopsartifacts.serving.runtime.grpc_server import (  # noqa: PLC0415 - late
        serve_grpc,
    )

    port = handover.grpc_port
    return [await serve_grpc(service, port, max_request_bytes=max_request_bytes)]
