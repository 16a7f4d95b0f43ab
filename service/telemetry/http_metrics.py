"""Every HTTP request, under the names that OpenTelemetry's conventions give: status by route.

https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
"""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Gauge, Histogram

from service.telemetry.record import RequestRecord

__all__ = ["HttpMetrics"]

# Those of RFC 9110 and RFC 5789; a client's own invention never becomes a label.
_METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
)
_OTHER = "_OTHER"


class HttpMetrics:
    """Duration, route, method and status of all requests, health and metrics included.

    Args:
        registry: that shows them.
        buckets: of the durations, in seconds.

    """

    def __init__(self, registry: CollectorRegistry, buckets: list[float]) -> None:
        self._active = 0
        active = Gauge(
            "http_server_active_requests", "HTTP requests being answered now.", registry=registry
        )
        active.set_function(lambda: self._active)
        seconds = Histogram(
            "http_server_request_duration_seconds",
            "From an HTTP request's head to the end of its answer.",
            ["http_request_method", "http_route", "http_response_status_code"],
            buckets=buckets,
            registry=registry,
        )
        self._seconds_of = cache(seconds.labels)

    def begin(self) -> None:
        """A request's head is there."""
        self._active += 1

    def end(self, record: RequestRecord) -> None:
        """A request is over."""
        self._active -= 1
        method = record.method if record.method in _METHODS else _OTHER
        # Without an answer there is no status; an empty label is none.
        self._seconds_of(method, record.route, record.status or "").observe(record.seconds)
