"""OpenTelemetry traces: a span for each stage of a request, and one for each batch.

All of it is made when the request has been answered, of what was measured meanwhile; before, only
the request's own span begins. This module alone knows OpenTelemetry, and is imported only where an
endpoint is set.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes, AttributeValue

from service.engine.inference import Batch
from service.telemetry.record import RequestRecord, Stage

__all__ = ["RequestTrace", "Traces"]

log = logging.getLogger(__name__)

NOWHERE = Context()  # a span without a parent
PROPAGATED = (b"traceparent", b"tracestate")
EXPORT_TIMEOUT_S = 5
FLUSH_S = 0.9  # of the second that the grace period leaves for ending
SERVER_ERROR = 500


class Traces:
    """Makes the traces of a share of the requests, and sends them in batches on its own thread.

    Args:
        endpoint: of a collector that takes OTLP over HTTP, without ``/v1/traces``.
        share: 0 to 1 of the requests that come without a ``traceparent``; one that has it is
            traced if its sender traces it.

    """

    def __init__(self, endpoint: str, share: float) -> None:
        self._share = share
        self._propagator = TraceContextTextMapPropagator()
        self._exporter = _Exporter(f"{endpoint.rstrip('/')}/v1/traces")
        # What is traced has been decided before a span begins; the end is that of the service.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=_resource(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("booth", version("booth"))
        self._batches: WeakKeyDictionary[Batch, SpanContext] = WeakKeyDictionary()

    def begin(self, scope: Mapping[str, Any], start: float) -> RequestTrace | None:
        """The trace of a request that began at ``start``; None if it is none of the share."""
        carrier = {k.decode(): v.decode("latin-1") for k, v in scope["headers"] if k in PROPAGATED}
        parent = self._propagator.extract(carrier, NOWHERE) if carrier else NOWHERE
        remote = get_current_span(parent).get_span_context()
        drawn = random.random() < self._share  # noqa: S311 (a sample, no secret)
        if not (remote.trace_flags.sampled if remote.is_valid else drawn):
            return None
        clock = time.time_ns() - int(time.perf_counter() * 1e9)
        span = self._tracer.start_span(
            scope["method"],
            parent,
            SpanKind.SERVER,
            _request_attributes(scope),
            start_time=clock + int(start * 1e9),
        )
        return RequestTrace(self, span, clock)

    def close(self) -> None:
        """Send what is left, for a second at most."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(FLUSH_S)
        self._exporter.shutdown()

    def record(
        self,
        name: str,
        parent: Context,
        *,
        start_ns: int,
        seconds: float,
        attributes: Attributes,
        links: Sequence[Link] = (),
    ) -> SpanContext:
        """Make a span of what is over."""
        span = self._tracer.start_span(
            name, parent, attributes=attributes, links=links, start_time=start_ns
        )
        span.end(start_ns + int(seconds * 1e9))
        return span.get_span_context()

    def batch(self, batch: Batch, record: RequestRecord, start_ns: int) -> SpanContext:
        """The span of a batch, in a trace of its own that links to those of its requests."""
        known = self._batches.get(batch)
        if known is None:
            traces = [tag for tag in dict.fromkeys(batch.tags) if isinstance(tag, RequestTrace)]
            links = [Link(trace.context) for trace in traces]
            attributes: Attributes = {"booth.model": record.model, "booth.batch.size": batch.size}
            known = self.record(
                "batch",
                NOWHERE,
                start_ns=start_ns,
                seconds=batch.seconds,
                attributes=attributes,
                links=links,
            )
            self._batches[batch] = known
        return known


class RequestTrace:
    """The trace of one request."""

    def __init__(self, traces: Traces, span: Span, clock: int) -> None:
        self._traces = traces
        self._span = span
        self._clock = clock  # from time.perf_counter() to nanoseconds since 1970
        self.context = span.get_span_context()

    @property
    def id(self) -> str:
        """32 hexadecimal digits, as ``traceparent`` has them."""
        return f"{self.context.trace_id:032x}"

    def end(self, record: RequestRecord) -> None:
        """Make the spans of all stages, and end the request's own."""
        inside = set_span_in_context(self._span, NOWHERE)
        for stage in record.stages():
            self._record(stage, record, inside)
        for photograph, outcome in record.failed.items():
            which: Attributes = {"booth.photograph": photograph, "error.type": outcome}
            self._span.add_event("photograph failed", which)
        self._span.set_attributes(_outcome_attributes(record))
        if record.route:
            self._span.update_name(f"{record.method} {record.route}")
        if record.status >= SERVER_ERROR:
            self._span.set_attribute("error.type", record.outcome)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end(self._ns(record.end))

    def _record(self, stage: Stage, record: RequestRecord, inside: Context) -> None:
        start_ns = self._ns(stage.start)
        attributes: dict[str, AttributeValue] = {}
        links = []
        if stage.photograph is not None:
            attributes["booth.photograph"] = stage.photograph
        if stage.batch:
            attributes["booth.batch.size"] = stage.batch.size
            links = [Link(self._traces.batch(stage.batch, record, start_ns))]
        self._traces.record(
            stage.name,
            inside,
            start_ns=start_ns,
            seconds=stage.seconds,
            attributes=attributes,
            links=links,
        )

    def _ns(self, instant: float) -> int:
        return self._clock + int(instant * 1e9)


class _Exporter(SpanExporter):
    """OTLP over HTTP; what it says of its troubles becomes one line until they are over."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._inner = OTLPSpanExporter(endpoint, timeout=EXPORT_TIMEOUT_S)
        self._troubled = False
        self._ended = False
        logger = logging.getLogger("opentelemetry")
        logger.handlers = [_WarningHandler(self._trouble)]
        logger.propagate = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        if result is SpanExportResult.SUCCESS and self._troubled:
            self._troubled = False
            log.info("traces are taken again by %s", self._endpoint)
        return result

    def shutdown(self) -> None:
        if not self._ended:
            self._ended = True
            self._inner.shutdown()  # type: ignore[no-untyped-call]

    def _trouble(self, message: str) -> None:
        if not self._troubled:
            self._troubled = True
            log.warning("traces are not taken by %s, and are dropped: %s", self._endpoint, message)


class _WarningHandler(logging.Handler):
    """Gives warnings to a function."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())


def _resource() -> Resource:
    """Who sends: what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, before our own."""
    ours = {
        "service.name": "booth",
        "service.version": version("booth"),
        "service.instance.id": socket.gethostname(),
    }
    return Resource(ours).merge(OTELResourceDetector().detect())


def _request_attributes(scope: Mapping[str, Any]) -> Attributes:
    return {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
    }


def _outcome_attributes(record: RequestRecord) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "http.request.body.size": record.body_bytes,
        "booth.model": record.model,
        "booth.version": record.version,
        "booth.outcome": record.outcome,
        "booth.photographs": record.photographs,
        "booth.cached": len(record.cached),
    }
    if record.route:
        attributes["http.route"] = record.route
    if record.status:
        attributes["http.response.status_code"] = record.status
    return attributes
