"""Counts of the processes of a deployment, as metrics for Prometheus.

Processes of one deployment add up their counts through files in the folder that
``PROMETHEUS_MULTIPROC_DIR`` names, so that any of them can report for all. The folder
must be empty when a run begins. Without the variable each process counts for itself.
"""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from hopsartifacts.serving.contract import Component, LastError
from hopsartifacts.serving.process_environment import METRICS_VARIABLE
from hopsartifacts.serving.runtime.failures import last_error
from hopsartifacts.serving.traffic import Counts, Tally

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_LABELS = ("deployment", "version")


class Metrics:
    """The counts of one process; see ``service.Meter``.

    Besides the metrics, the process reports its counts to its keeper: see ``take``.
    """

    def __init__(self, deployment: str, version: int) -> None:
        folder = os.environ.get(METRICS_VARIABLE)
        self._folder = Path(folder) if folder else None
        # In multiprocess mode the page is built from a new registry each time.
        self._registry = CollectorRegistry()
        labels = {"deployment": deployment, "version": str(version)}
        requests = Counter(
            "hopsartifacts_requests",
            "Predictions that were answered, with their HTTP status.",
            (*_LABELS, "protocol", "status"),
            registry=self._registry,
        )
        seconds = Histogram(
            "hopsartifacts_request_seconds",
            "Time from the whole request to the whole answer.",
            (*_LABELS, "protocol"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        in_flight = Gauge(
            "hopsartifacts_requests_in_flight",
            "Predictions that are in progress or queued.",
            _LABELS,
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        rows = Histogram(
            "hopsartifacts_batch_rows",
            "Rows that were predicted in one batch.",
            _LABELS,
            buckets=_ROWS,
            registry=self._registry,
        )
        dropped = Counter(
            "hopsartifacts_log_records_dropped",
            "Exchanges that the inference log could not store.",
            _LABELS,
            registry=self._registry,
        )
        running = Gauge(
            "hopsartifacts_deployment_info",
            "1 for each version that runs.",
            _LABELS,
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._in_flight = in_flight.labels(**labels)
        self._rows = rows.labels(**labels)
        self._dropped = dropped.labels(**labels)
        running.labels(**labels).set(1)

        # Finding the child of some labels takes as long as counting.
        @cache
        def count(protocol: str, status: int) -> Counter:
            return requests.labels(**labels, protocol=protocol, status=str(status))

        @cache
        def time(protocol: str) -> Histogram:
            return seconds.labels(**labels, protocol=protocol)

        self._requests, self._seconds = count, time
        self._version = version
        self._tally = Tally()
        self._error: LastError | None = None

    def begin(self) -> None:
        """Count a request that arrived."""
        self._in_flight.inc()

    def end(self, protocol: str, status: int, seconds: float) -> None:
        """Count the answer to a request."""
        self._in_flight.dec()
        self._requests(protocol, status).inc()
        self._seconds(protocol).observe(seconds)
        self._tally.count(status, seconds)

    def fail(self, error: BaseException, component: Component | None) -> None:
        """Note the error of a request."""
        self._error = last_error(error, self._version, component)

    def take(self) -> tuple[Counts, LastError | None]:
        """Return what happened since the last call; see ``keeper_link.News``."""
        error, self._error = self._error, None
        return self._tally.take(), error

    def count_batch(self, rows: int) -> None:
        """Count a batch with this number of rows."""
        self._rows.observe(rows)

    def count_dropped(self, records: int = 1) -> None:
        """Count exchanges that were not logged."""
        self._dropped.inc(records)

    def page(self) -> tuple[bytes, str]:
        """Return the counts of all processes in Prometheus' text format.

        Metrics that scripts register with the default registry are included.
        """
        if self._folder is None:
            counts = generate_latest(self._registry) + generate_latest(REGISTRY)
            return counts, CONTENT_TYPE_LATEST
        _forget_ended(self._folder)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST


def _forget_ended(folder: Path) -> None:
    """Delete the live gauges of processes that were killed."""
    for path in folder.glob("gauge_live*_*.db"):
        # If we may not signal the process, it exists, as another user's.
        with suppress(PermissionError, FileNotFoundError):
            try:
                os.kill(int(path.stem.rpartition("_")[2]), 0)
            except ProcessLookupError:
                path.unlink()
