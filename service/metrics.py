"""What the service counts, for Prometheus: requests, how long they took, streams that are open.

Routes are named by their pattern, never by what was asked, so that no name of a unit becomes a
series of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import Scope

from service.desk import Held

MEDIA_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")


class Metrics:
    """The counters of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "neuroscribe_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "neuroscribe_request_seconds",
            "How long requests took; streams count with all of theirs.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._streams = Gauge(
            "neuroscribe_event_streams", "Event streams that are open.", registry=self.registry
        )

        self._subjects = Gauge(
            "neuroscribe_subjects_loaded", "Models that are loaded.", registry=self.registry
        )
        self._subject_bytes = Gauge(
            "neuroscribe_subject_bytes",
            "Bytes of the weights of loaded models.",
            registry=self.registry,
        )

    def hold(self, held: Callable[[], Held]) -> None:
        """Read from there what is loaded."""
        self._subjects.set_function(lambda: held().subjects)
        self._subject_bytes.set_function(lambda: held().bytes)

    def follow(self, streams: Callable[[], int]) -> None:
        """Read the number of open streams from there."""
        self._streams.set_function(streams)

    def count(self, scope: Scope, status: int | None, seconds: float) -> None:
        """One request that has ended; ``status`` None: the client left before an answer."""
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(method, route, str(status or "gone")).inc()
        self._seconds.labels(route).observe(seconds)

    def written(self) -> bytes:
        """Everything as Prometheus reads it."""
        return generate_latest(self.registry)
