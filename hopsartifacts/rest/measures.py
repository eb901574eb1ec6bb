"""The server's metrics, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST as MEDIA_TYPE

_SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


class Measures:
    """The metrics of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "hopsartifacts_requests",
            "Requests answered",
            ("method", "operation", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "hopsartifacts_request_seconds",
            "Time until the answer began",
            ("method", "operation"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def count(self, method: str, operation: str, status: int, seconds: float) -> None:
        """Count one request; *operation* is its path template."""
        self._requests.labels(method, operation, str(status)).inc()
        self._seconds.labels(method, operation).observe(seconds)

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)


__all__ = ["MEDIA_TYPE", "Measures"]
